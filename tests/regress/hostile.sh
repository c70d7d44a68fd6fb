#!/bin/sh
# hostile.sh -- psql in a session whose settings change how values are printed.
#
# pg_regress --launcher=tests/regress/hostile.sh: runs the psql command that it
# is given, with SET commands before the test file. Output must be the same as
# without them. They are no PGOPTIONS, so that what RESET goes back to stays.
#
# HOSTILE_LC_MONETARY is a locale that the server has and whose money looks
# different; without it lc_monetary is left alone.
set -eu

# Echoing begins behind these lines: they are not part of the output.
prelude() {
  cat <<'SQL'
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET TimeZone = 'Pacific/Chatham';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET xmlbinary = 'hex';
SET standard_conforming_strings = off;
SET search_path = '';
SQL
  if [ -n "${HOSTILE_LC_MONETARY:-}" ]; then
    echo "SET lc_monetary = '$HOSTILE_LC_MONETARY';"
  fi
  echo '\set ECHO all'
}

{ prelude; cat; } | "$@" -v ECHO=none
