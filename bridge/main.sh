# ---- main.sh: the command line -----------------------------------------------

usage() {
  cat <<'TEXT'
convex-bridge moves a PostgreSQL database that is hosted elsewhere into Convex:
it copies the tables into a private PostgreSQL in a folder, and migrates from there.

  export SOURCE_URL='postgresql://USER@HOST:5432/DATABASE'
  convex-bridge COMMAND [OPTION...]

Each command first does what is missing before it:
  plan       copy; tables in order, their names in Convex, references
  check      what will not fit, and what to do about it; sends nothing
  generate   write convex/schema.ts, convex/migrate.ts and convex-left-behind.md,
             a checklist of what is no row, into this project
  migrate    move the rows; needs the functions of generate to be deployed
  shell      psql in the copy
  status     what is in the folder
  drop       remove the folder and all that is in it

Options:
  --schemas LIST     schemas to copy (public)
  --with LIST        tables of Supabase's own schemas to copy too: auth.users,
                     storage.objects; without columns that have secrets, unless
                     they are named: auth.users.encrypted_password
  --leave-out LIST   SCHEMA.TABLE or SCHEMA.TABLE.COLUMN that stay behind
  --dir FOLDER       where the copy is (./convex-bridge)
  --refresh          copy again; choices made in the copy stay
  --jobs N           tables read at a time (4, at most as many as processors)
  --patience N       seconds without a row from the source before giving up (300)
  --deploy COMMAND   run by migrate after it wrote files: 'npx convex dev --once'
  --force            generate: write over files that were edited

Environment:
  SOURCE_URL, or libpq's PGHOST, PGSERVICE and so on; the password in it, in
  PGPASSWORD, ~/.pgpass or a service file
  CONVEX_DEPLOY_KEY or CONVEX_DEPLOY_KEY_FILE, and CONVEX_URL where neither the
  key nor .env.local names the deployment
TEXT
}

command=
schemas=public
besides=
leave_out=
given_schemas=
given_besides=
given_leave_out=
dir=convex-bridge
refresh=
force=
deploy=
jobs=
interval=2
patience=300

# Of this process, for on_exit().
work=
background=
holder=
cluster_used=
key_file=
database=
half_made=

main() {
  parse "$@"
  case $command in
    help) usage; return ;;
    drop) prepare; bridge_drop; return ;;
    status) prepare; bridge_status; return ;;
  esac
  prepare
  copy_ensure
  case $command in
    plan) cluster_value "$database" 'SELECT * FROM convex_plan_text()' ;;
    check) cluster_value "$database" "$(sql_check)" ;;
    generate) convex_generate; [ "$kept" = 0 ] ;;
    migrate) bridge_migrate ;;
    shell) cluster_psql "$database" -v ON_ERROR_STOP=0 ;;
  esac
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) command=help ;;
      --refresh) refresh=yes ;;
      --force) force=yes ;;
      --schemas | --with | --leave-out | --dir | --jobs | --patience | --deploy)
        [ $# -ge 2 ] || fail "option $1 needs a value" "" "convex-bridge --help"
        set_option "$1" "$2"
        shift ;;
      --*=*) set_option "${1%%=*}" "${1#*=}" ;;
      -*) fail "there is no option $1" "" "convex-bridge --help" ;;
      *)
        [ -z "$command" ] || fail "one command at a time: $command or $1" "" "convex-bridge --help"
        command=$1 ;;
    esac
    shift
  done
  case ${command:=help} in
    plan | check | generate | migrate | shell | status | drop | help) ;;
    *) fail "there is no command $command" "" "convex-bridge --help" ;;
  esac
}

# set_option OPTION VALUE
set_option() {
  case $1 in
    --schemas) schemas=$2 given_schemas=$2 ;;
    --with) besides=$besides,$2 given_besides=$besides ;;
    --leave-out) leave_out=$leave_out,$2 given_leave_out=$leave_out ;;
    --dir) dir=$2 ;;
    --jobs) jobs=$2 ;;
    --patience) patience=$2 ;;
    --deploy) deploy=$2 ;;
    *) fail "there is no option $1" "" "convex-bridge --help" ;;
  esac
}

prepare() {
  source_take_environment
  umask 022
  case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
  remove_leftovers
  work=$(mktemp -d "/tmp/convex-bridge-work.$$.XXXXXX")
  trap on_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ -z "$jobs" ]; then
    jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    [ "$jobs" -le 4 ] || jobs=4
  fi
  for number in "$jobs" "$patience"; do
    case $number in
      '' | *[!0-9]* | 0) fail "--jobs and --patience are numbers from 1" ;;
    esac
  done
}

# Remove what commands that were killed left: their folders have their number.
remove_leftovers() {
  local old number
  for old in /tmp/convex-bridge-work.*; do
    number=${old#*-work.}
    [ ! -O "$old" ] || kill -0 "${number%%.*}" 2>/dev/null || rm -rf "$old"
  done
}

# However this ends: nothing that we started goes on, no key stays.
on_exit() {
  status=$?
  trap '' HUP INT TERM
  # shellcheck disable=SC2086 # process ids
  [ -z "$background$holder" ] || kill $background $holder 2>/dev/null || true
  [ -z "$key_file" ] || rm -f "$key_file"
  exec 8>&- 9>&-
  copy_discard
  cluster_stop
  [ -z "$work" ] || rm -rf "$work"
  exit "$status"
}

bridge_migrate() {
  convex_choose_deployment
  convex_generate
  if [ -n "$deploy" ]; then
    sh -c "$deploy" >&2 || fail "the functions were not deployed" "The command was: $deploy"
  fi
  convex_migrate
}

bridge_status() {
  cluster_exists || { echo "There is nothing in $dir."; return; }
  cluster_start
  copy_find
  if [ -z "$database" ]; then
    echo "There is no complete copy in $dir."
    return
  fi
  convex_show "SELECT f.name, CASE WHEN f.value LIKE '{%' THEN array_to_string(f.value::text[], ', ') ELSE f.value END
    FROM convex_bridge.facts f WHERE f.name IN ('source', 'schemas', 'besides', 'leave_out', 'copied')
    UNION ALL SELECT 'tables', count(*)::text FROM convex_bridge.tables WHERE worker IS NOT NULL
    UNION ALL SELECT 'rows', coalesce(sum(rows), 0)::text FROM convex_bridge.tables
    UNION ALL SELECT 'size', pg_size_pretty(pg_database_size(current_database()))
    UNION ALL SELECT 'rejects', count(*)::text FROM convex_rejects"
}

bridge_drop() {
  [ -e "$dir" ] || { say "There is nothing in $dir."; return; }
  [ -f "$dir/.gitignore" ] && [ "$(cat "$dir/.gitignore")" = '*' ] ||
    fail "$dir was not made by convex-bridge" "" "Remove it yourself, if that is what you want."
  if cluster_running; then
    socket=$(sed -n 5p "$dir/data/postmaster.pid")
    as_owner "$bin/pg_ctl" stop -D "$dir/data" -m fast -s -t 60
    rm -rf "$socket"
  fi
  rm -rf "$dir"
  say "Removed $dir."
}

main "$@"
