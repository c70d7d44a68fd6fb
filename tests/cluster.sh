#!/bin/sh
# cluster.sh -- a private PostgreSQL cluster in a throw-away folder.
#
#   tests/cluster.sh start DIR [LINE...]   create and start; LINEs go into postgresql.conf
#   . DIR/env                              PGHOST, PGPORT, PGUSER, PGDATABASE of the cluster
#   tests/cluster.sh restart DIR MODE      stop as pg_ctl does in this mode, and start again
#   tests/cluster.sh stop DIR              stop, and remove the folder with all that is in it
#
# DIR must not exist yet, or be empty. The server log is DIR/log.
# PG_CONFIG chooses the PostgreSQL version (default: the pg_config in PATH).
# POSTGRES names a program to start in the place of postgres, such as one that
# starts it under valgrind.
#
# The cluster listens on a Unix socket of its own only, trusts whoever reaches
# it, and does not survive a crash of the machine (fsync is off). Superuser is
# "postgres", encoding UTF8, locale C.UTF-8. The socket is in a folder made under
# /tmp, as its path must stay below 108 bytes however long DIR is.
#
# PostgreSQL refuses to run as root: then the cluster belongs to the system user
# "postgres", or "nobody" where there is none. For pg_cron give these lines:
#   "shared_preload_libraries = 'pg_cron'" "cron.database_name = 'NAME'"
#   "cron.use_background_workers = on"
set -eu

fail() { printf '%s\n' "cluster.sh: $*" >&2; exit 1; }

# Runs a PostgreSQL program as the owner of the cluster.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    # From /: the owner may not be allowed into the caller's folder.
    (cd / && setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups -- "$@")
  else
    "$@"
  fi
}

write_conf() {
  cat <<CONF
unix_socket_directories = '$socket_dir'
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 4GB
logging_collector = off
log_line_prefix = '%m [%p] %q%a '
CONF
  for line in "$@"; do
    printf '%s\n' "$line"
  done
}

start() {
  dir=$1
  shift
  [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  mkdir -p "$dir"
  dir=$(CDPATH='' cd -- "$dir" && pwd)
  socket_dir=$(mktemp -d /tmp/convex-pg.XXXXXX)
  # From here on a failure leaves nothing behind.
  trap 'abandon' EXIT
  trap 'exit 1' HUP INT TERM

  if [ "$(id -u)" = 0 ]; then
    owner=$(as_owner id -un)
    chown "$owner" "$dir" "$socket_dir"
    as_owner test -w "$dir" || fail "the user $owner cannot reach $dir: choose a folder below one that everybody may enter, such as /tmp"
  fi

  as_owner "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust --no-sync >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; fail "initdb failed"; }
  write_conf "$@" >>"$dir/data/postgresql.conf"
  start_up

  cat >"$dir/env" <<ENV
export PGHOST='$socket_dir' PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
ENV
  trap - EXIT
}

start_up() {
  as_owner "$bin/pg_ctl" start -D "$dir/data" -l "$dir/log" -w -s -t 60 -p "${POSTGRES:-$bin/postgres}" ||
    { tail -n 20 "$dir/log" >&2; fail "the server did not start"; }
}

abandon() {
  [ ! -e "$dir/data/postmaster.pid" ] || shut_down
  rm -rf "$socket_dir" "$dir"
}

# A backend that does not react to a fast shutdown must not keep the tests waiting.
shut_down() {
  as_owner "$bin/pg_ctl" stop -D "$dir/data" -m fast -s -t 10 2>/dev/null ||
    as_owner "$bin/pg_ctl" stop -D "$dir/data" -m immediate -s -t 10
}

# Sets dir.
find_cluster() {
  [ -f "$1/env" ] || fail "there is no cluster in $1"
  dir=$(CDPATH='' cd -- "$1" && pwd)
}

restart() {
  find_cluster "$1"
  as_owner "$bin/pg_ctl" stop -D "$dir/data" -m "$2" -s -t 60
  start_up
}

stop() {
  find_cluster "$1"
  # shellcheck source=/dev/null
  . "$dir/env"
  [ ! -e "$dir/data/postmaster.pid" ] || shut_down
  rm -rf "$PGHOST" "$dir"
}

usage="usage: cluster.sh start DIR [postgresql.conf line...] | cluster.sh restart DIR MODE | cluster.sh stop DIR"
[ $# -ge 2 ] || fail "$usage"
command -v "${PG_CONFIG:-pg_config}" >/dev/null || fail "there is no ${PG_CONFIG:-pg_config}: run tests/setup.sh"
bin=$("${PG_CONFIG:-pg_config}" --bindir)
case $1 in
  start) shift; start "$@" ;;
  restart) [ $# = 3 ] || fail "$usage"; restart "$2" "$3" ;;
  stop) stop "$2" ;;
  *) fail "$usage" ;;
esac
