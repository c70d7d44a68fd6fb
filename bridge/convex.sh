# ---- convex.sh: the extension in the copy, and what is done with it ----------

# Put the extension into the database being made. The deployment may be chosen later.
convex_install() {
  cluster_psql "$copying" -v schemas="$(printf '%s' "$schemas" | tr -d ' ')" -v copying="$copying" \
    -v besides="$(array_of "$besides")" 2>"$work/errors" <<'SQL' ||
CREATE EXTENSION IF NOT EXISTS convex_migrate SCHEMA convex_bridge;
SELECT count(*) = 0 AS new FROM pg_foreign_server WHERE srvname = 'convex' \gset
\if :new
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'https://not-chosen-yet.convex.cloud', schemas :'schemas');
\endif
TRUNCATE convex_bridge.convex_origin;
INSERT INTO convex_bridge.convex_origin (source, kind, object, definition)
SELECT CASE WHEN t.id IS NOT NULL THEN to_regclass(convex_bridge.qualified(t.*)) END, l.kind, l.object, l.definition
  FROM convex_bridge.left_behind l LEFT JOIN convex_bridge.tables t ON t.id = l.table_id
 WHERE l.table_id IS NULL OR t.reason IS NULL
UNION ALL
SELECT NULL, 'table', convex_bridge.qualified(t.*), t.reason FROM convex_bridge.tables t WHERE t.reason IS NOT NULL AND NOT t.outside;
-- what --with names is a choice
INSERT INTO convex_bridge.convex_tables (server, source)
SELECT 'convex', to_regclass(convex_bridge.qualified(t.*)) FROM convex_bridge.tables t
 WHERE t.worker IS NOT NULL AND t.schema || '.' || t.name = ANY (:'besides'::text[]) ON CONFLICT DO NOTHING;
INSERT INTO convex_bridge.convex_columns (server, source, source_column)
SELECT 'convex', to_regclass(convex_bridge.qualified(t.*)), c.name FROM convex_bridge.tables t JOIN convex_bridge.columns c ON c.table_id = t.id
 WHERE t.worker IS NOT NULL AND t.schema || '.' || t.name || '.' || c.name = ANY (:'besides'::text[]) ON CONFLICT DO NOTHING;
ALTER DATABASE :"copying" SET search_path = "$user", public, convex_bridge;
SQL
    fail "the extension cannot be made in the copy" "$(cat "$work/errors")" "Install convex_migrate for the PostgreSQL in $bin."
}

# Carry the choices that were made in an earlier copy over: rows of convex_tables
# and convex_columns, and options of the server.
convex_keep_choices() {
  cluster_psql "$1" -At >"$work/choices.sql" <<'SQL'
SET search_path = '';
SELECT format('INSERT INTO convex_bridge.convex_tables (server, source, target, exclude, filter, key, creation_time)
  SELECT %L, pg_catalog.to_regclass(%L), %L, %L, %L, %L, %L WHERE pg_catalog.to_regclass(%2$L) IS NOT NULL ON CONFLICT DO NOTHING;',
  server, source::text, target, exclude, filter, key, creation_time) FROM convex_bridge.convex_tables;
SELECT format('INSERT INTO convex_bridge.convex_columns (server, source, source_column, target, exclude, type, target_reference)
  SELECT %L, pg_catalog.to_regclass(%L), %L, %L, %L, %L, %L WHERE pg_catalog.to_regclass(%2$L) IS NOT NULL ON CONFLICT DO NOTHING;',
  server, source::text, source_column, target, exclude, type, target_reference) FROM convex_bridge.convex_columns;
SELECT format('ALTER SERVER convex OPTIONS (%s %I %L);', CASE WHEN option_name IN ('url', 'schemas') THEN 'SET' ELSE 'ADD' END, option_name, option_value)
  FROM pg_catalog.pg_foreign_server s, pg_catalog.pg_options_to_table(s.srvoptions) WHERE s.srvname = 'convex' AND option_name <> 'schemas';
SQL
  cluster_psql "$copying" <"$work/choices.sql" 2>"$work/errors" ||
    fail "choices of the earlier copy do not fit this one" "$(cat "$work/errors")" "Change them in convex-bridge shell, then --refresh again."
}

# A query's result for people.
convex_show() { cluster_psql "$database" -P pager=off -P footer=off -c "$1"; }

# Where the project has its functions: convex/, unless its convex.json says otherwise.
convex_folder() {
  local folder
  folder=
  [ ! -f convex.json ] || folder=$(sed -n 's/.*"functions"[ ]*:[ ]*"\([^"]*\)".*/\1/p' convex.json)
  printf '%s' "${folder:-convex}" | sed 's,/*$,,'
}

# Write schema.ts, the functions and the checklist into the project. A file that was edited, or
# that is not ours, stays and the difference is shown; --force overwrites it.
# Sets $kept to how many stayed.
convex_generate() {
  local folder module
  folder=$(convex_folder)
  module=$(cluster_value "$database" "SELECT coalesce((SELECT option_value FROM pg_foreign_server s, pg_options_to_table(s.srvoptions)
    WHERE s.srvname = 'convex' AND option_name = 'functions'), 'migrate')")
  kept=0
  convex_write 'SELECT convex_schema()' "$folder/schema.ts"
  convex_write 'SELECT convex_functions()' "$folder/$module.ts"
  # ticked off, it is the user's
  convex_write "$(sql_checklist)" convex-left-behind.md edited-is-fine
}

