#!/bin/sh
# run.sh -- the benchmarks; `make bench` installs what is missing and calls this.
#
#   tests/bench/run.sh             all but idmap, foreign, verify and import
#   tests/bench/run.sh encode      how fast rows are encoded
#   tests/bench/run.sh children    what small tables cost beside large ones
#   tests/bench/run.sh many        what 1,000 tables cost
#   tests/bench/run.sh overlap     2,000 small tables with latency
#   tests/bench/run.sh memory      what the number of rows adds to it
#   tests/bench/run.sh speed       against the naive script, COPY and a flood
#   tests/bench/run.sh beforehand  check and plan
#   tests/bench/run.sh export      a file, in each compression, beside COPY
#   tests/bench/run.sh verify      read back and compared, beside the same calls
#   tests/bench/run.sh import      method import beside Convex's own tool (some minutes)
#   tests/bench/run.sh foreign     1,000,000 rows of three other clusters (some minutes)
#   tests/bench/run.sh idmap       5,000,000 rows that refer to others (some minutes, 4 GB of disk)
#
# Builds and installs the extension, then measures on a private PostgreSQL
# (bench.mjs; docs/benchmarks.md has results). The receiver is a program in C,
# which is built for it. The exit status is 1 when a promise is not kept.
#
# BENCH_MESSAGES (1000000)        messages of the large database; others have a hundredth to a quarter of them
# BENCH_RUNS (5)                  runs of which the median counts
# BENCH_FOREIGN_ROWS (1000000)    rows of these clusters
#
# Needs what tests/setup.sh installs, and root or an extension installed before.
set -eu

bench=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname "$(dirname "$bench")")

if [ "$(id -u)" = 0 ]; then
  echo "Building and installing the extension ..."
  make -s -C "$root" install >/dev/null
elif [ ! -f "$("${PG_CONFIG:-pg_config}" --sharedir)/extension/convex_migrate.control" ]; then
  echo "bench/run.sh: the extension is not installed: run 'make install' as root first" >&2
  exit 1
fi

exec node "$bench/bench.mjs" "$@"
