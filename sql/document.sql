-- convex_document(): the record of a row, its key, its references. What becomes
-- of values is in the files type_*. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'doc');
CREATE SCHEMA doc;
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = -15;

-- keys: one column, several, not named id; references show old keys here
CREATE TABLE doc.parents (a text, b int, "order" int UNIQUE NOT NULL, PRIMARY KEY (a, b));
CREATE TABLE doc.children (
  code varchar(8) PRIMARY KEY, id int,
  parent_a text, parent_b int,
  "order" int REFERENCES doc.parents ("order"),
  CONSTRAINT whole FOREIGN KEY (parent_a, parent_b) REFERENCES doc.parents);
CREATE TABLE doc.profiles (id varchar(8) PRIMARY KEY REFERENCES doc.children, bio text);
INSERT INTO doc.parents VALUES ('x"y', 1, 10);
INSERT INTO doc.children VALUES ('k', 5, 'x"y', 1, 10), ('l', NULL, NULL, 1, NULL);
INSERT INTO doc.profiles VALUES ('k', 'hi');
SELECT convex_document(x) FROM doc.parents x;
SELECT convex_document(x) FROM doc.children x;
SELECT convex_document(x) FROM doc.profiles x;
SELECT convex_document(NULL::doc.profiles);

-- a NULL is left out, a reference as any other column, or goes as null
CREATE SERVER nulls FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'doc', nulls 'null');
SELECT convex_document(x, 'nulls') FROM doc.children x;

-- as a line of an import file
SELECT convex_document(x, method => 'import') FROM doc.children x;
SELECT convex_document(x, method => 'export') FROM doc.children x;

-- a key that is a uuid by way of a domain
CREATE DOMAIN doc.reference AS uuid;
CREATE TABLE doc.tickets (code doc.reference PRIMARY KEY, "Id" uuid);
INSERT INTO doc.tickets VALUES ('ABCDEFab-0000-1111-2222-0123456789ab', NULL);
SELECT convex_document(x) FROM doc.tickets x;

-- a cast that somebody made for a type of theirs is not called: keys are
-- printed by output functions
CREATE TYPE doc.mood AS ENUM ('sad');
CREATE TABLE doc.moods (mood doc.mood PRIMARY KEY);
CREATE FUNCTION doc.to_text(doc.mood) RETURNS text LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'called with the rights of %', current_user; END$$;
CREATE CAST (doc.mood AS text) WITH FUNCTION doc.to_text;
INSERT INTO doc.moods VALUES ('sad');
SELECT convex_document(x) FROM doc.moods x;

-- without a key a row is known by its content; a key text of a parent without
-- a key is that as well
CREATE TABLE doc.log (t text, code int UNIQUE);
CREATE TABLE doc.entries (id int PRIMARY KEY, code int REFERENCES doc.log (code));
INSERT INTO doc.log VALUES ('same', NULL), ('same', NULL), ('other', 1);
INSERT INTO doc.entries VALUES (1, 1);
SELECT convex_document(x) FROM doc.log x;
SELECT encode(sha256('(other,1)'), 'hex') || '-1' AS key_of_other;

-- columns that are dropped, generated, identities, that came later
CREATE TABLE doc.columns (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, a int,
  double_a int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO doc.columns (a) VALUES (21);
ALTER TABLE doc.columns DROP gone;
ALTER TABLE doc.columns ADD late text DEFAULT 'late';
INSERT INTO doc.columns (a) VALUES (NULL);
SELECT convex_document(x) FROM doc.columns x;

-- not the row of a table
SELECT convex_document(ROW(1, 2));
SELECT convex_document(x) FROM (SELECT 1 AS a) x;
CREATE TYPE doc.pair AS (a int, b int);
SELECT convex_document((1, 2)::doc.pair);
SELECT convex_document(x, 'nowhere') FROM doc.profiles x;
SELECT convex_document(x, NULL) FROM doc.profiles x;

-- the session keeps its settings
SHOW DateStyle;
SHOW extra_float_digits;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA doc CASCADE;
DROP EXTENSION convex_migrate CASCADE;