# convex_write QUERY FILE [edited-is-fine]: the text that the query gives. What
# was written last is remembered in the folder of the copy.
convex_write() {
  local file
  file=$2
  printf '%s\n;' "$1" | cluster_psql "$database" -At >"$work/new" 2>"$work/errors" || {
    cat "$work/errors" >&2
    exit 1
  }
  if [ ! -e "$file" ]; then
    convex_put "$file"
    say "Wrote $file."
  elif cmp -s "$work/new" "$file"; then
    say "$file is as it should be."
  elif [ -n "$force" ] || [ "$(cksum <"$file")" = "$(cat "$dir/written.$(basename "$file")" 2>/dev/null)" ]; then
    convex_put "$file"
    say "Wrote $file anew."
  elif [ -n "${3:-}" ]; then
    say "$file was edited: left as it is."
  else
    kept=$((kept + 1))
    say "$file has other contents: left as it is. From it to what would be written (--force writes it):"
    diff -u "$file" "$work/new" >&2 || true
  fi
}

# Put the new text into the project, as the owner of its folder has files.
convex_put() {
  local folder
  folder=$(dirname "$1")
  mkdir -p "$folder"
  cat "$work/new" >"$1"
  cksum <"$1" >"$dir/written.$(basename "$1")"
  # shellcheck disable=SC2012 # owner and group as numbers
  [ "$(id -u)" != 0 ] || chown "$(ls -ldn . | awk '{ print $3 ":" $4 }')" "$folder" "$1"
}

# Find the deployment and its key, and tell the copy. The key comes from the
# environment, from a file, or is asked for; it is in a file that only the
# cluster can read, for the time of the command.
convex_choose_deployment() {
  local key url
  key=${CONVEX_DEPLOY_KEY:-${CONVEX_SELF_HOSTED_ADMIN_KEY:-}}
  [ -n "$key" ] || [ -z "${CONVEX_DEPLOY_KEY_FILE:-}" ] || key=$(convex_key_of_file "$CONVEX_DEPLOY_KEY_FILE")
  [ -n "$key" ] || convex_ask_key
  unset CONVEX_DEPLOY_KEY CONVEX_SELF_HOSTED_ADMIN_KEY
  url=${CONVEX_URL:-${CONVEX_SELF_HOSTED_URL:-}}
  [ -n "$url" ] || [ ! -f .env.local ] ||
    url=$(sed -n -E 's/^(NEXT_PUBLIC_|VITE_|EXPO_PUBLIC_|REACT_APP_|PUBLIC_)?CONVEX_URL=["'\'']*([^"'\'' ]*).*/\2/p' .env.local | head -n 1)
  [ -n "$url" ] || url=$(printf '%s' "$key" | sed -n 's,^[a-z]*:\([a-z]*-[a-z]*-[0-9]*\)|.*,https://\1.convex.cloud,p')
  [ -n "$url" ] || fail "the URL of the deployment is not known" "" "export CONVEX_URL='https://happy-animal-123.convex.cloud'"
  key_file=$socket/key.$$
  (umask 077 && printf '%s\n' "$key" >"$key_file")
  give_to_owner "$key_file"
  cluster_psql "$database" -v url="$url" -v file="$key_file" 2>"$work/errors" <<'SQL' || fail "the deployment cannot be used" "$(sed 's/^psql:[^:]*:[0-9]*: *//' "$work/errors")"
ALTER SERVER convex OPTIONS (SET url :'url');
DROP USER MAPPING IF EXISTS FOR postgres SERVER convex;
CREATE USER MAPPING FOR postgres SERVER convex OPTIONS (deploy_key_file :'file');
SQL
}

convex_key_of_file() {
  [ -r "$1" ] || fail "the file $1 cannot be read" "CONVEX_DEPLOY_KEY_FILE names it."
  head -n 1 "$1"
}

# Ask for the key at the terminal: sets the caller's $key.
convex_ask_key() {
  [ -t 0 ] || fail "there is no deploy key" "" \
    "Make one in Convex's dashboard (Settings, Deploy keys) and export CONVEX_DEPLOY_KEY, or CONVEX_DEPLOY_KEY_FILE with the path of a file that has it."
  printf 'Deploy key (Settings, Deploy keys in the dashboard; it is not shown), or the path of a file that has it: ' >&2
  stty -echo
  read -r key || true
  stty echo
  echo >&2
  case $key in
    *'|'*) ;;
    *) key=$(convex_key_of_file "$key") ;;
  esac
}

# Move the rows. 0: all of them; 2: some are rejects, which are shown.
convex_migrate() {
  local incomplete
  convex_show 'SELECT * FROM convex_migrate()' || exit 1
  incomplete=$(cluster_value "$database" 'SELECT count(*) FROM convex_rejects')
  [ "$incomplete" != 0 ] || return 0
  say "$(human_count "$incomplete") rows could not go. The first of them (all: convex-bridge shell, SELECT * FROM convex_rejects):"
  convex_show 'SELECT source, key, reason FROM convex_rejects ORDER BY source, key LIMIT 20' >&2
  return 2
}
