#!/bin/sh
# run.sh -- the benchmarks; `make bench` installs what is missing and calls this.
#
#   tests/bench/run.sh           all
#   tests/bench/run.sh encode    only how fast rows are encoded
#   tests/bench/run.sh children  only what small tables cost beside large ones
#
# Builds and installs the extension, then measures on a private PostgreSQL:
# encoding, small children, memory, concurrency, throughput, check and plan (bench.mjs;
# docs/benchmarks.md has results).
# The exit status is 1 when a promise about them is not kept.
#
# BENCH_MESSAGES (1000000)        messages of the large database
# BENCH_SMALL_MESSAGES (10000)    messages of the small one, which is also what
#                                 the local Convex with latency gets
# BENCH_NAIVE_MESSAGES (200000)   messages that the naive script sends to the sink
# BENCH_LATENCY (50)              milliseconds that the local Convex adds
# BENCH_RUNS (3)                  runs of which the median counts
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
