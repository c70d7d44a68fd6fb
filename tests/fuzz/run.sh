#!/bin/sh
# run.sh -- the fuzz target over JSON, keys, numbers and text (json.c).
#
#   tests/fuzz/run.sh           run for FUZZ_SECONDS (60) from the seeds in corpus/
#   tests/fuzz/run.sh FILE...   run these inputs, such as one that was found
#
# Builds with clang and its sanitizers, in a throw-away folder. An input that
# breaks a property is left in the current folder as crash-..., and the exit
# status is not 0. FUZZ_CORPUS names a folder that exists, where inputs that
# reach new code are kept for the next time.
set -eu

fuzz=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source=$(dirname "$(dirname "$fuzz")")/src
pg_config=${PG_CONFIG:-pg_config}
seconds=${FUZZ_SECONDS:-60}
work=$(mktemp -d /tmp/convex-fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# PostgreSQL's static libraries are beside its modules on Debian, else in libdir.
clang -std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-ignored-attributes \
  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
  -I"$source" -isystem "$("$pg_config" --includedir-server)" -o "$work/json" \
  "$fuzz"/*.c "$source/base/reason.c" "$source/base/text.c" "$source/value/jsontext.c" "$source/value/limits.c" "$source/value/number.c" "$source/value/unescape.c" "$source/value/writer.c" \
  -L"$("$pg_config" --pkglibdir)" -L"$("$pg_config" --libdir)" -lpgcommon -lpgport -lm

if [ $# -gt 0 ]; then
  "$work/json" "$@"
  exit
fi

# The first folder is where new inputs go: not among the seeds.
mkdir "$work/corpus"
if "$work/json" -dict="$fuzz/json.dict" -max_len=4096 -timeout=10 -verbosity=0 \
  -print_final_stats=1 -max_total_time="$seconds" \
  "${FUZZ_CORPUS:-$work/corpus}" "$fuzz/corpus" >"$work/log" 2>&1; then
  inputs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log")
  echo "fuzz: $inputs inputs in $seconds s, nothing found"
else
  cat "$work/log"
  exit 1
fi
