-- What PostgreSQL 18 brought: constraints that do not hold for every row,
-- generated columns that are not stored, keys of periods. Needs no Convex.
-- expected/version_18_1.out is for earlier versions.
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE SCHEMA app;
\a\t

SELECT current_setting('server_version_num')::int >= 180000 AS new \gset
\if :new
-- a NOT NULL that may not hold makes no field required, nor a key; the same for a CHECK
CREATE TABLE app.parents (id int PRIMARY KEY, code int UNIQUE, late text, always text NOT NULL,
  twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, label text NOT NULL GENERATED ALWAYS AS ('n' || id) VIRTUAL,
  mood text CHECK (mood IN ('a', 'b')) NOT ENFORCED, kind text CHECK (kind IN ('a', 'b')));
INSERT INTO app.parents (id, always, mood) VALUES (1, 'x', 'c');
ALTER TABLE app.parents ADD CONSTRAINT is_late NOT NULL late NOT VALID, ADD CONSTRAINT has_code NOT NULL code NOT VALID;
CREATE TABLE app.codes (code int UNIQUE);
INSERT INTO app.codes VALUES (NULL);
ALTER TABLE app.codes ADD CONSTRAINT has_code NOT NULL code NOT VALID;
CREATE TABLE app.children (id int PRIMARY KEY, parent int NOT NULL REFERENCES app.parents NOT ENFORCED,
  code int NOT NULL REFERENCES app.parents (code) NOT ENFORCED);
INSERT INTO app.children VALUES (1, 1, 7), (2, 8, 7);
SELECT level, source, kind, key, "references", notes FROM convex_plan();
SELECT convex_schema();
INSERT INTO convex_tables (server, source, key) VALUES ('convex', 'app.codes', '{code}');
SELECT convex_schema();
DELETE FROM convex_tables;
SELECT convex_document(x) FROM app.parents x;
SELECT severity, source, source_column, problem, rows, example FROM convex_check();
ALTER TABLE app.parents DROP CONSTRAINT is_late;
DELETE FROM app.parents;
ALTER TABLE app.parents ALTER late SET NOT NULL, VALIDATE CONSTRAINT has_code;
SELECT convex_schema(tables => '{app.parents}');
DROP TABLE app.children, app.codes, app.parents;

-- a key with a period; a foreign key that says "overlaps" is no reference
CREATE TABLE app.rooms (id int4range, at daterange, name text, PRIMARY KEY (id, at WITHOUT OVERLAPS));
CREATE TABLE app.bookings (id int PRIMARY KEY, room int4range, at daterange, FOREIGN KEY (room, PERIOD at) REFERENCES app.rooms (id, PERIOD at));
INSERT INTO app.rooms VALUES ('[1,2)', '[2026-01-01,2027-01-01)', 'blue');
INSERT INTO app.bookings VALUES (1, '[1,2)', '[2026-11-23,2026-11-24)');
SELECT level, source, kind, key, "references", notes FROM convex_plan();
SELECT convex_schema();
SELECT convex_document(x) FROM app.rooms x;
SELECT convex_document(x) FROM app.bookings x;
\endif

\set VERBOSITY terse
DROP SCHEMA app CASCADE;
DROP EXTENSION convex_migrate CASCADE;
