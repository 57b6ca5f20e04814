#!/usr/bin/env bash
# npm run tutorial [-- --proxy-mode nftables --pod-network vxlan]: installs what is missing, builds, then walks the tutorial and proves every claim.
set -euo pipefail
cd "$(dirname "$0")/.."
vitrine_also_needs='kubectl:kubernetes-client'
. scripts/setup.sh
exec bin/vitrine tutorial "$@"
