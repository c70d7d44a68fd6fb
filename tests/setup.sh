#!/bin/sh
# setup.sh -- install what building and testing convex_migrate needs.
#
#   tests/setup.sh [PACKAGE...]   install what is missing (Debian 12 or later, as root)
#   tests/setup.sh --check        only list what is missing; exit 1 if anything is
#
# PACKAGEs are what a target of the Makefile needs besides.
#
# PG_CONFIG chooses the PostgreSQL: /usr/lib/postgresql/NN/bin/pg_config stands
# for Debian's packages of major NN; any other pg_config must come with its own
# headers and server programs, and no PostgreSQL package is installed for it.
# Without PG_CONFIG it is the major version of this Debian release.
#
# First come Debian packages, then the npm packages that package-lock.json pins.
# When nothing is missing it says nothing and changes nothing, so that every
# `make` target can begin with it.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
node_needed=18
# Convex's command line tool asks for more ("engines" in its package.json) than
# Debian 12 has. There it gets a Node.js from npm for itself.
tool_node_needed=20
tool_node=20.20.2

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
version_of() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true; }

# The major version to use, or nothing when PG_CONFIG names one that is not Debian's.
postgres_major() {
  if [ -n "${PG_CONFIG:-}" ]; then
    path=$PG_CONFIG
    [ ! -x "$path" ] || path=$("$path" --bindir)/pg_config
    major=$(printf '%s\n' "$path" | sed -n 's,^/usr/lib/postgresql/\([0-9][0-9]*\)/bin/pg_config$,\1,p')
    if [ -z "$major" ]; then
      [ -x "$PG_CONFIG" ] || fail "PG_CONFIG: there is no program $PG_CONFIG"
      [ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] || fail "the PostgreSQL of $PG_CONFIG comes without its server headers"
    fi
    echo "$major"
    return
  fi
  # shellcheck source=/dev/null
  case $(. /etc/os-release; echo "${VERSION_CODENAME:-}") in
    bookworm) echo 15 ;;
    trixie) echo 17 ;;
    forky) echo 18 ;;
    *)
      # "postgresql" depends on the release's own major version, which a fresh
      # machine knows only after its first "apt-get update".
      [ "$(id -u)" != 0 ] || apt-cache show postgresql >/dev/null 2>&1 ||
        apt-get update -qq >/dev/null 2>&1 || true
      major=$(apt-cache depends postgresql 2>/dev/null |
        sed -n 's/^ *Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
      [ -n "$major" ] || fail "cannot tell this system's PostgreSQL version: run 'apt-get update', or set PG_CONFIG=/usr/lib/postgresql/NN/bin/pg_config"
      echo "$major"
      ;;
  esac
}

# The PostgreSQL packages of major $1 that are missing. Server and headers are
# taken together, also when only their minor versions differ: an extension built
# with newer headers may call what the older server does not have. Debian has
# pgvector since 17; the tests of its types do without it. PostGIS brings 160 MB.
missing_postgres() {
  server=postgresql-$1 headers=postgresql-server-dev-$1
  if ! installed "$server" || ! installed "$headers" ||
    [ "$(version_of "$server")" != "$(version_of "$headers")" ]; then
    echo "$server $headers"
  fi
  installed "postgresql-$1-cron" || echo "postgresql-$1-cron"
  installed "postgresql-$1-postgis-3" || echo "postgresql-$1-postgis-3"
  [ "$1" -lt 17 ] || installed "postgresql-$1-pgvector" || echo "postgresql-$1-pgvector"
}

# What is missing for PostgreSQL $1 (or nothing), and of the packages that follow.
missing_packages() {
  major=$1
  shift
  for package in build-essential pkg-config clang libcurl4-openssl-dev libcjson-dev libisal-dev libzstd-dev unzip libarchive-tools ca-certificates openssl pgbouncer "$@"; do
    installed "$package" || echo "$package"
  done
  if [ -n "$major" ]; then
    missing_postgres "$major"
  fi
  # A node that does not come from Debian's packages counts as well.
  if ! node_is_at_least "$node_needed"; then
    echo nodejs
  fi
  command -v npm >/dev/null || echo npm
}

node_is_at_least() {
  command -v node >/dev/null && node -e "process.exit(parseInt(process.versions.node) >= $1 ? 0 : 1)"
}

tool_has_node() {
  node_is_at_least "$tool_node_needed" || [ -x "$tests/node_modules/.bin/node" ]
}

# Are the modules on disk those of package-lock.json? npm notes what it
# installed in node_modules/.package-lock.json at the end of a complete run.
# Comparing contents (not times) leaves modules alone that `npm install` put there.
modules_are_current() {
  node -e '
    const { readFileSync } = require("fs");
    const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
    const wanted = packagesOf("package-lock.json");
    const present = packagesOf("node_modules/.package-lock.json");
    for (const [path, { version, optional }] of Object.entries(wanted)) {
      if (path === "" || (optional && !present[path])) continue;
      if (present[path]?.version !== version) process.exit(1);
    }' 2>/dev/null
}

# Debian creates and starts a cluster "main" when a server package is installed
# for the first time. Nobody asked for one: switch that off while we install.
# Clusters that exist are left as they are.
install_packages() {
  conf_dir=/etc/postgresql-common/createcluster.d
  conf=$conf_dir/convex-migrate-setup.conf
  mkdir -p "$conf_dir"
  log=$(mktemp)
  trap 'rm -f "$conf" "$log"; rmdir "$conf_dir" 2>/dev/null || true' EXIT
  trap 'exit 1' HUP INT TERM
  echo "create_main_cluster = false" >"$conf"

  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >"$log" 2>&1 || say "apt-get update failed; going on with the package lists that are here"
  # shellcheck disable=SC2086 # a list of package names
  apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $1 >"$log" 2>&1 ||
    { cat "$log" >&2; fail "apt-get could not install: $1"; }
  node_is_at_least "$node_needed" || fail "node $(node --version) is too old: install Node.js $node_needed or later"
}

install_modules() {
  cd "$tests"
  npm ci --no-audit --no-fund --loglevel=error
  tool_has_node ||
    npm install --no-save --no-audit --no-fund --loglevel=error "node-linux-$(node -p process.arch)@$tool_node"
}

main() {
  check=no
  case ${1:-} in
    --check) check=yes; shift ;;
    -*) fail "unknown option $1 (there is only --check)" ;;
  esac
  command -v dpkg-query >/dev/null ||
    fail "this is not a Debian system: install a C compiler, clang, make, pkg-config, libcurl, cJSON, ISA-L, zstd, unzip, bsdtar, PostgreSQL with its headers, pg_cron, Node.js $node_needed or later and npm, then run 'npm ci' in tests/"

  major=$(postgres_major)
  packages=$(missing_packages "$major" "$@" | paste -sd ' ' -)
  modules=missing
  if node_is_at_least "$node_needed" && (cd "$tests" && modules_are_current) && tool_has_node; then
    modules=current
  fi

  if [ "$check" = yes ]; then
    [ -z "$packages" ] || say "missing Debian packages: $packages"
    [ "$modules" = current ] || say "missing npm packages: those of tests/package-lock.json"
    [ -z "$packages" ] && [ "$modules" = current ]
    return
  fi
  if [ -n "$packages" ]; then
    [ "$(id -u)" = 0 ] || fail "please install these Debian packages as root, then run this again: apt-get install $packages"
    say "installing Debian packages (may take some minutes): $packages"
    install_packages "$packages"
  fi
  if [ "$modules" = missing ]; then
    say "installing npm packages into tests/node_modules (npm ci)"
    install_modules >&2
  fi
}

main "$@"
