#!/usr/bin/env bash
# refresh-golden.sh DIR: brings the recordings of real Kubernetes (http, kubectl, proxy, dns, each with its runner) from DIR into
# test/golden, whole; what DIR no longer has goes. Recordings are never edited here.
set -euo pipefail
from=${1:?usage: refresh-golden.sh DIR}
to=$(dirname "$0")/../test/golden
[ -f "$from/http/replay.mjs" ] || { echo "refresh-golden: $from holds no recordings" >&2; exit 2; }
rm -rf "$to"
mkdir -p "$to"
cp -r --no-preserve=mode "$from"/{README.md,http,kubectl,proxy,dns} "$to"/
git -C "$to" status --short . | head
