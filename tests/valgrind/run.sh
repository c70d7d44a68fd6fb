#!/bin/sh
# run.sh -- memcheck over the encoder; `make valgrind` installs what is missing
# and calls this.
#
# Runs the encoder's regression files in a private cluster whose processes are
# all under valgrind. The exit status is 1 when a file fails, or when an error
# of memcheck has a frame of the extension in its stack: those are printed.
# Errors of PostgreSQL alone are not our matter; so nothing has to be suppressed.
#
# Needs what tests/setup.sh installs, and root or an extension installed before.
set -eu

valgrind=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname "$(dirname "$valgrind")")
PG_CONFIG=${PG_CONFIG:-pg_config}
work=$(mktemp -d /tmp/convex-valgrind.XXXXXX)
cleanup() {
  [ ! -d "$work/pg" ] || "$root/tests/cluster.sh" stop "$work/pg"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

if [ "$(id -u)" = 0 ]; then
  make -s -C "$root" install PG_CONFIG="$PG_CONFIG" >/dev/null
fi

# The server runs as another user than root: it must reach all of this.
mkdir "$work/errors"
cat >"$work/postgres" <<WRAPPER
#!/bin/sh
exec valgrind --quiet --trace-children=yes --leak-check=no --track-origins=no \\
  --num-callers=50 --error-limit=no \\
  --xml=yes --xml-file=$work/errors/%p.xml $("$PG_CONFIG" --bindir)/postgres "\$@"
WRAPPER
chmod 755 "$work" "$work/postgres"
chmod 1777 "$work/errors"

POSTGRES="$work/postgres" "$root/tests/cluster.sh" start "$work/pg" "autovacuum = off" "jit = off"
# shellcheck disable=SC1091
. "$work/pg/env"
files=$(cd "$root/sql" && ls document.sql type_*.sql | sed 's/\.sql$//' | paste -sd ' ' -)
status=0
make --no-print-directory -C "$root" installcheck PG_CONFIG="$PG_CONFIG" REGRESS="$files" >"$work/output" 2>&1 || status=1
grep -E '^(test |ok |not ok )' "$work/output" || cat "$work/output"
"$root/tests/cluster.sh" stop "$work/pg"

node "$valgrind/errors.mjs" "$work/errors" convex_migrate.so || status=1
exit $status
