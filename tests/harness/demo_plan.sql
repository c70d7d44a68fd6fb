-- demo_plan.sql: what the demo types into psql before the Convex side is
-- deployed; run by demo.mjs, which gives the variables url and key_file.
-- Narration is \echo, so that commands and their results look as they would for
-- anybody.
\set ON_ERROR_STOP on
\set ECHO queries
\pset footer off
\timing on
\echo
\echo '-- Once: where to, and the key (in a file that only the server can read)'
\echo
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url :'url');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key_file :'key_file');

\echo
\echo '-- What will be done, in which order'
\echo
SELECT * FROM convex_plan_text();
