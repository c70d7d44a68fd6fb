-- At the source: tables that foreign keys of the tables lead to, but for those
-- that are known already (all by OID).
COPY (
  SELECT DISTINCT c.oid, n.nspname, c.relname, c.relkind, true, 0, 0, true, true, false
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND k.conrelid = ANY (:'tables'::oid[]) AND k.confrelid <> ALL (:'known'::oid[])
) TO STDOUT;
