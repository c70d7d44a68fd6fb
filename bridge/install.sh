#!/bin/sh
#
# install.sh -- convex-bridge on a Debian or Ubuntu machine, from nothing.
#
#   bridge/install.sh           as root: PostgreSQL, the extension and convex-bridge
#   bridge/install.sh --image   the same for an image: with pg_cron, and what only
#                               building needs is taken away again
#
# The PostgreSQL is the one of this release; no cluster of its own is made, and
# those that exist are left as they are. convex-bridge becomes a command of
# everybody (a link in /usr/local/bin).
set -eu

fail() { printf '%s\n' "install.sh: $*" >&2; exit 1; }

cd "$(dirname -- "$0")/.."
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu: see \"Install\" in README.md"
case ${1:-} in
  '' | --image) ;;
  *) fail "unknown option $1" ;;
esac

# postgresql-common makes a cluster when a server is installed: not now.
conf_dir=/etc/postgresql-common/createcluster.d
mkdir -p "$conf_dir"
echo 'create_main_cluster = false' >"$conf_dir/convex-bridge.conf"
trap 'rm -f "$conf_dir/convex-bridge.conf"' EXIT

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
major=$(apt-cache show postgresql | sed -n 's/^Depends:.*postgresql-\([0-9]*\).*/\1/p' | head -n 1)
build="gcc libc6-dev make pkg-config postgresql-server-dev-$major libcurl4-openssl-dev libcjson-dev libisal-dev libzstd-dev"
cron=
[ -z "${1:-}" ] || cron=postgresql-$major-cron
# shellcheck disable=SC2086 # lists of packages
apt-get install -y -qq --no-install-recommends ca-certificates "postgresql-$major" $cron $build

pg_config=/usr/lib/postgresql/$major/bin/pg_config
# bitcode for JIT would need clang, and a copy does not use it
make -s with_llvm=no PG_CONFIG="$pg_config"
make -s with_llvm=no PG_CONFIG="$pg_config" install
ln -sf "/usr/lib/postgresql/$major/bin/convex-bridge" /usr/local/bin/convex-bridge

if [ -n "$cron" ]; then
  make -s with_llvm=no PG_CONFIG="$pg_config" clean
  # libraries that the extension needs stay, as they are not of the -dev packages
  # shellcheck disable=SC2046
  apt-mark manual -q $(dpkg-query -S $(ldd "/usr/lib/postgresql/$major/lib/convex_migrate.so" |
    sed -n 's,.*=> \(/[^ ]*\(curl\|cjson\|isal\|zstd\)[^ ]*\) .*,\1,p' | xargs -n 1 readlink -f) | cut -d: -f1) >/dev/null
  # shellcheck disable=SC2086
  apt-get purge -y -qq --auto-remove $build
  rm -rf /var/lib/apt/lists/*
fi
