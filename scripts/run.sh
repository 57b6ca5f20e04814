#!/usr/bin/env bash
# run.sh FILE.ts [ARGUMENTS]: installs what is missing, builds, then runs a program of test/ that is written in TypeScript.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
# As deep below the root as the file itself, so that what it finds beside itself it finds from there too.
program=dist/run/$(basename "$1" .ts).mjs
npx esbuild "$1" --bundle --platform=node --target=node20 --format=esm --packages=external --log-level=warning --outfile="$program"
exec node --enable-source-maps "$program" "${@:2}"
