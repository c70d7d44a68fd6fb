-- At the source: the tables of the schemas, and others by name. A partitioned
-- table is copied as one table; partitions are not tables of their own.
COPY (
  SELECT c.oid, n.nspname, c.relname, c.relkind, false,
    CASE WHEN c.relkind = 'p' THEN
           (SELECT coalesce(sum(greatest(p.reltuples, 0)), 0)
              FROM pg_catalog.pg_partition_tree(c.oid) AS tree JOIN pg_catalog.pg_class p ON p.oid = tree.relid
             WHERE tree.isleaf)
         ELSE c.reltuples END,
    CASE WHEN c.relkind = 'p' THEN
           (SELECT coalesce(sum(pg_catalog.pg_total_relation_size(tree.relid)), 0)
              FROM pg_catalog.pg_partition_tree(c.oid) AS tree WHERE tree.isleaf)
         ELSE pg_catalog.pg_total_relation_size(c.oid) END,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN pg_catalog.has_table_privilege(c.oid, 'SELECT') ELSE false END,
    pg_catalog.row_security_active(c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND (n.nspname = ANY (:'schemas'::text[]) OR n.nspname || '.' || c.relname = ANY (:'besides'::text[]))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY n.nspname, c.relname
) TO STDOUT;
