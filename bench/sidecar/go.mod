module echoplane.local/bench/sidecar

go 1.19
