{{/* What a schema cannot say: what a missing value is for and how one is got. All problems are told at once. */}}
{{- define "echoplane.validate" -}}
{{- $problems := list -}}
{{- with .Values -}}
{{- if not .clusterName -}}
{{- $problems = append $problems "clusterName is missing: the name under which this cluster is shown, such as --set clusterName=staging" -}}
{{- end -}}
{{- if not .cloud.url -}}
{{- $problems = append $problems "cloud.url is missing: the address of the control plane, such as --set cloud.url=https://echoplane.example.com; to run your own, install charts/echoplane-cloud, its notes say the address" -}}
{{- else if not (regexMatch "^https?://[^/]+/?$" .cloud.url) -}}
{{- $problems = append $problems (printf "cloud.url is %q: it must be http:// or https:// with a host and no path" .cloud.url) -}}
{{- end -}}
{{- if and .apiKey .existingSecret -}}
{{- $problems = append $problems "apiKey and existingSecret are both given: choose one" -}}
{{- else if not (or .apiKey .existingSecret) -}}
{{- $problems = append $problems "apiKey is missing: make a key with the role agent in the dashboard (Settings, Keys), or read it from a self-hosted control plane: kubectl get secret -n echoplane-cloud echoplane-cloud-access -o jsonpath='{.data.agentKey}' | base64 -d; or name a Secret that has it under apiKey in existingSecret" -}}
{{- else if and .apiKey (not (regexMatch "^ep_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$" .apiKey)) -}}
{{- $problems = append $problems "apiKey is not a key of Echoplane: one begins with ep_ and has 55 characters; copy it whole" -}}
{{- end -}}
{{- if not .image.repository -}}
{{- $problems = append $problems "image.repository is missing: where this cluster pulls the image from, such as --set image.repository=registry.example.com/echoplane; make the image with deploy/Dockerfile or npm run image" -}}
{{- end -}}
{{- range .namespaces -}}
{{- if has . (list $.Release.Namespace "kube-system" "kube-public" "kube-node-lease") -}}
{{- $problems = append $problems (printf "namespaces has %s, in which nothing is ever captured: leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- if and .networkPolicy.enabled .monitoring.serviceMonitor.enabled (not .monitoring.namespaceSelector) -}}
{{- $problems = append $problems "monitoring.namespaceSelector is missing: without it the NetworkPolicies keep Prometheus out; name its namespace, such as --set monitoring.namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring" -}}
{{- end -}}
{{- $hasStore := or (hasKey .forwarder.env "ECHOPLANE_S3_BUCKET") (hasKey .forwarder.env "ECHOPLANE_STORE_DIR") -}}
{{- if and (or (eq .forwarder.ship "store") (eq .storeAccess "private")) (not $hasStore) -}}
{{- $problems = append $problems "forwarder.env has no ECHOPLANE_S3_BUCKET, which forwarder.ship: store and storeAccess: private need: name a bucket of yours there, and the Secret with its credentials in forwarder.envFromSecrets" -}}
{{- end -}}
{{- if and (eq .forwarder.ship "firehose") (not (hasKey .forwarder.env "ECHOPLANE_FIREHOSE_STREAM")) -}}
{{- $problems = append $problems "forwarder.env has no ECHOPLANE_FIREHOSE_STREAM, and forwarder.ship is firehose: name your stream, or choose upload" -}}
{{- end -}}
{{- if and (eq .storeAccess "private") (eq .forwarder.ship "upload") -}}
{{- $problems = append $problems "storeAccess is private, and forwarder.ship is upload, which gives the recordings to the control plane: choose ship: store with a bucket of your own" -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThis cannot be installed yet:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end }}
