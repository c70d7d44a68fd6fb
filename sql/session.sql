-- A run as part of a session: transactions, snapshots, roles. Needs the local
-- Convex with tests/regress/convex; tests/run.sh gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
\set other_url `echo "$CONVEX_URL" | sed 's/127.0.0.1/localhost/'`
SET convex_migrate.progress_interval = -1;
CREATE SCHEMA ext;
CREATE EXTENSION convex_migrate SCHEMA ext;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'library');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE SCHEMA library;
CREATE TABLE library.authors (id int PRIMARY KEY, name text NOT NULL, age int);
INSERT INTO library.authors VALUES (1, 'Ada', 36), (2, 'refused', NULL);

-- the schema of the extension need not be in the path
SELECT source, migrated, failed, status FROM ext.convex_migrate();
SET search_path = ext, public;

-- in a transaction block; a rollback takes map and rejects back
BEGIN;
SELECT source, migrated, failed, status FROM convex_migrate();
COMMIT;
SELECT count(*) FROM convex_id_map;
DROP TABLE convex_id_map;
BEGIN;
SELECT source, migrated, failed, status FROM convex_migrate();
SELECT count(*) FROM convex_id_map;
-- our own writes are writes too
SELECT * FROM convex_migrate();
ROLLBACK;
SELECT to_regclass('pg_temp.convex_id_map');
SELECT key FROM convex_rejects;

-- the session's settings and its search path mean nothing to a run
SET search_path = '';
SET DateStyle = 'SQL, DMY';
SET standard_conforming_strings = off;
SELECT source, migrated, failed, status FROM ext.convex_migrate();
SHOW DateStyle;
RESET DateStyle;
RESET standard_conforming_strings;
SET search_path = ext, public;

-- repeatable read: the transaction's own snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT source, migrated, failed, status FROM convex_migrate();
COMMIT;

-- another role: its own mapping, and the rejects of its own runs
CREATE ROLE regress_convex_mover;
GRANT USAGE ON SCHEMA library, ext TO regress_convex_mover;
GRANT SELECT ON library.authors TO regress_convex_mover;
GRANT USAGE ON FOREIGN SERVER convex TO regress_convex_mover;
SET ROLE regress_convex_mover;
SELECT * FROM convex_migrate();
RESET ROLE;
CREATE USER MAPPING FOR regress_convex_mover SERVER convex OPTIONS (deploy_key :'key');
-- whoever owns the map could have given it triggers
SET ROLE regress_convex_mover;
SELECT * FROM convex_migrate();
RESET ROLE;
DROP TABLE convex_id_map;
SET ROLE regress_convex_mover;
SELECT source, migrated, failed, status FROM convex_migrate();
SELECT source, key, role FROM convex_rejects;
RESET ROLE;

-- a deployment has a map of its own; a rollback brings the one before back
DROP TABLE convex_id_map;
CREATE SERVER other FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'other_url', schemas 'library');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (deploy_key :'key');
SELECT source, migrated, failed, status FROM convex_migrate('convex');
BEGIN;
SELECT source, migrated, failed, status FROM convex_migrate('other');
ROLLBACK;
BEGIN;
SELECT source, migrated, failed, status FROM convex_migrate('other');
ROLLBACK;
SELECT source, migrated, failed, status FROM convex_migrate('convex');
SELECT source, migrated, failed, status FROM convex_migrate('other');

-- a call from PL/pgSQL, with its error caught: the session goes on
DO $$
BEGIN
  PERFORM * FROM ext.convex_migrate('nowhere');
EXCEPTION WHEN undefined_object THEN
  RAISE NOTICE 'caught: %', SQLERRM;
END $$;
DROP TABLE convex_id_map;
SELECT source, migrated, failed, status FROM convex_migrate();

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA library CASCADE;
DROP EXTENSION convex_migrate CASCADE;
DROP SCHEMA ext;
DROP ROLE regress_convex_mover;
