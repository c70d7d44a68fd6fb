# ---- progress.sh: how far the rows are ---------------------------------------

# progress_watch START: until all workers have ended: a line every few seconds.
# Ends everything when a table could not be loaded, or nothing has come for
# $patience seconds.
progress_watch() {
  local started said rows last still now
  started=$1
  said=$started
  still=$started
  last=
  while progress_any_alive; do
    progress_stop_at_failed
    sleep 0.05
    now=$(date +%s)
    [ $((now - said)) -ge "$interval" ] || continue
    said=$now
    rows=$(progress_rows) || continue
    if [ "$rows" != "$last" ]; then
      last=$rows
      still=$now
      progress_line "$((now - started))" $rows
    elif [ $((now - still)) -ge "$patience" ]; then
      failure_of_patience
    fi
  done
  progress_stop_at_failed
}

# Whether a worker is at work; the end when one has failed.
progress_any_alive() {
  local pid alive
  alive=
  for pid in $background; do
    if kill -0 "$pid" 2>/dev/null; then
      alive="$alive $pid"
    elif ! wait "$pid"; then
      progress_stop_at_failed
      source_failure "$work"/worker.*.errors
    fi
  done
  background=$alive
  [ -n "$alive" ]
}

# Rows that are here, bytes of text they came as, and the estimate of all rows.
progress_rows() {
  cluster_psql "$copying" -At -F ' ' -c "SELECT
    (SELECT coalesce(sum(rows), 0) FROM convex_bridge.tables) + (SELECT coalesce(sum(tuples_processed), 0) FROM pg_stat_progress_copy),
    (SELECT coalesce(sum(bytes_processed), 0) FROM pg_stat_progress_copy) +
      (SELECT coalesce(sum(pg_table_size(c.oid)), 0) FROM convex_bridge.tables t JOIN pg_namespace n ON n.nspname = t.schema
         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name WHERE t.rows IS NOT NULL),
    (SELECT sum(greatest(estimated_rows, rows, 0))::bigint FROM convex_bridge.tables WHERE worker IS NOT NULL)" 2>/dev/null
}

# progress_line SECONDS ROWS BYTES ESTIMATE
progress_line() {
  local left
  left=
  if [ "$2" -gt 0 ] && [ "$4" -gt "$2" ]; then
    left=", about $(($1 * ($4 - $2) / $2 + 1)) s left"
  fi
  say "$(human_count "$2") of about $(human_count "$4") rows, $(human_bytes "$3")$left"
}

# The end, if rows of a table do not fit into it here. No values in the message.
progress_stop_at_failed() {
  local failed id
  for failed in "$work"/failed.*; do
    [ -e "$failed" ] || return 0
    id=${failed##*.}
    fail "the rows of $(cluster_value "$copying" "SELECT convex_bridge.qualified(t.*) FROM convex_bridge.tables t WHERE id = $id") cannot be loaded" \
      "$(sed -e 's/^psql:[^:]*:[0-9]*: *//' -e 's/: ".*/: .../' "$failed" | head -n 3)" \
      "Leave the table or the column out: --leave-out."
  done
}
