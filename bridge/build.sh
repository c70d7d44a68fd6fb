#!/bin/sh
#
# build.sh -- put the parts of convex-bridge together, to standard output.
#
#   bridge/build.sh BINDIR
#
# BINDIR is the folder of the PostgreSQL programs. Each query of sql/ becomes a
# function that prints it. Two things come from the extension's own sources, so
# that they stand in one place: the names that belong to providers, and the
# query for what a migration leaves behind.
set -eu

bindir=$1
cd "$(dirname -- "$0")"
provider=../src/catalog/provider.c
left_behind=../src/catalog/left_behind.sql.in

# list ARRAY: the entries of an array of provider.c, as words with dots within.
list() {
  sed -n "/ $1\[\] = {/,/^};/s/^[^\"]*\"\(.*\)\".*/\1/p" "$provider" | sed 's/", "/./g' | tr '\n' ' ' | sed 's/ $//'
}

sed "s,@BINDIR@,$bindir," head.sh
printf "\n# Schemas that belong to a provider; * is any end.\nreserved_schemas='%s'\n" "$(list provider_schemas)"
printf "\n# Columns that stay at the source unless they are named.\nsecret_columns='%s'\n" "$(list provider_secrets)"

# query NAME: a function that prints standard input.
query() {
  printf "\nsql_%s() {\n  cat <<'SQL'\n" "$1"
  cat
  printf 'SQL\n}\n'
}
for file in sql/*.sql; do
  query "$(basename "$file" .sql)" <"$file"
done
{
  echo 'COPY ('
  sed -e "s/\$1/:'schemas'::text[]/g" -e "s/\$2/:'tables'::oid[]/g" "$left_behind"
  echo ') TO STDOUT;'
} | query left_behind

# main.sh calls main(), when all else is there
for part in say source source_failure cluster survey copy progress convex main; do
  echo
  cat "$part.sh"
done
