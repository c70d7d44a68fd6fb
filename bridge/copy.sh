# ---- copy.sh: the chosen tables of the source, as a database of the cluster --
#
# On one snapshot of the source: a session there locks the tables against
# changes of their definition and exports its snapshot; workers, each with one
# connection, read under it, and what comes is loaded here as it comes: nothing
# waits on disk. Tables are plain ones here (a partitioned table is one table, a
# computed column has its values), with their keys, indexes, foreign keys,
# checks and comments, made when the rows are there.
#
# The copy is made in a database of its own, which takes the place of an earlier
# copy when it is complete. An interrupted one starts again at the rows, as its
# snapshot is gone; with all rows there it goes on where it was.

# The database while it is made. Its name afterwards is that of the source's.
copying='convex bridge: being made'

# Make the copy that the options ask for, unless it is there. Sets $database.
copy_ensure() {
  if cluster_exists && [ -z "$refresh" ]; then
    cluster_start
    copy_find
    if [ -n "$database" ]; then
      copy_must_match
      return
    fi
  fi
  copy_make
}

# Sets $database to the name of the copy that is there, or to nothing.
copy_find() {
  database=$(cluster_value template1 "SELECT datname FROM pg_database
    WHERE datname <> '$copying' AND shobj_description(oid, 'pg_database') = 'made by convex-bridge'")
}

# fact NAME: what the copy says of itself.
fact() { cluster_value "$database" "SELECT value FROM convex_bridge.facts WHERE name = '$1'"; }

# Stop where the copy is of something else than was asked for.
copy_must_match() {
  local name given
  for name in schemas besides leave_out; do
    eval "given=\${given_$name}"
    [ -z "$given" ] || [ "$(array_of "$given")" = "$(fact $name)" ] ||
      fail "the copy in $dir was made with other tables" "Option $name: $(fact $name) then." \
        "Add --refresh to copy again, or leave the option out."
  done
  [ -z "$(source_value PGHOST)" ] || [ "$(source_name)" = "$(fact source)" ] ||
    fail "the copy in $dir is of another database" "It is of $(fact source)." \
      "Add --refresh to copy again, or choose another folder with --dir."
}

# Where the copy comes from, without the user and the password.
source_name() {
  printf '%s:%s/%s' "$(source_value PGHOST)$(source_value PGSERVICE)" "$(source_value PGPORT)" "$(source_value PGDATABASE)"
}

# Words between commas as an array literal of PostgreSQL.
array_of() {
  printf '%s' "$1" | awk -v RS=, '{ gsub(/^[ \n]+|[ \n]+$/, ""); gsub(/["\\]/, "\\\\&"); if ($0 != "") out = out (out == "" ? "" : ",") "\"" $0 "\"" }
    END { printf "{%s}", out }'
}

# Make the copy as an earlier one was made, where no option says otherwise.
copy_recall_options() {
  local name given
  copy_find
  [ -n "$database" ] || return 0
  for name in schemas besides leave_out; do
    eval "given=\${given_$name}"
    [ -n "$given" ] || eval "$name=\$(cluster_value \"\$database\" \"SELECT array_to_string(value::text[], ',')
      FROM convex_bridge.facts WHERE name = '$name'\")"
  done
}

copy_make() {
  source_require
  source_refuse_pooler_address
  survey_source
  if cluster_exists; then
    cluster_start
    copy_recall_options
  fi
  survey_reserved
  [ -n "$cluster_used" ] || cluster_start
  cluster_lock
  if copy_can_resume; then
    say "All rows are here from an interrupted copy: going on with keys and indexes."
  else
    copy_start
    survey_tables
    copy_tables
    copy_rows
  fi
  copy_finish
}

# Remove a copy of which not all rows are there: nobody can go on with it.
copy_discard() {
  [ -n "$half_made" ] || return 0
  cluster_psql template1 -c "DROP DATABASE IF EXISTS \"$copying\" WITH (FORCE)" >/dev/null 2>&1 || true
}

# Whether an interrupted copy has all its rows and was made with these options.
copy_can_resume() {
  local found
  [ -z "$refresh" ] || return 1
  found=$(cluster_value "$copying" "SELECT string_agg(value, ' ' ORDER BY name) FROM convex_bridge.facts
    WHERE name IN ('besides', 'leave_out', 'rows', 'schemas', 'source')" 2>/dev/null) || return 1
  [ "$found" = "$(array_of "$besides") $(array_of "$leave_out") complete $(array_of "$schemas") $(source_name)" ]
}

copy_start() {
  local encoding
  encoding=UTF8
  [ "$source_encoding" != SQL_ASCII ] || encoding=SQL_ASCII
  half_made=yes
  # initdb's postgres is in the way: that is what Supabase's database is called
  cluster_psql template1 -v name="$copying" -v encoding="$encoding" 2>"$work/errors" <<'SQL' ||
DROP DATABASE IF EXISTS :"name" WITH (FORCE);
SELECT 'DROP DATABASE postgres' FROM pg_database
 WHERE datname = 'postgres' AND shobj_description(oid, 'pg_database') IS DISTINCT FROM 'made by convex-bridge' \gexec
CREATE DATABASE :"name" TEMPLATE template0 ENCODING :'encoding';
COMMENT ON DATABASE :"name" IS 'made by convex-bridge';
SQL
    fail "the database could not be made" "$(cat "$work/errors")"
  sql_state | cluster_psql "$copying"
  cluster_psql "$copying" -v source="$(source_name)" -v database="$source_database" -v schemas="$(array_of "$schemas")" \
    -v besides="$(array_of "$besides")" -v leave_out="$(array_of "$leave_out")" -v version="$source_version" <<'SQL'
INSERT INTO convex_bridge.facts VALUES ('source', :'source'), ('database', :'database'), ('schemas', :'schemas'),
  ('besides', :'besides'), ('leave_out', :'leave_out'), ('version', :'version'), ('begun', clock_timestamp()::text);
SQL
}

# source_read QUERY TABLE [ARGUMENT...]: the rows that a query of sql/ gives at
# the source, into a table of the copy.
source_read() {
  local query table
  query=$1
  table=$2
  shift 2
  { sql_session; "sql_$query"; } >"$work/$query.sql"
  source_psql "$@" -f "$work/$query.sql" >"$work/$query.rows" 2>"$work/errors" || source_failure "$work/errors"
  cluster_psql "$copying" -c "COPY convex_bridge.$table FROM STDIN" <"$work/$query.rows"
}

# source_read_definitions TABLES: what makes up the tables and what they refer
# to, in one session at the source.
source_read_definitions() {
  local query target
  {
    sql_session
    printf "\\o '%s'\n" "$work/outside.rows"
    sql_outside
    echo '\o'
    sql_outside_ids
    for query in extensions columns objects left_behind not_copied provider; do
      printf "\\o '%s'\n" "$work/$query.rows"
      "sql_$query"
    done
  } >"$work/definitions.sql"
  source_psql -v schemas="$(array_of "$schemas")" -v tables="$1" \
    -v reserved="$(array_of "$(printf '%s' "$reserved_schemas" | tr ' ' ,)")" \
    -v known="$(cluster_value "$copying" 'SELECT array_agg(id) FROM convex_bridge.tables')" \
    -f "$work/definitions.sql" 2>"$work/errors" || source_failure "$work/errors"
  for query in outside extensions columns objects left_behind not_copied provider; do
    case $query in
      outside) target='tables (id, schema, name, kind, outside, estimated_rows, bytes, usage, readable, hidden)' ;;
      extensions) target='extensions' ;;
      columns) target='columns (table_id, number, name, type, "collation", not_null, as_text, computed, extensions)' ;;
      objects) target='objects (phase, table_id, other_id, columns, kind, name, ddl)' ;;
      *) target=left_behind ;;
    esac
    printf "\\copy convex_bridge.%s FROM '%s'\n" "$target" "$work/$query.rows"
  done | cluster_psql "$copying"
}

