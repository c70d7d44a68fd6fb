-- demo_import.sql: what the demo types into psql for method import; run by demo.mjs,
-- which gives the variables url and key.
\set ON_ERROR_STOP on
\set ECHO queries
\pset footer off
\timing on
\echo
CREATE SERVER second FOREIGN DATA WRAPPER convex_migrate OPTIONS (url :'url', method 'import');
\set ECHO none
CREATE USER MAPPING FOR CURRENT_USER SERVER second OPTIONS (deploy_key :'key');
\set ECHO queries
SELECT source, target, migrated, failed, elapsed, status FROM convex_migrate('second');
