-- In the copy: what a worker does at the source, as a script for psql. What a
-- table gives goes into the program :load, which is told the table's number.
SELECT format(E'\\o |%s %s\n%s\n\\o', :'load', t.id,
  -- the plain form is the faster one, but it has no computed columns
  CASE WHEN t.kind = 'r' AND NOT bool_or(c.computed OR c.as_text)
       THEN format('COPY %s (%s) TO STDOUT;', convex_bridge.qualified(t.*), string_agg(quote_ident(c.name), ', ' ORDER BY c.number))
       ELSE format('COPY (SELECT %s FROM %s%s) TO STDOUT;',
              string_agg(quote_ident(c.name) || CASE WHEN c.as_text THEN '::pg_catalog.text' ELSE '' END, ', ' ORDER BY c.number),
              CASE WHEN t.kind = 'r' THEN 'ONLY ' ELSE '' END, convex_bridge.qualified(t.*)) END)
  FROM convex_bridge.tables t JOIN convex_bridge.columns c ON c.table_id = t.id
 WHERE t.worker = :worker
 GROUP BY t.id ORDER BY t.bytes DESC, t.id;
