# Sourced by start.sh, test.sh and bench.sh, from the project's root: brings what this machine lacks. As root it installs Debian
# packages; an ordinary user is told which ones, and how.

# Program and the Debian package that brings it; who sources this may name more in vitrine_also_needs.
vitrine_needs='ip:iproute2 nft:nftables iptables:iptables conntrack:conntrack unshare:util-linux nsenter:util-linux
flock:util-linux mount:mount busybox:busybox-static perl:perl-base curl:curl'

vitrine_fail() {
  echo "vitrine: $*" >&2
  exit 1
}

vitrine_packages() {
  local need missing=()
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  for need in $vitrine_needs ${vitrine_also_needs:-}; do
    command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local install="apt-get install -y --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null || vitrine_fail "this machine lacks what these Debian packages bring: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || vitrine_fail "missing Debian packages; install them with:
  sudo apt-get update && sudo $install"
  echo "vitrine: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && $install; } >/dev/null || vitrine_fail "could not install ${missing[*]}; try: apt-get update && $install"
}

vitrine_node() {
  command -v node >/dev/null || vitrine_fail 'needs Node.js 20.19 or newer: https://nodejs.org'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    vitrine_fail "needs Node.js 20.19 or newer; this is $(node --version)"
}

# npm writes node_modules/.package-lock.json last: older than the lockfile means not what it says.
vitrine_modules() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return
  [ -w . ] || vitrine_fail "node_modules is missing or stale, and $PWD is not writable: have its owner run npm ci"
  echo 'vitrine: installing node modules'
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
}

vitrine_build() {
  [ -f dist/vitrine.cjs ] &&
    [ -z "$(find package.json package-lock.json scripts/build.mjs api host client apiserver controllers proxy node dns lab \
      -newer dist/vitrine.cjs -type f ! -name '*.test.ts' -print -quit)" ] && return
  [ -w . ] || vitrine_fail "dist is missing or stale, and $PWD is not writable: have its owner run npm run build"
  echo 'vitrine: building'
  node scripts/build.mjs
}

vitrine_node
vitrine_packages
vitrine_modules
vitrine_build
