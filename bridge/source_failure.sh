# ---- source_failure.sh: why the source cannot be read, and what to do --------

# source_failure FILE...: the end, with what libpq or the server said there
# (their first lines) in the words of someone who has to do something about it.
source_failure() {
  local text
  text=$(cat "$@" 2>/dev/null | sed -e 's/^psql: *//' -e 's/^psql:[^:]*:[0-9]*: *//' \
    -e 's/^error: *//' | grep -v '^$' | head -n 6) || true
  case $text in *"no answer within "*) failure_of_patience ;; esac
  failure_after_survey "$text"
  failure_of_network "$text"
  failure_of_pooler "$text"
  failure_of_login "$text"
  failure_of_tls "$text"
  failure_of_session "$text"
  fail "the source cannot be read" "$text"
}

# Set when the source has answered (survey_source).
source_version=

# A source that has answered, and cannot be reached any more: whether one notices
# it by a connection that breaks or by the next one that fails is a race.
failure_after_survey() {
  [ -n "$source_version" ] || return 0
  case $1 in
    *"Connection refused"* | *"timeout expired"* | *"timed out"* | *"unreachable"* | *"No route to host"* | *"could not translate host name"*)
      failure_of_loss "$1" ;;
  esac
}

failure_of_loss() {
  fail "the connection to the source was lost" "$1" "Nothing of this copy is kept. Run the same command again."
}

# It may be that the rows of a large table are sorted, or that a table is locked.
failure_of_patience() {
  fail "nothing has come from the source for $patience s" "" \
    "Nothing of this copy is kept. See whether the source is busy or its tables are locked, then run the same command again; --patience N waits longer."
}

failure_of_network() {
  local host
  host=$(source_value PGHOST)
  case $1 in
    *"could not translate host name"*)
      case $host in
        db.*.supabase.co | *.supabase.com)
          fail "the host $host is not known" "$1" \
            "A paused or deleted Supabase project has no host: look at the dashboard, restore the project.
Else check the spelling, and that this machine has DNS." ;;
      esac
      fail "the host $host is not known" "$1" "Check the spelling in SOURCE_URL, and that this machine has DNS." ;;
    *"("*:*")"*"Network is unreachable"* | *"("*:*")"*"Cannot assign requested address"* | *"("*:*")"*"No route to host"*)
      fail "$host has an IPv6 address only, and this machine has no IPv6" "$1" \
        "Supabase: use the session pooler of the dashboard's \"Connect\" (port 5432, user postgres.PROJECT), or the IPv4 add-on.
Docker: a container has IPv6 with --network host, where the machine has it." ;;
    *"Connection refused"*)
      fail "nothing listens at $host" "$1" "Check host and port; a private database needs its VPN or tunnel." ;;
    *"timeout expired"* | *"Connection timed out"* | *"Operation timed out"* | *"Network is unreachable"* | *"No route to host"*)
      fail "$host does not answer" "$1" \
        "Let this machine in: security group or \"publicly accessible\" (RDS), authorized networks (Cloud SQL), network restrictions (Supabase, Neon).
A database that was asleep may need a second try." ;;
  esac
}

failure_of_pooler() {
  case $1 in
    *"Tenant or user not found"* | *"tenant/user"*"not found"* | *"ENOTFOUND"*)
      fail "Supabase's pooler does not know this user" "$1" \
        "At the pooler the user is postgres.PROJECT, and the host that of the project's region: copy it from the dashboard's \"Connect\".
A paused project is not known either: restore it in the dashboard." ;;
    *"unsupported startup parameter"*)
      fail "a pgbouncer is between here and the database" "$1" \
        "Connect to the database itself, or to a session pooler; take \"options\" out of SOURCE_URL." ;;
    *"ndpoint ID is not specified"*)
      fail "Neon does not know which endpoint is meant" "$1" \
        "Add options=endpoint%3DENDPOINT-ID to SOURCE_URL, or use a newer libpq." ;;
    *"max clients"* | *"Max client connections"* | *"MaxClientsInSessionMode"* | *"too many clients"* | *"too many connections"* | *"remaining connection slots"*)
      fail "the source has no connection left" "$1" "Use fewer: --jobs 1 needs two. Or wait until others are closed." ;;
  esac
}

failure_of_login() {
  case $1 in
    *"no password supplied"* | *"password authentication failed"*"empty"*)
      fail "the source wants a password, and there is none" "$1" \
        "export PGPASSWORD, or put it into SOURCE_URL, ~/.pgpass or a service file." ;;
    *"password authentication failed"* | *"Wrong password"* | *"Invalid password"* | *"SASL authentication failed"*)
      fail "the source refuses the password" "$1" \
        "Supabase: Settings, Database, \"Reset database password\"; at the pooler the user is postgres.PROJECT.
In a URL, write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25." ;;
    *"role "*"does not exist"*)
      fail "the source does not know this user" "$1" "Check the user in SOURCE_URL." ;;
    *"database "*"does not exist"*)
      fail "the source has no such database" "$1" "Check the end of SOURCE_URL. Supabase's database is called postgres." ;;
  esac
}

failure_of_tls() {
  case $1 in
    *"no encryption"* | *"SSL off"* | *"SSL connection is required"* | *"SSL required"* | *"requires SSL"* | *"connection is insecure"*)
      fail "the source wants TLS" "$1" "Add ?sslmode=require to SOURCE_URL, or export PGSSLMODE=require." ;;
    *"no pg_hba.conf entry"*)
      fail "the source does not let this user in from here" "$1" \
        "Let this machine's address and the user into its network rules (pg_hba.conf)." ;;
    *"certificate verify failed"* | *"root certificate file"*)
      fail "the certificate of the source cannot be verified" "$1" \
        "Name its CA: export PGSSLROOTCERT=/path/of/ca.crt (Supabase: Settings, Database, \"Download certificate\"; RDS: global-bundle.pem).
Without verification: sslmode=require." ;;
    *"does not match host name"*)
      fail "the certificate of the source is for another host" "$1" \
        "Use the host name that the certificate has, or sslmode=verify-ca." ;;
    *"does not support SSL"*)
      fail "the source does not speak TLS" "$1" "Take sslmode out of SOURCE_URL: only within your own network." ;;
  esac
}

failure_of_session() {
  case $1 in
    *"permission denied for"*)
      fail "the role may not read something" "$1" "GRANT it to the role, or leave it out: --leave-out SCHEMA.TABLE." ;;
    *"row-level security policy"*)
      fail "row-level security would hide rows" "$1" "Connect as a role that it does not apply to." ;;
    *"statement timeout"* | *"transaction timeout"*)
      fail "the source ended a statement that took too long" "$1" \
        "convex-bridge sets the limits to 0 for its own sessions; a pooler or the provider has another. Raise it there, or try again with --jobs 1." ;;
    *"lock timeout"*)
      fail "a table is locked for longer than 30 s" "$1" "Something alters or rewrites it: try again when that is done." ;;
    *"conflict with recovery"*)
      fail "the replica ended the copy in favour of its own recovery" "$1" \
        "Copy from the primary, or raise max_standby_streaming_delay or hot_standby_feedback there." ;;
    *"closed the connection"* | *"SSL SYSCALL"* | *"could not receive data"* | *"terminating connection"* | *"unexpected EOF"* | *"connection to server was lost"* | *"SSL error"* | *"closed unexpectedly"* | *"could not send data"*)
      failure_of_loss "$1" ;;
    *"starting up"* | *"shutting down"* | *"in recovery mode"*)
      fail "the source is just starting or stopping" "$1" "Run the same command again in a minute." ;;
  esac
}
