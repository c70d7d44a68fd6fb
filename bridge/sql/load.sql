-- In the copy: for each table, after a line with its number, the commands that
-- take its rows from standard input.
SELECT format(E'#%s\nSET client_encoding = UTF8;\nSET TimeZone = ''UTC'';\nSET DateStyle = ''ISO, YMD'';\nTRUNCATE %s;\n\\copy %2$s (%3$s) FROM pstdin WITH (FREEZE)\nUPDATE convex_bridge.tables SET rows = :ROW_COUNT WHERE id = %1$s;',
         t.id, convex_bridge.qualified(t.*), string_agg(quote_ident(c.name), ', ' ORDER BY c.number))
  FROM convex_bridge.tables t JOIN convex_bridge.columns c ON c.table_id = t.id
 WHERE t.worker IS NOT NULL GROUP BY t.id;
