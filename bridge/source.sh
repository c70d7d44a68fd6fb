# ---- source.sh: the hosted database, as a place to connect to ----------------
#
# Where to comes from SOURCE_URL (a URI or key=value words) or from libpq's own
# variables, a service file included. All of it is taken out of the environment
# at the start and handed to nothing but the programs that connect there, by
# their environment: no argument, file or log has the password.

# What libpq reads from the environment.
pg_variables='PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE
PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGSSLMODE PGREQUIRESSL PGSSLCOMPRESSION
PGSSLCERT PGSSLKEY PGSSLCERTMODE PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI
PGSSLNEGOTIATION PGREQUIREPEER PGREQUIREAUTH PGSSLMINPROTOCOLVERSION
PGSSLMAXPROTOCOLVERSION PGGSSENCMODE PGKRBSRVNAME PGGSSLIB PGGSSDELEGATION
PGCHANNELBINDING PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGCONNECT_TIMEOUT
PGCLIENTENCODING PGDATESTYLE PGTZ PGGEQO PGSYSCONFDIR PGLOCALEDIR
PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION'

# Assignments for source_exec(), as shell text; empty when nothing names a source.
source_env=

# Take the source out of our own environment into $source_env.
source_take_environment() {
  source_env=$(source_from_url && source_from_variables)
  # shellcheck disable=SC2086 # a list of names
  unset $pg_variables SOURCE_URL
}

# The assignments for libpq's variables that are set; those of SOURCE_URL, which
# are printed before these, win.
source_from_variables() {
  for variable in $pg_variables; do
    eval "[ -n \"\${$variable:-}\" ]" || continue
    eval "printf '%s' \"\$$variable\"" | shell_quoted "$variable"
  done
}

# NAME: an assignment of standard input, unless the variable has a value then.
shell_quoted() {
  awk -v name="$1" 'BEGIN { q = sprintf("%c", 39) }
    { gsub(q, q "\\" q q); text = text (NR > 1 ? "\n" : "") $0 }
    END { printf "[ -n \"${%s:-}\" ] || %s=%s; export %s\n", name, name, q text q, name }'
}

