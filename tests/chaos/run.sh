#!/bin/sh
# run.sh -- fault runs in great number; `make chaos` calls this.
#
#   tests/chaos/run.sh
#
# Builds and installs the extension, then migrates random tables while backends,
# PostgreSQL or Convex are killed, runs cancelled, connections broken at a random
# byte; runs it again, and compares every document (chaos.test.mjs). Prints how
# often what happened. A failure prints its seed and the scenario.
#
# CHAOS_RUNS (1000)  scenarios
# CHAOS_SEED (1)     of the first, the next one has the next
# CHAOS_LANES (2)    scenarios at a time
#
# Needs what tests/setup.sh installs, and root or an extension installed before.
set -eu

chaos=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname "$(dirname "$chaos")")

if [ "$(id -u)" = 0 ]; then
  echo "Building and installing the extension ..."
  make -s -C "$root" install >/dev/null
elif [ ! -f "$("${PG_CONFIG:-pg_config}" --sharedir)/extension/convex_migrate.control" ]; then
  echo "chaos/run.sh: the extension is not installed: run 'make install' as root first" >&2
  exit 1
fi

CHAOS_RUNS=${CHAOS_RUNS:-1000}
export CHAOS_RUNS
cd "$root/tests"
exec node --test --test-reporter=spec chaos/chaos.test.mjs
