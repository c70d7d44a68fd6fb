# ---- survey.sh: what is at the source, before anything is copied -------------
#
# Who answers there, whether the tables exist and can be read whole, and whether
# they fit onto the disk. Each of these ends the command with what to do.

# Who answers there: sets $source_version (a number), $source_encoding,
# $source_role (as SQL has it) and $source_database.
survey_source() {
  say "Connecting to $(source_name) ..."
  source_psql -c "SELECT current_setting('server_version_num')" \
    -c 'SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()' \
    -c 'SELECT quote_ident(current_user)' \
    -c 'SELECT current_database()' >"$work/answer" 2>"$work/errors" || source_failure "$work/errors"
  { read -r source_version; read -r source_encoding; read -r source_role; read -r source_database; } <"$work/answer"
  [ "$source_version" -ge 120000 ] ||
    fail "the source is older than PostgreSQL 12" "" "Upgrade it, or restore a pg_dump of it into a newer PostgreSQL and copy from that."
  source_refuse_transaction_pooler
}

# Stop at a schema that belongs to the provider: tables of it are taken by name
# only, and no others are.
survey_reserved() {
  local schema reserved
  set -f # the names below have stars
  for schema in $(printf '%s' "$schemas" | tr ',' ' '); do
    for reserved in $reserved_schemas; do
      # shellcheck disable=SC2254 # a pattern
      case $schema in
        $reserved)
          fail "schema $schema belongs to the provider" "Its tables are not the app's." \
            "Name the tables that you want of it: --with auth.users, --with storage.objects." ;;
      esac
    done
  done
  for schema in $(printf '%s' "$besides" | tr ',' ' '); do
    for reserved in $reserved_schemas none; do
      # shellcheck disable=SC2254 # a pattern
      case ${schema%%.*} in $reserved) break ;; esac
    done
    [ "$reserved" != none ] ||
      fail "--with is for tables of a provider's schema" "$schema is not in one." \
        "Name its schema in --schemas, and what you do not want of it in --leave-out."
  done
  set +f
}

# Look at what is there and stop, before anything is copied, at what the role
# cannot read and what the disk cannot hold.
survey_tables() {
  local sizes
  source_read tables 'tables (id, schema, name, kind, outside, estimated_rows, bytes, usage, readable, hidden)' \
    -v schemas="$(array_of "$schemas")" -v besides="$(array_of "$besides")"
  survey_names
  survey_rights
  sizes=$(cluster_psql "$copying" -At -F ' ' -c "SELECT count(*), coalesce(sum(greatest(estimated_rows, 0)), 0)::bigint, coalesce(sum(bytes), 0)
    FROM convex_bridge.tables WHERE reason IS NULL")
  survey_disk $sizes
}

# Stop at names in the options that the source does not have.
survey_names() {
  local unknown
  unknown=$(cluster_psql "$copying" -At -v schemas="$(array_of "$schemas")" -v besides="$(array_of "$besides")" \
    -v leave_out="$(array_of "$leave_out")" <<'SQL'
UPDATE convex_bridge.tables SET reason = 'left out by --leave-out'
 WHERE schema || '.' || name = ANY (:'leave_out'::text[]);
SELECT 'schema ' || s FROM unnest(:'schemas'::text[]) AS s WHERE s NOT IN (SELECT schema FROM convex_bridge.tables)
UNION ALL
SELECT 'table ' || b FROM unnest(:'besides'::text[]) AS b
 WHERE b !~ '\..*\.' AND b NOT IN (SELECT schema || '.' || name FROM convex_bridge.tables);
SQL
)
  [ -z "$unknown" ] || fail "there is no such thing at the source, or it has no tables" "$unknown" \
    "Schemas with tables there: $(source_psql -c "SELECT string_agg(DISTINCT n.nspname, ', ') FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema'" 2>/dev/null)"
}

# Stop at tables that the role may not read, or only in part.
survey_rights() {
  local grants hidden
  grants=$(cluster_psql "$copying" -At -v role="$source_role" <<'SQL'
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %s;', schema, :'role') FROM convex_bridge.tables WHERE NOT usage AND reason IS NULL
UNION ALL
SELECT format('GRANT SELECT ON %s TO %s;', convex_bridge.qualified(t.*), :'role') FROM convex_bridge.tables t WHERE NOT readable AND reason IS NULL;
SQL
)
  [ -z "$grants" ] || fail "the role $source_role may not read some tables" "Nothing was copied." \
    "Have their owner run this, or leave them out with --leave-out:
$grants"
  hidden=$(cluster_value "$copying" "SELECT string_agg(convex_bridge.qualified(t.*), ', ' ORDER BY schema, name)
    FROM convex_bridge.tables t WHERE hidden AND reason IS NULL")
  [ -z "$hidden" ] || fail "row-level security would hide rows from the role $source_role" "Tables: $hidden. Nothing was copied." \
    "Connect as the owner of the tables or as a role that it does not apply to (Supabase: postgres):
ALTER ROLE $source_role BYPASSRLS;"
}

# survey_disk TABLES ROWS BYTES: say what comes, and stop where it does not fit.
survey_disk() {
  local need free
  # what lies compressed here is so there too; the rest is the log of changes
  need=$(($3 + $3 / 5 + 200000000))
  free=$(df -Pk "$dir" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
  say "$(human_count "$1") tables, about $(human_count "$2") rows, $(human_bytes "$3"). Needs about $(human_bytes "$need") of disk in $dir; $(human_bytes "$free") are free."
  [ "$free" -ge "$need" ] || fail "there is not enough disk for the copy" \
    "It needs about $(human_bytes "$need") in $dir, and $(human_bytes "$free") are free." \
    "Make room, choose another folder with --dir, or leave large tables out with --leave-out."
}
