-- At the source: what has rows and is not copied: foreign tables, and schemas that
-- were not named and have tables, without those of the provider.
COPY (
  SELECT NULL, 'foreign_table', pg_catalog.format('%I.%I', n.nspname, c.relname), 'SERVER ' || f.srvname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_foreign_table t ON t.ftrelid = c.oid JOIN pg_catalog.pg_foreign_server f ON f.oid = t.ftserver
  WHERE n.nspname = ANY (:'schemas'::text[]) AND NOT c.relispartition
  UNION ALL
  SELECT NULL, 'schema', pg_catalog.quote_ident(n.nspname),
    pg_catalog.count(*) || CASE pg_catalog.count(*) WHEN 1 THEN ' table' ELSE ' tables' END
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname <> ALL (:'schemas'::text[]) AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(:'reserved'::text[]) AS r(name)
      WHERE n.nspname ~ ('^' || pg_catalog.replace(r.name, '*', '.*') || '$'))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
  GROUP BY n.nspname
) TO STDOUT;
