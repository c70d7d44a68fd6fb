-- At the source: jobs of pg_cron and buckets of Supabase's storage, as far as the
-- role may see them. (By the catalogs: naming a table of a schema that is not
-- the role's to use is an error.)
SELECT coalesce(pg_catalog.bool_or(t.readable) FILTER (WHERE t.name = 'cron.job'), false) AS jobs,
  coalesce(pg_catalog.bool_or(t.readable) FILTER (WHERE t.name = 'storage.buckets'), false) AS buckets
FROM (SELECT n.nspname || '.' || c.relname AS name,
        pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r') AS t \gset
COPY (
  SELECT NULL, CASE n.nspname WHEN 'cron' THEN 'cron_job' ELSE 'bucket' END, 'unknown',
    pg_catalog.format('the role may not read %I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname || '.' || c.relname IN ('cron.job', 'storage.buckets')
    AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
) TO STDOUT;
SET row_security = on;
\if :jobs
COPY (
  SELECT NULL, 'cron_job', coalesce(pg_catalog.to_jsonb(j) ->> 'jobname', j.jobid::text), j.schedule
  FROM cron.job j WHERE j.database = pg_catalog.current_database() ORDER BY j.jobid
) TO STDOUT;
\endif
\if :buckets
COPY (SELECT NULL, 'bucket', b.id, NULL FROM storage.buckets b ORDER BY b.id) TO STDOUT;
\endif
