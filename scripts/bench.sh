#!/usr/bin/env bash
# npm run bench [-- NAME… --seconds N]: installs and builds what is missing, then measures.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d node_modules ] || npm ci --no-audit --no-fund >&2
node scripts/build.mjs
npx esbuild bench/{run,load,fill,watchers,bare-server,backend-sync,prober}.ts --outdir=dist/bench --chunk-names=chunk-[hash] \
  --bundle --splitting --format=esm --platform=node --target=node20 --log-level=warning \
  --external:classic-level --external:pino --external:pino-pretty \
  --banner:js="import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" >&2
exec node dist/bench/run.js "$@"
