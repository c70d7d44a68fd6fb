-- demo_migrate.sql: what the demo types into psql when the functions are deployed.
\set ON_ERROR_STOP on
\set ECHO queries
\pset footer off
\timing on
\echo
SELECT source, target, migrated, failed, elapsed, status FROM convex_migrate();
SELECT * FROM convex_id_map LIMIT 3;
