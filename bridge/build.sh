#!/bin/sh
#
# build.sh -- put the parts of convex-bridge together, to standard output.
#
#   bridge/build.sh BINDIR PROVIDER_H
#
# BINDIR is the folder of the PostgreSQL programs, PROVIDER_H has the names that
# belong to providers. Each query of sql/ becomes a function that prints it.
set -eu

provider=$(CDPATH='' cd -- "$(dirname -- "$2")" && pwd)/$(basename -- "$2")
bindir=$1
cd "$(dirname -- "$0")"

# list MACRO: the arguments of its lines in PROVIDER_H, as words.
list() {
  sed -n "s/^$1(\(.*\)).*/\1/p" "$provider" | sed -e 's/"//g' -e 's/, */./g' | tr '\n' ' ' | sed 's/ $//'
}

sed "s,@BINDIR@,$bindir," head.sh
printf "\n# Schemas that belong to a provider; * is any end.\nreserved_schemas='%s'\n" "$(list CM_PROVIDER_SCHEMA)"
for query in sql/*.sql; do
  printf "\nsql_%s() {\n  cat <<'SQL'\n" "$(basename "$query" .sql)"
  cat "$query"
  printf 'SQL\n}\n'
done
# main.sh calls main(), when all else is there
for part in say source source_failure cluster copy progress convex main; do
  echo
  cat "$part.sh"
done
