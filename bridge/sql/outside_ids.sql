-- At the source: the OIDs of those tables, for the queries after it.
SELECT coalesce(pg_catalog.array_agg(DISTINCT k.confrelid), '{}') AS outside
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
  AND k.conrelid = ANY (:'tables'::oid[]) AND k.confrelid <> ALL (:'known'::oid[]) \gset
