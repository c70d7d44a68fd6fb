-- convex_tables and convex_columns: choices per table and column, who may make
-- them, and what happens to those that cannot be applied. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE SCHEMA app;
CREATE TABLE app.users (id int PRIMARY KEY, email text NOT NULL UNIQUE, tag text, signed_up timestamptz, secret text);
CREATE TABLE app.orders (id int PRIMARY KEY, user_email text, user_id int REFERENCES app.users, total numeric(8, 2));
CREATE TABLE app.audit (id int PRIMARY KEY, user_id int REFERENCES app.users);
INSERT INTO app.users VALUES (1, 'a@b', 'x', '2026-01-01', 's');
INSERT INTO app.orders VALUES (1, 'a@b', 1, 12.5);
INSERT INTO app.audit VALUES (1, 1);
CREATE VIEW plan AS SELECT level, source, target, key, "references", notes FROM convex_plan();

-- leave out, rename, choose the key and the order, declare a reference
INSERT INTO convex_tables (server, source, target, key, creation_time)
  VALUES ('convex', 'app.users', 'people', '{email}', 'signed_up');
INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'app.audit', true);
INSERT INTO convex_columns (server, source, source_column, target) VALUES ('convex', 'app.users', 'tag', 'label');
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES
  ('convex', 'app.users', 'secret', true), ('convex', 'app.orders', 'user_id', true);
INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'app.orders', 'total', 'string');
INSERT INTO convex_columns (server, source, source_column, target_reference)
  VALUES ('convex', 'app.orders', 'user_email', 'app.users(email)');
SELECT * FROM plan;
SELECT convex_document(x) FROM app.users x;
SELECT convex_document(x) FROM app.orders x;
SELECT * FROM convex_plan('convex', '{app.audit}');
-- references to a table that is left out are values
DELETE FROM convex_columns;
UPDATE convex_tables SET exclude = NOT exclude;
SELECT source, "references" FROM plan;
DELETE FROM convex_tables;

-- a filter is one expression, with the names of the table and of pg_catalog
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'app.users', 'users.id > 0 AND tag LIKE ''x%'' -- only those');
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'true) UNION SELECT (true';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'true; DROP TABLE app.users';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'true FROM app.orders';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'true ORDER BY 1';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'true AS x';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'tag';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'no_such_column > 1';
SELECT source FROM plan;
CREATE FUNCTION app.is_wanted(int) RETURNS bool LANGUAGE sql AS 'SELECT true';
SET search_path = app, public;
UPDATE convex_tables SET filter = 'is_wanted(id)';
SELECT source FROM plan;
UPDATE convex_tables SET filter = 'app.is_wanted(id)';
SELECT source FROM plan;
RESET search_path;
DELETE FROM convex_tables;

-- what cannot be applied
INSERT INTO convex_tables (server, source, target) VALUES ('convex', 'app.users', '2 bad');
SELECT source FROM plan;
UPDATE convex_tables SET target = 'same';
INSERT INTO convex_tables (server, source, target) VALUES ('convex', 'app.orders', 'same');
SELECT source FROM plan;
DELETE FROM convex_tables;
INSERT INTO convex_tables (server, source, key) VALUES ('convex', 'app.users', '{tag}');
SELECT source FROM plan;
UPDATE convex_tables SET key = '{nothing}';
SELECT source FROM plan;
UPDATE convex_tables SET key = NULL, creation_time = 'nothing';
SELECT source FROM plan;
DELETE FROM convex_tables;
INSERT INTO convex_columns (server, source, source_column) VALUES ('convex', 'app.users', 'nothing');
SELECT source FROM plan;
UPDATE convex_columns SET source_column = 'tag', target = '_id';
SELECT source FROM plan;
UPDATE convex_columns SET target = NULL, target_reference = 'app.users';
SELECT source FROM plan;
UPDATE convex_columns SET target_reference = 'app.users(tag)';
SELECT source FROM plan;
UPDATE convex_columns SET target_reference = 'app.users(id)';
SELECT source FROM plan;
UPDATE convex_columns SET target_reference = 'app.users(nothing)';
SELECT source FROM plan;
UPDATE convex_columns SET target_reference = 'pg_catalog.pg_class(oid)';
SELECT source FROM plan;
-- two fields of one name, or that of the old key
UPDATE convex_columns SET target_reference = NULL, target = 'email2';
INSERT INTO convex_columns (server, source, source_column, target) VALUES ('convex', 'app.users', 'secret', 'email2');
SELECT source FROM plan;
DELETE FROM convex_columns WHERE source_column = 'secret';
UPDATE convex_columns SET target = 'supabaseId';
SELECT source FROM plan;
\set VERBOSITY terse
UPDATE convex_columns SET target = NULL, type = 'integer';
\set VERBOSITY default
INSERT INTO convex_tables (server, source) VALUES ('nowhere', 'app.users');
DELETE FROM convex_tables;
DELETE FROM convex_columns;

-- A row whose table is gone may have kept something back: not ignored. (The
-- detail has the OID.)
CREATE TABLE app.passing (id int PRIMARY KEY, secret text);
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.passing', 'secret', true);
DROP TABLE app.passing;
CREATE TABLE app.passing (id int PRIMARY KEY, secret text);
\set VERBOSITY terse
SELECT source FROM plan;
\set VERBOSITY default
DELETE FROM convex_columns;
DROP TABLE app.passing;