# The assignments that SOURCE_URL stands for. What libpq has no variable for and
# what is not libpq's (Prisma adds words of its own) is left out, and said.
source_from_url() {
  [ -n "${SOURCE_URL:-}" ] || return 0
  SOURCE_URL=$SOURCE_URL LC_ALL=C awk '
    function hex(c) { return index("0123456789abcdef", tolower(c)) - 1 }
    function decoded(text,    out, i, c) {
      for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "%" && substr(text, i + 1, 2) ~ /^[0-9a-fA-F][0-9a-fA-F]$/) {
          c = sprintf("%c", hex(substr(text, i + 1, 1)) * 16 + hex(substr(text, i + 2, 1)))
          i += 2
        }
        out = out c
      }
      return out
    }
    function set(word, value,    name) {
      name = variable[word]
      if (name == "") {
        printf "convex-bridge: \"%s\" in SOURCE_URL is not for PostgreSQL: left out\n", word > "/dev/stderr"
        return
      }
      gsub(q, q "\\" q q, value)
      if (value != "") printf "%s=%s%s%s; export %s\n", name, q, value, q, name
    }
    function pairs(text,    count, part, i, at) {
      count = split(text, part, "&")
      for (i = 1; i <= count; i++) {
        at = index(part[i], "=")
        if (at > 0) set(substr(part[i], 1, at - 1), decoded(substr(part[i], at + 1)))
      }
    }
    function hosts(text,    count, part, i, host, port, hostlist, portlist, ports) {
      count = split(text, part, ",")
      for (i = 1; i <= count; i++) {
        host = part[i]; port = ""
        if (match(host, /:[0-9]*$/) && (host !~ /^\[/ || host ~ /\]:[0-9]*$/)) {
          port = substr(host, RSTART + 1); host = substr(host, 1, RSTART - 1)
        }
        gsub(/^\[|\]$/, "", host)
        hostlist = hostlist (i > 1 ? "," : "") decoded(host)
        portlist = portlist (i > 1 ? "," : "") port
        ports = ports port
      }
      set("host", hostlist)
      if (ports != "") set("port", portlist)
    }
    # scheme://user:password@host:port/database?word=value. A password may have
    # been put in as it is: all up to the last @ is its.
    function uri(text,    at, user) {
      sub(/^[a-z]*:\/\//, "", text)
      at = index(text, "?")
      if (at > 0) { pairs(substr(text, at + 1)); text = substr(text, 1, at - 1) }
      if (match(text, /.*@/)) {
        user = substr(text, 1, RLENGTH - 1); text = substr(text, RLENGTH + 1)
        at = index(user, ":")
        if (at > 0) { set("password", decoded(substr(user, at + 1))); user = substr(user, 1, at - 1) }
        set("user", decoded(user))
      }
      at = index(text, "/")
      if (at > 0) { set("dbname", decoded(substr(text, at + 1))); text = substr(text, 1, at - 1) }
      hosts(text)
    }
    # word = value, a value perhaps in single quotes, with backslashes before quotes
    function words(text,    word, value, c, at) {
      while (match(text, /^[ \t\n]*[a-z_]+[ \t\n]*=[ \t\n]*/)) {
        word = substr(text, 1, RLENGTH); gsub(/[ \t\n=]/, "", word)
        text = substr(text, RLENGTH + 1); value = ""
        quoted = substr(text, 1, 1) == q
        if (quoted) text = substr(text, 2)
        while (text != "") {
          c = substr(text, 1, 1); text = substr(text, 2)
          if (quoted ? c == q : c ~ /[ \t\n]/) break
          if (c == "\\") { c = substr(text, 1, 1); text = substr(text, 2) }
          value = value c
        }
        set(word, value)
      }
      if (text ~ /[^ \t\n]/) exit 1
    }
    BEGIN {
      q = sprintf("%c", 39)
      count = split("host=PGHOST hostaddr=PGHOSTADDR port=PGPORT dbname=PGDATABASE user=PGUSER " \
        "password=PGPASSWORD passfile=PGPASSFILE service=PGSERVICE options=PGOPTIONS " \
        "application_name=PGAPPNAME sslmode=PGSSLMODE sslcert=PGSSLCERT sslkey=PGSSLKEY " \
        "sslrootcert=PGSSLROOTCERT sslcrl=PGSSLCRL sslcrldir=PGSSLCRLDIR sslsni=PGSSLSNI " \
        "sslnegotiation=PGSSLNEGOTIATION sslcertmode=PGSSLCERTMODE gssencmode=PGGSSENCMODE " \
        "require_auth=PGREQUIREAUTH channel_binding=PGCHANNELBINDING krbsrvname=PGKRBSRVNAME " \
        "ssl_min_protocol_version=PGSSLMINPROTOCOLVERSION connect_timeout=PGCONNECT_TIMEOUT " \
        "ssl_max_protocol_version=PGSSLMAXPROTOCOLVERSION client_encoding=PGCLIENTENCODING " \
        "target_session_attrs=PGTARGETSESSIONATTRS load_balance_hosts=PGLOADBALANCEHOSTS", pair, " ")
      for (i = 1; i <= count; i++) { split(pair[i], two, "="); variable[two[1]] = two[2] }
      url = ENVIRON["SOURCE_URL"]
      if (url ~ /^postgres(ql)?:\/\//) uri(url)
      else words(url)
    }' || fail "SOURCE_URL is neither a URL nor key=value words" "" \
    "export SOURCE_URL='postgresql://USER@HOST:5432/DATABASE'"
}

# This process becomes psql at the source, with further arguments; it asks for
# no password. In English, so that source_failure() knows the messages of libpq.
# A connection that is gone without a word is noticed after a minute. Our own
# pipes are closed: who waits at their other end must not wait for psql.
source_exec() {
  eval "$source_env"
  : "${PGCONNECT_TIMEOUT:=15}" "${PGAPPNAME:=convex-bridge}"
  PGCLIENTENCODING=UTF8 LC_ALL=C
  export PGCONNECT_TIMEOUT PGAPPNAME PGCLIENTENCODING LC_ALL
  exec "$bin/psql" -X -w -q -At -v ON_ERROR_STOP=1 \
    -d 'keepalives_idle=30 keepalives_interval=10 keepalives_count=3' "$@" 8>&- 9>&-
}

# The same as a program that is waited for. One that says nothing for $patience
# seconds is ended: it fails then, and its errors say so (source_failure knows it).
# Its standard input is empty.
source_psql() {
  { source_exec "$@"; } </dev/null &
  background="$background $!"
  wait_patiently
}

# Waits for the end of all of $background, at most $patience seconds. Fails when
# one of them did, or had to be ended.
wait_patiently() {
  local pid alive failed deadline
  failed=0
  deadline=$(($(date +%s) + patience))
  while [ -n "$background" ]; do
    alive=
    for pid in $background; do
      if kill -0 "$pid" 2>/dev/null; then
        alive="$alive $pid"
      else
        wait "$pid" || failed=1
      fi
    done
    background=$alive
    [ -n "$background" ] || break
    if [ "$(date +%s)" -ge "$deadline" ]; then
      # shellcheck disable=SC2086 # process ids
      kill $background 2>/dev/null || true
      background=
      echo "no answer within $patience s" >&2
      return 1
    fi
    sleep 0.02
  done
  return "$failed"
}

# A variable of the source's environment, such as PGHOST.
source_value() { (eval "$source_env"; eval "printf '%s' \"\${$1:-}\""); }

# Stop where nothing says which database is meant.
source_require() {
  [ -n "$(source_value PGHOST)$(source_value PGHOSTADDR)$(source_value PGSERVICE)" ] ||
    fail "no database is named" "SOURCE_URL is not set, nor are PGHOST or PGSERVICE." \
      "export SOURCE_URL='postgresql://USER@HOST:5432/DATABASE'
The password may be in it, in PGPASSWORD or in ~/.pgpass."
  case $(source_value PGPASSWORD) in
    '[YOUR-PASSWORD]' | 'YOUR-PASSWORD' | '[YOUR_PASSWORD]')
      fail "the password in SOURCE_URL is the placeholder of the dashboard" "" \
        "Put the database's password there, or take it out and export PGPASSWORD." ;;
  esac
}

