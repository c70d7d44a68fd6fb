-- At the source: its extensions.
COPY (
  SELECT x.extname, n.nspname FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
) TO STDOUT;