-- Rows follow their foreign server when it is renamed; when another gets its
-- name nobody knows whose they are; those of one that is made again count for it
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.users', 'secret', true);
INSERT INTO convex_columns (server, source, source_column, target) VALUES ('convex', 'app.users', 'tag', 'label');
ALTER SERVER convex RENAME TO renamed;
SELECT convex_document(x, 'renamed') FROM app.users x;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
SELECT convex_document(x) FROM app.users x;
SELECT convex_document(x, 'renamed') FROM app.users x;
DROP SERVER convex;
DROP SERVER renamed;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
SELECT convex_document(x) FROM app.users x;
-- without any server: not ignored
ALTER SERVER convex RENAME TO other;
DROP SERVER other;
CREATE SERVER another FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
SELECT source FROM convex_plan('another');
UPDATE convex_columns SET server = 'another' WHERE server = 'convex';
SELECT convex_document(x, 'another') FROM app.users x;
DELETE FROM convex_columns;
ALTER SERVER another RENAME TO convex;

-- what another role planted is not run, and what it keeps back not sent: its
-- rows count for it alone
CREATE ROLE regress_convex_planter;
GRANT USAGE ON SCHEMA app TO regress_convex_planter;
SET ROLE regress_convex_planter;
INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'app.users', true);
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON convex_tables TO regress_convex_planter;
GRANT USAGE ON FOREIGN SERVER convex TO regress_convex_planter;
SET ROLE regress_convex_planter;
INSERT INTO convex_tables (server, source, exclude, owner) VALUES ('convex', 'app.users', true, 'pg_read_all_data');
SELECT server, source, owner FROM convex_tables;
SELECT source FROM convex_plan();
RESET ROLE;
SELECT source FROM convex_plan();
UPDATE convex_tables SET exclude = false, filter = 'app.is_wanted(id)';
SELECT source FROM convex_plan();
UPDATE convex_tables SET filter = NULL, target = 'mine';
SELECT source, target FROM convex_plan();
DELETE FROM convex_tables;
-- a row of a role that was trusted: it loses its rights, or is dropped
CREATE ROLE regress_convex_former SUPERUSER;
INSERT INTO convex_columns (server, source, source_column, exclude, owner) VALUES ('convex', 'app.users', 'secret', true, 'regress_convex_former');
SELECT convex_document(x) FROM app.users x;
ALTER ROLE regress_convex_former NOSUPERUSER;
SELECT convex_document(x) FROM app.users x;
DROP ROLE regress_convex_former;
SELECT convex_document(x) FROM app.users x;
UPDATE convex_columns SET owner = CURRENT_USER::regrole;
SELECT convex_document(x) FROM app.users x;
DELETE FROM convex_columns;

-- roles whose names fold, or are no names at all without quotes
CREATE ROLE "Regress_Convex_Mover";
CREATE ROLE regress_convex_mover;
CREATE ROLE "regress convex mover";
GRANT USAGE ON SCHEMA app TO "Regress_Convex_Mover", "regress convex mover";
GRANT INSERT, SELECT ON convex_tables TO "Regress_Convex_Mover", "regress convex mover";
DELETE FROM convex_tables;
SET ROLE "Regress_Convex_Mover";
INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'app.users', true);
SET ROLE "regress convex mover";
INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'app.audit', true);
RESET ROLE;
SELECT source, owner FROM convex_tables ORDER BY source::text;

-- what is excluded need not be readable, and is not part of a key
DELETE FROM convex_tables;
CREATE TABLE app.loose (a int, password text);
INSERT INTO app.loose VALUES (1, 'x');
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.loose', 'password', true);
SELECT convex_document(x) FROM app.loose x;
UPDATE app.loose SET password = 'y';
SELECT convex_document(x) FROM app.loose x;

-- a type for a column with a foreign key: the value, and no reference
CREATE SCHEMA meaning;
ALTER SERVER convex OPTIONS (SET schemas 'meaning');
CREATE TABLE meaning.states (value text PRIMARY KEY, note text);
CREATE TABLE meaning.tickets (id int PRIMARY KEY, state text NOT NULL REFERENCES meaning.states, title text);
CREATE TABLE meaning.schema_migrations (version text PRIMARY KEY);
INSERT INTO meaning.states VALUES ('OPEN', 'new');
INSERT INTO meaning.tickets VALUES (1, 'OPEN', 'a');
SELECT source, "references" FROM convex_plan();
INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'meaning.tickets', 'state', 'string');
SELECT convex_document(t) FROM meaning.tickets t;
SELECT source, "references" FROM convex_plan();

-- choices that contradict each other, and one that would do nothing
UPDATE convex_columns SET target_reference = 'meaning.states(value)' WHERE source = 'meaning.tickets'::regclass;
SELECT * FROM convex_plan();
UPDATE convex_columns SET target_reference = NULL, exclude = true WHERE source = 'meaning.tickets'::regclass;
SELECT * FROM convex_plan();
UPDATE convex_columns SET exclude = false, source_column = 'id' WHERE source = 'meaning.tickets'::regclass;
SELECT * FROM convex_plan();
DELETE FROM convex_columns WHERE source = 'meaning.tickets'::regclass;

-- tables of migration tools are left out, unless they are named
INSERT INTO convex_tables (server, source) VALUES ('convex', 'meaning.schema_migrations');
SELECT source FROM convex_plan();
DELETE FROM convex_tables WHERE source = 'meaning.schema_migrations'::regclass;
SELECT source FROM convex_plan(tables => '{meaning.schema_migrations}');
SELECT severity, problem, hint FROM convex_check() WHERE problem IN ('bookkeeping', 'other_schemas');

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA app, meaning CASCADE;
DROP EXTENSION convex_migrate CASCADE;
DROP ROLE regress_convex_planter, "Regress_Convex_Mover", regress_convex_mover, "regress convex mover";