# OIDs of tables, as an array literal: table_ids CONDITION
table_ids() { cluster_value "$copying" "SELECT coalesce(array_agg(id), '{}') FROM convex_bridge.tables WHERE reason IS NULL AND $1"; }

# Make the tables, empty: those that can be. Opens the snapshot.
copy_tables() {
  local tables
  tables=$(table_ids 'NOT outside')
  [ "$tables" != '{}' ] || fail "there is no table to copy" "Schemas: $schemas."
  copy_open_snapshot
  source_read_definitions "$tables"
  sql_decide | cluster_psql "$copying" -v leave_out="$(array_of "$leave_out")" -v besides="$(array_of "$besides")" \
    -v secrets="$(array_of "$(printf '%s' "$secret_columns" | tr ' ' ,)")"
  copy_phases 1 2 10 20 21
  sql_made | PGOPTIONS="-c convex_bridge.jobs=$jobs" cluster_psql "$copying"
  copy_name_missing
}

# Make the objects of phases, one phase after another.
copy_phases() {
  printf 'CALL convex_bridge.make(%s);\n' "$@" | cluster_psql "$copying" 2>"$work/errors" ||
    fail "the copy could not be made" "$(cat "$work/errors")"
}

# The same, by as many sessions as there are jobs: no object of one of the phases
# needs one of another.
copy_phases_together() {
  local worker
  worker=1
  while [ "$worker" -le "$jobs" ]; do
    copy_phases "$@" &
    background="$background $!"
    worker=$((worker + 1))
  done
  for worker in $background; do wait "$worker" || exit 1; done
  background=
}

