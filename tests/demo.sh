#!/bin/sh
# demo.sh -- shows a whole migration on this machine, from nothing: `make demo`.
#
# Builds and installs the extension, then makes a private PostgreSQL with the
# messaging example in it and an empty local Convex, generates the Convex side,
# deploys it and migrates (harness/demo.mjs and demo_*.sql there are what one
# sees). Nothing of it stays but the installed
# extension, also after Ctrl-C.
#
# Sizes: DEMO_CONTACTS, DEMO_CONVERSATIONS, DEMO_MESSAGES, DEMO_NOTES (rows).
# DEMO_LATENCY: milliseconds that the local Convex adds to each request.
# Needs what tests/setup.sh installs, and root or an extension installed before.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname "$tests")

if [ "$(id -u)" = 0 ]; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  trap 'exit 130' HUP INT TERM
  echo "Building and installing the extension ..."
  if ! make -C "$root" install >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
  rm -f "$log"
elif [ ! -f "$("${PG_CONFIG:-pg_config}" --sharedir)/extension/convex_migrate.control" ]; then
  echo "demo.sh: the extension is not installed: run 'make install' as root first" >&2
  exit 1
fi

node "$tests/harness/demo.mjs"
