-- In the copy: what convex_check() finds, to be read in a terminal; and what it
-- cannot find, since it was not copied.
SELECT format(E'%s: %s%s%s\n    %s', severity, problem,
  ' in ' || nullif(concat_ws('.', source::text, quote_ident(source_column)), ''),
  CASE rows WHEN 1 THEN ': 1 row' ELSE ': ' || rows || ' rows' END || coalesce(', such as ' || example, ''), hint)
FROM convex_check()
UNION ALL
SELECT format(E'info: %s in %s%s\n    %s', CASE definition WHEN 'a secret' THEN 'secret_left_out' ELSE 'not_copied' END,
  concat_ws('.', source::text, object), ': ' || nullif(definition, 'a secret'), hint)
FROM convex_left_behind() WHERE kind IN ('table', 'column', 'foreign_table');
