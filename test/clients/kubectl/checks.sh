#!/usr/bin/env bash
# Exercises an API server as people do with kubectl: one line a check, exit code 1 when one failed. KUBECTL is the program, KUBECONFIG
# names the server; everything is made in a namespace called as the first argument says.
namespace=$1
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

k() { "$KUBECTL" --namespace "$namespace" --cache-dir "$scratch/cache" "$@"; }

# check NAME PATTERN WORDS…: the command succeeds and says what matches the pattern.
check() {
  local name=$1 pattern=$2 said
  shift 2
  if said=$("$@" 2>&1) && [[ $said =~ $pattern ]]; then
    echo "ok   $name"
  else
    echo "FAIL $name: ${said//$'\n'/ }"
    failed=1
  fi
}

# differs WORDS…: kubectl diff ends with 1 when there is a difference.
differs() {
  k diff -f "$scratch/web.yaml"
  [ $? -eq 1 ]
}

cat > "$scratch/web.yaml" << 'YAML'
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: echo, image: echo}]}
YAML

check 'create namespace' 'created' k create namespace "$namespace"
check 'apply' 'deployment.apps/web created' k apply -f "$scratch/web.yaml"
check 'apply again' 'deployment.apps/web unchanged' k apply -f "$scratch/web.yaml"
sed -i 's/targetPort: 8080/targetPort: 8081/' "$scratch/web.yaml"
check 'diff' '- +targetPort: 8080.*\+ +targetPort: 8081' differs
check 'apply --server-side' 'service/web serverside-applied' k apply --server-side --force-conflicts -f "$scratch/web.yaml"
check 'get, as a table' 'web +ClusterIP +10\.96\.[0-9.]+ +<none> +80/TCP' k get services
check 'get -o jsonpath' '^80 8081$' k get service web -o 'jsonpath={.spec.ports[0].port} {.spec.ports[0].targetPort}'
check 'scale' 'scaled' k scale deployment web --replicas 2
check 'wait for what a controller counts' 'condition met' k wait deployment/web --for 'jsonpath={.status.replicas}=2' --timeout 20s
check 'set image, and its history' 'echo:2.*2 ' eval 'k set image deployment/web echo=echo:2 && k get deployment web -o wide &&
  k wait deployment/web --for "jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}=2" --timeout 20s && k rollout history deployment web'
check 'rollout undo' 'rolled back' k rollout undo deployment web
check 'patch, label, annotate' 'labeled.*annotate' eval 'k patch service web -p "{\"spec\":{\"ports\":[{\"port\":80,\"name\":\"a\"}]}}" &&
  k label service web a=b && k annotate service web c=d'
check 'describe' 'Type: +ClusterIP' k describe service web
check 'explain' 'clusterIP.*<string>' k explain service.spec
check 'api-resources' 'endpointslices' k api-resources --api-group discovery.k8s.io
check 'auth can-i' 'yes' k auth can-i create pods
check 'get --watch, ended by its timeout' 'web' k get services --watch --request-timeout 1s
check 'delete, waiting' 'deployment.apps "web" (force )?deleted' k delete -f "$scratch/web.yaml" --timeout 20s
check 'delete namespace' 'deleted' k delete namespace "$namespace" --wait=false
exit "$failed"
