# ---- cluster.sh: the private PostgreSQL in the folder ------------------------
#
# $dir/data is a cluster that listens on a socket in a folder of its own below
# /tmp (a socket's path must be short, and a folder that Docker shares may not
# hold one). It runs for the time of a command; the last command that uses it
# stops it. Whoever may enter the folder, or is root, is its superuser.
#
# PostgreSQL refuses to run as root: then the cluster belongs to the user
# postgres, or nobody where there is none. Set by cluster_start(): $socket.

socket=

as_owner() {
  local owner
  if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    # From /: the owner may not be allowed into the caller's folder.
    (cd / && exec setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups -- "$@")
  else
    (cd / && exec "$@")
  fi
}

# Gives a file or folder to the owner of the cluster.
give_to_owner() {
  [ "$(id -u)" != 0 ] || chown "$(as_owner id -un)" "$@"
}

# psql in the cluster: cluster_psql DATABASE ARGUMENT...
cluster_psql() {
  local database
  database=$1
  shift
  PGAPPNAME="convex-bridge $$" "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$socket" -p 5432 -U postgres -d "$database" "$@"
}

# The one value that a query gives: cluster_value DATABASE QUERY
cluster_value() { cluster_psql "$1" -At -c "$2"; }

cluster_exists() { [ -f "$dir/data/PG_VERSION" ]; }

cluster_running() {
  [ -f "$dir/data/postmaster.pid" ] && as_owner "$bin/pg_ctl" status -D "$dir/data" >/dev/null 2>&1
}

# Make the folder and the cluster, unless they are there; start it, unless it runs.
cluster_start() {
  cluster_exists || cluster_make
  [ "$(cat "$dir/data/PG_VERSION")" = "$("$bin/postgres" -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')" ] ||
    fail "the folder $dir is of another version of PostgreSQL" \
      "It has version $(cat "$dir/data/PG_VERSION"), the programs here are $("$bin/postgres" -V | sed 's/[^0-9]*//')." \
      "convex-bridge drop --dir $dir, then the same command again."
  if cluster_running; then
    socket=$(sed -n 5p "$dir/data/postmaster.pid")
    cluster_psql template1 -c 'SELECT' >/dev/null 2>&1 ||
      fail "the PostgreSQL in $dir runs, but does not answer" "Its process is $(head -n 1 "$dir/data/postmaster.pid")." \
        "Wait a moment; if that process is no PostgreSQL, remove $dir/data/postmaster.pid."
  else
    socket=$(mktemp -d /tmp/convex-bridge-socket.XXXXXX)
    give_to_owner "$socket"
    # a shared folder whose container died: nobody runs, the file is in the way
    as_owner "$bin/pg_ctl" start -D "$dir/data" -l "$dir/log" -w -s -t 300 -o "-k $socket" >/dev/null 2>&1 || {
      rm -rf "$socket"
      fail "the PostgreSQL in $dir did not start" "$(tail -n 5 "$dir/log" 2>/dev/null)" "Its log is $dir/log."
    }
  fi
  cluster_used=yes
}

cluster_make() {
  [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || [ -f "$dir/.gitignore" ] ||
    fail "the folder $dir is in use" "There is something in it that convex-bridge did not make." "Choose another with --dir."
  mkdir -p "$dir"
  chmod 700 "$dir"
  # the folder has a copy of the data: not for a repository
  echo '*' >"$dir/.gitignore"
  give_to_owner "$dir"
  as_owner test -w "$dir" ||
    fail "the user $(as_owner id -un) cannot reach $dir" "As root, PostgreSQL runs as that user." \
      "Choose a folder that everybody may enter with --dir, or do not run this as root."
  # half a cluster of a command that was killed
  rm -rf "$dir/data.new" "$dir/data"
  as_owner "$bin/initdb" -D "$dir/data.new" -U postgres -E UTF8 --locale=C -A trust --no-sync >"$work/initdb" 2>&1 ||
    fail "initdb failed" "$(tail -n 5 "$work/initdb")"
  cat >>"$dir/data.new/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 60
max_locks_per_transaction = 512
shared_buffers = 256MB
maintenance_work_mem = 256MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
synchronous_commit = off
autovacuum = off
jit = off
log_line_prefix = '%m [%p] '
CONF
  mv "$dir/data.new" "$dir/data"
}

# Stop the cluster, unless other commands use it. Sessions of ours that are just
# ending do not count.
cluster_stop() {
  local others
  [ -n "$cluster_used" ] && cluster_running || return 0
  others=$(cluster_value template1 "SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> 'convex-bridge $$'" 2>/dev/null) || others=0
  [ "$others" = 0 ] || return 0
  as_owner "$bin/pg_ctl" stop -D "$dir/data" -m fast -s -t 60 2>/dev/null ||
    as_owner "$bin/pg_ctl" stop -D "$dir/data" -m immediate -s -t 60 2>/dev/null || true
  rm -rf "$socket"
}

# Stop whoever else copies: one at a time. The lock is that of a session, which
# ends with us however we end.
cluster_lock() {
  mkfifo "$work/lock"
  cluster_psql template1 -At <"$work/lock" >"$work/locked" 2>&1 9>&- &
  exec 9>"$work/lock"
  echo 'SELECT pg_try_advisory_lock(1);' >&9
  until [ -s "$work/locked" ]; do sleep 0.05; done
  [ "$(cat "$work/locked")" = t ] ||
    fail "another convex-bridge is making a copy in $dir" "" "Wait for it, or use another --dir."
}

cluster_unlock() { exec 9>&-; }
