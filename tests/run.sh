#!/usr/bin/env bash
# run.sh -- all tests; `make test` installs what is missing and calls this.
#
#   tests/run.sh [PATTERN]   with a pattern, only the Node tests whose file
#                            name contains it, after the build
#
# Checks the order of the sources, builds with gcc and clang, warnings as errors,
# installs the extension, then runs the regression files that need no Convex, those
# that do, and by node:test all others: property tests, random faults, end to end,
# generated TypeScript, the local Convex, the harness and the example.
# All of it against private clusters in throw-away folders. The last line is
# "N passed, N failed"; the exit status is 0 when none failed.
set -u
cd "$(dirname "$0")/.."

PATTERN=${1:-}
PG_CONFIG=${PG_CONFIG:-pg_config}
passed=0
failed=0
work=$(mktemp -d /tmp/convex-migrate-test.XXXXXX)
chmod 755 "$work"
convex_pid=
cron_pid=
cores=$(nproc 2>/dev/null || echo 1)

# node:test runs as many files at a time as there are cores; left to itself, one
# less. Node.js 18 cannot be told.
node_options=(--test --test-reporter=tap)
if node --help | grep -q -- --test-concurrency; then
  node_options+=("--test-concurrency=$cores")
fi

cleanup() {
  [ -z "$convex_pid" ] || kill "$convex_pid" 2>/dev/null
  [ -z "$cron_pid" ] || kill "$cron_pid" 2>/dev/null
  [ ! -d "$work/pg" ] || tests/cluster.sh stop "$work/pg"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }

# One check that is a command: its output is shown only when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    tail -n 40 "$work/output"
    failed=$((failed + 1))
    return 1
  fi
}

# Names of regression files, by a target of the Makefile.
regression_files() {
  make -s --no-print-directory "$1" PG_CONFIG="$PG_CONFIG"
}

# Regression files, by pg_regress: counts each. HOSTILE=1 goes on to make.
regress() {
  local output
  output=$(make --no-print-directory installcheck PG_CONFIG="$PG_CONFIG" REGRESS="$*" 2>&1)
  printf '%s\n' "$output" | grep -E '^(test |ok |not ok )' || printf '%s\n' "$output"
  local good bad
  good=$(printf '%s\n' "$output" | grep -cE '^test .*\.\.\. ok|^ok ')
  bad=$(($# - good))
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$bad" = 0 ] || cat regression.diffs
}

# Files of node:test that match the pattern: prints a line for each test as it
# ends, and puts all that node says into a file.
node_run() {
  local output=$1 files=()
  shift
  : >"$output"
  for file in "$@"; do
    case $file in *"$PATTERN"*) files+=("$file") ;; esac
  done
  [ ${#files[@]} -gt 0 ] || return 0
  (cd tests && exec node "${node_options[@]}" "${files[@]#tests/}") 2>&1 | tee "$output" |
    grep --line-buffered -E '^ *(not )?ok ' | grep --line-buffered -vE '\.mjs$'
  return "${PIPESTATUS[0]}"
}

# Counts each test of such results, and shows what failed.
node_count() {
  local output=$1 status=$2 good bad
  good=$(sed -n 's/^# pass //p' "$output" | tail -n 1)
  bad=$(sed -n 's/^# fail //p' "$output" | tail -n 1)
  if [ "$status" != 0 ]; then
    grep -vE '^ *(ok |# Subtest|duration_ms|type:|---|\.\.\.$)' "$output" | tail -n 150
    [ "${bad:-0}" != 0 ] || bad=1
  fi
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
}

say "order of the sources"
check "folders, names and lengths in src/" node tests/house/check.mjs

say "build"
if command -v clang >/dev/null; then
  make -s clean PG_CONFIG="$PG_CONFIG" >/dev/null
  check "clang, warnings as errors" make -s -j"$cores" CC=clang WERROR=1 PG_CONFIG="$PG_CONFIG"
fi
make -s clean PG_CONFIG="$PG_CONFIG" >/dev/null
check "gcc, warnings as errors" make -s -j"$cores" WERROR=1 PG_CONFIG="$PG_CONFIG" &&
  check "install" make -s install PG_CONFIG="$PG_CONFIG" ||
  {
    [ "$(id -u)" = 0 ] || echo "PostgreSQL loads extensions from the system's folders: run this as root, where installing failed for want of rights"
    echo "$passed passed, $failed failed"
    exit 1
  }

if [ -z "$PATTERN" ]; then
  say "regression files that need no Convex"
  # Another way to print money. PostgreSQL's packages bring the sources of locales.
  mkdir "$work/locale"
  if localedef -i de_DE -f UTF-8 "$work/locale/de_DE.UTF-8" >/dev/null 2>&1; then
    export HOSTILE_LC_MONETARY=de_DE.UTF-8
  else
    echo "no sources of locales (Debian package locales): lc_monetary is not tested"
  fi
  LOCPATH=$work/locale tests/cluster.sh start "$work/pg" || exit 1
  # shellcheck disable=SC1091
  . "$work/pg/env"
  names=$(regression_files print-regress) || exit 1
  # shellcheck disable=SC2086
  regress $names

  say "regression files of types in a hostile session"
  # shellcheck disable=SC2046,SC2086
  HOSTILE=1 regress $(printf '%s\n' $names | grep '^type_')

  say "regression files against the local Convex"
  node tests/convex/server.mjs --functions tests/regress/convex >"$work/convex.json" &
  convex_pid=$!
  for _ in $(seq 100); do
    [ -s "$work/convex.json" ] && break
    sleep 0.1
  done
  CONVEX_URL=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).url' "$work/convex.json")
  CONVEX_KEY=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).deployKey' "$work/convex.json")
  export CONVEX_URL CONVEX_KEY
  names=$(regression_files print-regress-convex) || exit 1
  # shellcheck disable=SC2086
  regress $names
  kill "$convex_pid"
  convex_pid=
  tests/cluster.sh stop "$work/pg"
  unset PGHOST PGPORT PGUSER PGDATABASE
fi

# pg_cron 1.4 starts jobs once a minute: waits beside the other tests.
node_run "$work/cron" tests/e2e/cron.test.mjs >"$work/cron_lines" &
cron_pid=$!

say "random schemas, random faults, end to end, generated TypeScript, the local Convex, the harness"
# Folders with the longest files come first, so that no core waits at the end.
files=()
for folder in property chaos e2e codegen convex/test harness/test messaging/test house; do
  for file in tests/"$folder"/*.test.mjs; do
    [ "$file" = tests/e2e/cron.test.mjs ] || files+=("$file")
  done
done
status=0
node_run "$work/tap" "${files[@]}" || status=$?
node_count "$work/tap" "$status"
status=0
wait "$cron_pid" || status=$?
cron_pid=
cat "$work/cron_lines"
node_count "$work/cron" "$status"

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
