#!/usr/bin/env bash
# Exercises an API server as people do with Helm: one line a check, exit code 1 when one failed. HELM is the program, KUBECONFIG names
# the server; everything is made in the namespace `helm`.
chart=$(dirname "$0")/chart
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HELM_CACHE_HOME=$scratch HELM_CONFIG_HOME=$scratch HELM_DATA_HOME=$scratch

# check NAME PATTERN WORDS…: helm succeeds and says what matches the pattern.
check() {
  local name=$1 pattern=$2 said
  shift 2
  if said=$("$HELM" --namespace helm "$@" 2>&1) && [[ $said =~ $pattern ]]; then
    echo "ok   $name"
  else
    echo "FAIL $name: ${said//$'\n'/ }"
    failed=1
  fi
}

check 'install' 'REVISION: 1' install web "$chart" --create-namespace
check 'list' 'web.*deployed.*web-0.1.0' list
check 'dry run on the server' 'port: 90' upgrade web "$chart" --set port=90 --dry-run=server
check 'upgrade' 'REVISION: 2' upgrade web "$chart" --set port=81,replicas=2
check 'get manifest' 'port: 81' get manifest web
check 'status' 'STATUS: deployed' status web
check 'history' '1.*superseded.*2.*deployed' history web
check 'rollback' 'success' rollback web 1
check 'what was rolled back' '3.*deployed.*Rollback to 1' history web
check 'upgrade with client-side patches' 'REVISION: 4' upgrade web "$chart" --server-side=false --set port=82
check 'uninstall' 'uninstalled' uninstall web --wait --timeout 20s
check 'nothing left' 'APP VERSION[[:space:]]*$' list
exit "$failed"
