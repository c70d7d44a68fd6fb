-- At the source: jobs of pg_cron and buckets of Supabase's storage, as far as the
-- role sees them.
SELECT pg_catalog.to_regclass('cron.job') IS NOT NULL AND pg_catalog.has_schema_privilege('cron', 'USAGE')
    AND pg_catalog.has_table_privilege('cron.job', 'SELECT') AS jobs \gset
SELECT pg_catalog.to_regclass('storage.buckets') IS NOT NULL AND pg_catalog.has_schema_privilege('storage', 'USAGE')
    AND pg_catalog.has_table_privilege('storage.buckets', 'SELECT') AS buckets \gset
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
