#!/bin/sh
# What a container does before its command ($@): the lab's own routes in place of the engine's way out, one a line in $ROUTES; and
# on a node, whose proxy and pod network set kernel parameters of its own network, /proc/sys made writable.
set -eu
[ "${NODE:-}" != yes ] || mount -o remount,rw /proc/sys
[ -z "${ROUTES:-}" ] || {
  ip route flush default
  printf '%s\n' "$ROUTES" | sed 's/^/route replace /' | ip -batch -
}
exec "$@"