# Say which tables and columns stay behind, and what to do about it.
copy_name_missing() {
  local missing
  missing=$(cluster_psql "$copying" -At -v major="$(cat "$dir/data/PG_VERSION")" <<'SQL'
WITH needed AS (
  SELECT DISTINCT t.id, c.name, x.extension FROM convex_bridge.tables t JOIN convex_bridge.columns c ON c.table_id = t.id,
    unnest(c.extensions) AS x(extension)
  WHERE t.reason IS NOT NULL AND x.extension NOT IN (SELECT a.name FROM pg_available_extensions a))
SELECT format('%s is not copied: %s', convex_bridge.qualified(t.*), t.reason) || coalesce(
  format(E'\n    install %s, or add %s', string_agg(DISTINCT 'postgresql-' || :'major' || '-' ||
           CASE n.extension WHEN 'vector' THEN 'pgvector' WHEN 'postgis' THEN 'postgis-3' ELSE replace(n.extension, '_', '-') END, ' '),
         string_agg(DISTINCT format('--leave-out %s.%s.%s', t.schema, t.name, n.name), ' ')), '')
FROM convex_bridge.tables t LEFT JOIN needed n ON n.id = t.id
WHERE t.reason IS NOT NULL AND NOT t.outside AND t.reason NOT LIKE 'left out%'
GROUP BY t.id, t.schema, t.name, t.reason ORDER BY t.schema, t.name;
SELECT format('%s is not copied: it is a foreign table (%s)', object, definition) FROM convex_bridge.left_behind
 WHERE kind = 'foreign_table' ORDER BY object;
SELECT format('%s is copied without its secrets: %s', convex_bridge.qualified(t.*), string_agg(quote_ident(l.object), ', ' ORDER BY l.object))
    || format(E'\n    to copy one: --with %s.%s.%s', t.schema, t.name, min(l.object))
  FROM convex_bridge.left_behind l JOIN convex_bridge.tables t ON t.id = l.table_id
 WHERE l.kind = 'column' AND l.definition = 'a secret' AND t.reason IS NULL GROUP BY t.id, t.schema, t.name ORDER BY t.schema, t.name;
SELECT 'Schemas that were not named: ' || string_agg(format('%s (%s)', object, definition), ', ' ORDER BY object)
  FROM convex_bridge.left_behind WHERE kind = 'schema' HAVING count(*) > 0;
SQL
)
  [ -z "$missing" ] || say "$missing"
}

# A session at the source locks the tables and keeps a snapshot: $snapshot.
copy_open_snapshot() {
  local deadline
  mkfifo "$work/holder"
  {
    sql_session
    echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
    cluster_value "$copying" "SELECT format('LOCK TABLE %s IN ACCESS SHARE MODE;', string_agg(convex_bridge.qualified(t.*), ', '))
      FROM convex_bridge.tables t WHERE reason IS NULL AND NOT outside"
    echo 'SELECT pg_catalog.pg_export_snapshot();'
  } >"$work/holder.sql"
  { source_exec; } <"$work/holder" >"$work/snapshot" 2>"$work/holder.errors" &
  holder=$!
  exec 8>"$work/holder"
  cat "$work/holder.sql" >&8
  deadline=$(($(date +%s) + patience))
  until [ -s "$work/snapshot" ]; do
    kill -0 "$holder" 2>/dev/null || source_failure "$work/holder.errors"
    [ "$(date +%s)" -lt "$deadline" ] || failure_of_patience
    sleep 0.05
  done
  snapshot=$(cat "$work/snapshot")
}

