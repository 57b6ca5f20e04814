#!/usr/bin/env bash
# npm test: does its own set-up, then checks format, types and behaviour. Arguments go to vitest (a folder, `-t NAME`).
# Its last line counts: N passed, N failed, N skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
vitrine_also_needs='kubectl:kubernetes-client git:git'
. scripts/setup.sh
report=$(mktemp)
trap 'rm -f "$report"' EXIT
npx biome check .
npx tsc --noEmit
status=0
npx vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" || status=$?
node scripts/count-tests.mjs "$report"
exit "$status"
