-- convex_document(): the record of a row, and every type that is encoded.
-- Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'doc');
CREATE SCHEMA doc;
-- output must not depend on the session
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Pacific/Chatham';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET IntervalStyle = 'sql_standard';

CREATE TYPE doc.mood AS ENUM ('sad', 'it''s "fine"');
CREATE DOMAIN doc.score AS int CHECK (VALUE >= 0);
CREATE TABLE doc.types (
  id uuid PRIMARY KEY,
  b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
  n_short numeric(10, 2), n_long numeric(20, 2), n_free numeric,
  t text, v varchar(10), c char(5), at timestamptz, local timestamp,
  j json, jb jsonb, tags text[], numbers int[], uuids uuid[],
  mood doc.mood, score doc.score, raw bytea, d date, took interval, ip inet);

-- nulls are left out
INSERT INTO doc.types (id) VALUES ('00000000-0000-0000-0000-000000000001');
SELECT convex_document(x) FROM doc.types x;

-- an ordinary row
TRUNCATE doc.types;
INSERT INTO doc.types VALUES ('00000000-0000-0000-0000-00000000000a',
  true, -32768, 2147483647, -9007199254740992, 0.1, 0.1,
  1.50, 123456789012345678.90, 3.14, E'a"b\\c\n\t\x01 ünï 😀', 'abc', 'ab',
  '2026-11-23 12:34:56.789012+00', '1969-12-31 23:59:59.5',
  '{"b": [1, 2.50, -0, 1e3], "a": {"": null}}', '{"deep": {"x": [true, "\u00e9"]}}',
  '{a,"b c",""}', '{}', '{00000000-0000-0000-0000-00000000000b}',
  'it''s "fine"', 7, '\x00ff10', '2026-11-23', '1 day 02:03:04', '10.0.0.0/8');
SELECT convex_document(x) FROM doc.types x;

-- numbers that have no JSON text
UPDATE doc.types SET f4 = '-0', f8 = 'NaN', n_short = 'NaN', n_free = 'Infinity', at = 'infinity', local = '-infinity';
SELECT (convex_document(x)::json) -> 'f4' AS f4, (convex_document(x)::json) -> 'f8' AS f8,
  (convex_document(x)::json) -> 'n_short' AS n_short, (convex_document(x)::json) -> 'n_free' AS n_free,
  (convex_document(x)::json) -> 'at' AS at, (convex_document(x)::json) -> 'local' AS local
FROM doc.types x;

-- times before 1970, before 0, at 0
UPDATE doc.types SET at = '1970-01-01 00:00:00+00', local = '0044-03-15 12:00:00 BC';
SELECT (convex_document(x)::json) -> 'at' AS at, (convex_document(x)::json) -> 'local' AS local FROM doc.types x;

-- what cannot go, each with its code and the path
CREATE FUNCTION doc.try(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE 'UPDATE doc.types SET ' || change;
  PERFORM convex_document(x) FROM doc.types x;
  RETURN 'no error';
EXCEPTION WHEN data_exception THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN detail;
END $$;
SELECT doc.try($$i8 = 9007199254740993$$);
SELECT doc.try($$at = '90000-01-01 00:00:00.000001+00'$$);
SELECT doc.try($$local = '294276-12-31 23:59:59'$$);
SELECT doc.try($$tags = '{a,NULL}'$$);
SELECT doc.try($$tags = '{{a},{b}}'$$);
SELECT doc.try($$numbers = array_fill(1, '{8193}')$$);
SELECT doc.try($$numbers = array_fill(1, '{8192}')$$);
SELECT doc.try($$jb = '{"a": [1, {"$b": 2}]}'$$);
SELECT doc.try($$jb = '{"a": {"größe": 2}}'$$);
SELECT doc.try($$jb = '{"__proto__": 1}'$$);
SELECT doc.try($$jb = '{"list": [1, 12345678901234567890]}'$$);
SELECT doc.try($$jb = '[0.1, 1e22, 123456789012345678, 1.7976931348623157e308]'$$);
SELECT doc.try($$jb = '1e400'$$);
-- powers of two, above which there is more room than below
SELECT doc.try($$jb = '[5.684341886080802e-14, 6.189700196426902e26]'$$);
SELECT doc.try($$jb = '5.6843418860808015e-14'$$);
SELECT doc.try($$jb = (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 1025) n)$$);
SELECT doc.try($$jb = (SELECT jsonb_build_object('a', jsonb_agg(n)) FROM generate_series(1, 8193) n)$$);
SELECT doc.try($$jb = (repeat('[', 15) || repeat(']', 15))::jsonb$$);
SELECT doc.try($$jb = (repeat('[', 16) || repeat(']', 16))::jsonb$$);
SELECT doc.try($$j = '{"a": ["\u0000"]}'$$);
SELECT doc.try($$j = '"\ud800"'$$);
SELECT doc.try($$j = '{"\u0024x": 1}'$$);
SELECT doc.try($$j = '{"b": 1e5000}'$$);
SELECT doc.try($$j = '{"b": 1e-99999999999999999999}'$$);
SELECT doc.try($$j = '{"a": 1, "b": {"a": 1}, "\u0061": 2}'$$);
SELECT doc.try($$raw = decode(repeat('00', 17 * 1024 * 1024), 'hex')$$);

-- scalars as json values
UPDATE doc.types SET j = ' 12.50 ', jb = '"text"';
SELECT (convex_document(x)::json) -> 'j' AS j, (convex_document(x)::json) -> 'jb' AS jb FROM doc.types x;

-- jsonb with more children than the stored form has lengths for, of all kinds
UPDATE doc.types SET j = NULL, jb = (SELECT jsonb_object_agg('key ' || n,
  (ARRAY['1', '-2.5', '"text"', 'null', 'true', 'false', '[]', '{}', '[1, "a", [null]]', '{"x": {"y": 0.1}, "z": ""}'])[1 + n % 10]::jsonb)
  FROM generate_series(1, 200) n);
UPDATE doc.types SET jb = jsonb_build_object('object', jb, 'array', (SELECT jsonb_agg(value) FROM jsonb_each(jb)));
SELECT (convex_document(x)::jsonb) -> 'jb' = jb AS same FROM doc.types x;

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

-- a key that is a uuid by way of a domain
CREATE DOMAIN doc.reference AS uuid;
CREATE TABLE doc.tickets (code doc.reference PRIMARY KEY, "Id" uuid);
INSERT INTO doc.tickets VALUES ('ABCDEFab-0000-1111-2222-0123456789ab', NULL);
SELECT convex_document(x) FROM doc.tickets x;

-- a cast that somebody made for a type of theirs is not called: keys are
-- printed by output functions
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

-- columns of every kind: dropped, generated, identity, of a domain over a
-- domain, of a composite type, of an array of it
CREATE DOMAIN doc.percent AS doc.score CHECK (VALUE <= 100);
CREATE TYPE doc.point3 AS (x int, y text, z int[]);
CREATE TABLE doc.columns (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, a int,
  double_a int GENERATED ALWAYS AS (a * 2) STORED, share doc.percent, shares doc.percent[],
  place doc.point3, places doc.point3[]);
ALTER TABLE doc.columns DROP gone;
ALTER TABLE doc.columns ADD late text DEFAULT 'late';
INSERT INTO doc.columns (a, share, shares, place, places)
  VALUES (21, 50, '{1,2}', ROW(1, 'a "b"', '{1,2}'), ARRAY[ROW(2, NULL, NULL)::doc.point3]);
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