copy_close_snapshot() {
  exec 8>&-
  wait "$holder" || source_failure "$work/holder.errors"
  holder=
}

# Let the workers read, and wait for them.
copy_rows() {
  local worker started
  copy_write_loader
  started=$(date +%s)
  worker=1
  while [ "$worker" -le "$jobs" ]; do
    {
      sql_session
      printf "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSET TRANSACTION SNAPSHOT '%s';\n" "$snapshot"
      sql_script | cluster_psql "$copying" -At -v worker="$worker" -v load="$work/load"
      echo 'COMMIT;'
    } >"$work/worker.$worker.sql"
    # one without tables has nothing to connect for
    if grep -q '^COPY' "$work/worker.$worker.sql"; then
      { source_exec -f "$work/worker.$worker.sql"; } >/dev/null 2>"$work/worker.$worker.errors" </dev/null &
      background="$background $!"
    fi
    worker=$((worker + 1))
  done
  progress_watch "$started"
  copy_close_snapshot
  cluster_psql "$copying" -c "INSERT INTO convex_bridge.facts VALUES ('rows', 'complete'), ('copied', now()::text)"
  half_made=
}

# The program that takes a table's rows from a worker: load NUMBER. It is started
# by the worker's psql, whose environment is the source's.
copy_write_loader() {
  cat >"$work/load" <<SH
#!/bin/sh
unset $(printf '%s' "$pg_variables" | tr '\n' ' ')
PGAPPNAME='convex-bridge $$' "$bin/psql" -X -q -1 -v ON_ERROR_STOP=1 -h "$socket" -p 5432 -U postgres -d "$copying" \\
  -f "$work/load.\$1.sql" >/dev/null 2>"$work/loading.\$1" || mv "$work/loading.\$1" "$work/failed.\$1"
SH
  chmod 700 "$work/load"
  sql_load | cluster_psql "$copying" -At >"$work/loads"
  awk -v path="$work/load." '/^#[0-9]+$/ { close(file); file = path substr($0, 2) ".sql"; next } { print >file }' "$work/loads"
}

# Keys, indexes, foreign keys, checks, comments, statistics; then the copy takes
# its name.
copy_finish() {
  say "Making keys and indexes ..."
  copy_phases_together 40
  copy_phases_together 45 50 60 70 80
  convex_install
  copy_take_place
  cluster_unlock
  copy_report
}

# The copy takes the place of an earlier one, with the choices that were made there.
copy_take_place() {
  local old
  copy_find
  old=$database
  database=$(cluster_value "$copying" "SELECT value FROM convex_bridge.facts WHERE name = 'database'")
  [ -z "$old" ] || convex_keep_choices "$old"
  cluster_psql "$copying" -c "INSERT INTO convex_bridge.facts VALUES ('finished', clock_timestamp()::text)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"
  [ -z "$old" ] || cluster_psql template1 -v old="$old" 2>"$work/errors" <<'SQL' || fail "the earlier copy is in use" "$(cat "$work/errors")" "Leave convex-bridge shell, then run the same command again."
DROP DATABASE :"old";
SQL
  cluster_psql template1 -v old="$copying" -v new="$database" <<'SQL'
ALTER DATABASE :"old" RENAME TO :"new";
SQL
}

# What came, and what could not be made here.
copy_report() {
  cluster_psql "$database" -At -F ' ' -c "SELECT count(*), coalesce(sum(rows), 0) FROM convex_bridge.tables WHERE worker IS NOT NULL" |
    while read -r tables rows; do say "Copied $(human_count "$rows") rows of $(human_count "$tables") tables."; done
  cluster_value "$database" "SELECT 'Stays behind: ' || string_agg(format('%s %s', n, kind), ', ' ORDER BY n DESC, kind) || ' (see convex_left_behind())'
    FROM (SELECT kind, count(*) AS n FROM convex_bridge.convex_origin GROUP BY kind) AS kinds" >&2
  cluster_value "$database" "SELECT format('Not here: %s %s (%s)', kind, name, reason) FROM convex_bridge.objects WHERE NOT made ORDER BY phase, id" >&2
}
