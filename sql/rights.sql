-- Who may do what, and what a transaction must be like. All of it is refused
-- before anything is sent: the server's port answers nobody.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'hr', max_retries '0');
CREATE USER MAPPING FOR PUBLIC SERVER convex OPTIONS (deploy_key 'dev:local|x');
CREATE SCHEMA hr;
CREATE TABLE hr.people (id int PRIMARY KEY, name text);
CREATE TABLE hr.salaries (person_id int PRIMARY KEY REFERENCES hr.people, amount int);
CREATE ROLE regress_convex_reader;

-- USAGE on the server
SET ROLE regress_convex_reader;
SELECT count(*) FROM convex_plan();
SELECT * FROM convex_migrate();
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER convex TO regress_convex_reader;
-- planning reads catalogs only
SET ROLE regress_convex_reader;
SELECT count(*) FROM convex_plan();
-- SELECT on every column of every table, USAGE on their schema
SELECT * FROM convex_migrate();
RESET ROLE;
GRANT USAGE ON SCHEMA hr TO regress_convex_reader;
GRANT SELECT ON hr.people TO regress_convex_reader;
GRANT SELECT (person_id) ON hr.salaries TO regress_convex_reader;
SET ROLE regress_convex_reader;
SELECT * FROM convex_migrate();
RESET ROLE;
-- column by column is enough: the next check is row-level security
GRANT SELECT (amount) ON hr.salaries TO regress_convex_reader;
ALTER TABLE hr.salaries ENABLE ROW LEVEL SECURITY;
SET ROLE regress_convex_reader;
SELECT * FROM convex_migrate();
RESET ROLE;

-- transactions
BEGIN READ ONLY;
SELECT * FROM convex_migrate();
ROLLBACK;
BEGIN;
INSERT INTO hr.people VALUES (1, 'Ada');
SELECT * FROM convex_migrate();
ROLLBACK;

-- what is behind convex_rejects
SET ROLE regress_convex_reader;
SELECT count(*) FROM convex_rejects;
SELECT count(*) FROM convex_reject_rows;
SELECT count(*) FROM convex_run_rows;
INSERT INTO convex_rejects VALUES ('convex', 'hr.people', '1', 'x', NULL, now(), 'regress_convex_reader', 1);
SELECT nextval('convex_run_seq');
RESET ROLE;
-- a role sees what roles that it is a member of left
INSERT INTO convex_reject_rows (server, source, key, reason, role, run)
  VALUES ('convex', 'hr.people', '1', 'orphan: text', 'regress_convex_reader', 1),
         ('convex', 'hr.people', '2', 'orphan: text', current_user::regrole, 2);
SET ROLE regress_convex_reader;
SELECT server, source, key, reason, role, run FROM convex_rejects;
RESET ROLE;

-- every object says what it is for
SELECT p.oid::regprocedure AS undocumented FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'convex_migrate'
  WHERE obj_description(p.oid, 'pg_proc') IS NULL;
-- the extension works in any schema
SELECT proname, provolatile, proparallel, prosecdef FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'convex_migrate'
  ORDER BY proname;
CREATE SCHEMA elsewhere;
ALTER EXTENSION convex_migrate SET SCHEMA elsewhere;
SELECT count(*) FROM elsewhere.convex_plan();
SELECT elsewhere.convex_version() LIKE 'convex_migrate 0.1.0, libcurl %' AS version;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION convex_migrate CASCADE;
DROP SCHEMA hr, elsewhere CASCADE;
DROP ROLE regress_convex_reader;
