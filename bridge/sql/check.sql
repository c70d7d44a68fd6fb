-- In the copy: what convex_check() finds, to be read in a terminal.
SELECT format(E'%s: %s%s%s\n    %s', severity, problem,
  ' in ' || nullif(concat_ws('.', source::text, quote_ident(source_column)), ''),
  CASE rows WHEN 1 THEN ': 1 row' ELSE ': ' || rows || ' rows' END || coalesce(', such as ' || example, ''), hint)
FROM convex_check();
