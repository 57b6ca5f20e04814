#!/usr/bin/env bash
# npm run bench [-- NAME… --seconds N]: installs what is missing, builds, then measures.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
node scripts/build.mjs bench >&2
exec node dist/bench/run.js "$@"
