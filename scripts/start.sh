#!/usr/bin/env bash
# npm start: brings what is missing, builds what is stale, and starts the lab in the foreground. Arguments go to `vitrine lab up`:
# npm start -- --nodes 1
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
exec bin/vitrine lab up "$@"