# Stop at a transaction pooler whose address gives it away: a copy needs a
# connection that stays the same from statement to statement.
source_refuse_pooler_address() {
  local host port
  host=$(source_value PGHOST)
  port=$(source_value PGPORT)
  case $host:$port in
    *.pooler.supabase.com:6543 | db.*.supabase.co:6543)
      fail "port 6543 of $host is Supabase's transaction pooler" \
        "A copy needs one connection that stays the same; there, each statement may go to another." \
        "Use port 5432 of the same host: that is the session pooler, or the database itself." ;;
    *-pooler.*.neon.tech:*)
      fail "$host is Neon's transaction pooler" \
        "A copy needs one connection that stays the same; there, each statement may go to another." \
        "Take \"-pooler\" out of the host's name." ;;
  esac
}

# Two sessions ask for the process that serves them, ten times each. A session
# has one process, and no other session has it: else a transaction pooler is
# between. (Seen from outside it looks like any other server.)
source_refuse_transaction_pooler() {
  local i queries
  queries=
  for i in 1 2 3 4 5 6 7 8 9 10; do
    queries="$queries SELECT pg_catalog.pg_backend_pid();"
  done
  # a statement each, so that each is a transaction
  printf '%s' "$queries" | tr ';' '\n' | sed 's/$/;/' >"$work/pids.sql"
  for i in 1 2; do
    { source_exec -f "$work/pids.sql"; } >"$work/pids.$i" 2>"$work/pids.errors.$i" &
    background="$background $!"
  done
  wait_patiently 2>"$work/errors" || source_failure "$work/pids.errors.1" "$work/pids.errors.2" "$work/errors"
  [ "$(sort -u "$work/pids.1" | grep -c .)" = 1 ] &&
    [ "$(sort -u "$work/pids.2" | grep -c .)" = 1 ] &&
    ! cmp -s "$work/pids.1" "$work/pids.2" ||
    fail "a transaction pooler is between here and the database" \
      "Two sessions were served by the same process, or one by several: pgbouncer with pool_mode = transaction, or the like. A copy needs one connection that stays the same." \
      "Connect to the database itself, or to a session pooler."
}
