-- convex_schema(): tables as TypeScript. Whether the official tools take it is
-- for tests/codegen. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE SCHEMA app;
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA app;
\pset format unaligned
\pset tuples_only on

-- every type; required and not
CREATE TYPE app.mood AS ENUM ('sad', 'it''s "fine"', 'größe', E'two\nlines', E'back\\slash');
CREATE TYPE app.only AS ENUM ('one');
CREATE TYPE app.none AS ENUM ();
CREATE TYPE app.point3 AS (x int, "the y" text);
CREATE TYPE app.line AS (a app.point3, b app.point3[], mood app.mood);
CREATE DOMAIN app.size AS text CHECK (VALUE IN ('s', 'm', 'l'));
CREATE DOMAIN app.score AS int;
CREATE TABLE app.types (id int PRIMARY KEY,
  b bool, i2 int2 NOT NULL, i4 int4, i8 int8, f4 float4, f8 float8, n_short numeric(10, 2), n_long numeric(20, 2), n numeric,
  t text NOT NULL, v varchar(10), c char(3), u uuid, at timestamptz NOT NULL, local timestamp, d date, tm time, took interval,
  raw bytea, j json, jb jsonb NOT NULL, tags text[] NOT NULL, moods app.mood[], raws bytea[],
  mood app.mood NOT NULL, only_one app.only, no_one app.none, score app.score, size app.size, place app.point3, line app.line NOT NULL,
  r int4range, ip inet, cash money, h app.hstore, cls regclass, odd "char");
SELECT convex_schema();
ALTER SERVER convex OPTIONS (ADD nulls 'null', ADD int8 'int64', ADD numeric 'number', ADD timestamps 'iso', ADD key_field 'legacyId');
SELECT convex_schema();
ALTER SERVER convex OPTIONS (DROP nulls, DROP int8, DROP numeric, DROP timestamps, DROP key_field);
INSERT INTO convex_columns (server, source, source_column, type) VALUES
  ('convex', 'app.types', 'i8', 'string'), ('convex', 'app.types', 'i4', 'int64'), ('convex', 'app.types', 'i2', 'boolean'),
  ('convex', 'app.types', 'n', 'number'), ('convex', 'app.types', 't', 'bytes'), ('convex', 'app.types', 'at', 'iso'),
  ('convex', 'app.types', 'd', 'ms'), ('convex', 'app.types', 'jb', 'json'), ('convex', 'app.types', 'tags', 'array_nullable'),
  ('convex', 'app.types', 'moods', 'any'), ('convex', 'app.types', 'mood', 'string'), ('convex', 'app.types', 'size', 'string'),
  ('convex', 'app.types', 'line', 'json');
INSERT INTO convex_columns (server, source, source_column, exclude)
  SELECT 'convex', attrelid, attname, true FROM pg_attribute
   WHERE attrelid = 'app.types'::regclass AND attnum > 1 AND attname <> ALL ('{i8,i4,i2,n,t,at,d,jb,tags,moods,mood,size,line}');
SELECT convex_schema();
DROP TABLE app.types;
DELETE FROM convex_columns;

-- CHECK constraints: those that list values, and no others
CREATE COLLATION app.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE app.checks (id int PRIMARY KEY,
  one text CHECK (one IN ('a', 'b')), two varchar(9) NOT NULL CHECK (two = ANY ('{x,y,x}')), three int CHECK (three IN (1, -2, 3)),
  four text CHECK (four IN ('only')), both_of text, CHECK (both_of IN ('p', 'q') AND length(both_of) = 1),
  with_null text CHECK (with_null IN ('a', NULL)), either text, CHECK (either IN ('a', 'b') OR either IS NULL),
  negated text CHECK (negated NOT IN ('a')), folded text COLLATE app.ci CHECK (folded IN ('a', 'b')), padded char(4) CHECK (padded IN ('a', 'b')),
  as_padded varchar(4), CHECK (as_padded::bpchar = 'a'::varchar::bpchar),
  fractions numeric CHECK (fractions IN (1.5)), of_two int, CHECK (of_two IN (1, id)), called text CHECK (lower(called) IN ('a')), unchecked text,
  alternatives text, CHECK (alternatives = 'a' OR alternatives IS NULL OR alternatives IN ('b', 'c') OR 'a' = alternatives::varchar AND false),
  several text, CHECK (several = 'a' OR several IS NULL OR several IN ('b', 'a') OR several::varchar = ANY ('{c}')),
  of_both text, CHECK (of_both = 'a' OR one = 'b'), or_more text, CHECK (or_more IN ('a') OR length(or_more) > 1),
  code char(3), CHECK (code IN ('ab ', 'é', 'too long') OR code IS NULL), endless bpchar CHECK (endless IN ('a', 'b')),
  big bigint CHECK (big IN (4611686018427387905, 9223372036854775807)), small bigint CHECK (small IN (1, -9007199254740992)));
ALTER TABLE app.checks ADD CONSTRAINT later CHECK (unchecked IN ('a')) NOT VALID;
SELECT convex_schema();
DROP TABLE app.checks;

-- references, indexes, comments
CREATE TABLE app.users (id uuid PRIMARY KEY, email text UNIQUE, manager_id uuid REFERENCES app.users, "Full Name" text, class text);
COMMENT ON TABLE app.users IS E'People.\n\nTheir */ `${secrets}`\u2028are elsewhere.';
COMMENT ON COLUMN app.users.email IS E'As typed  \r\nby them';
COMMENT ON COLUMN app.users.class IS '';
CREATE TABLE app.accounts (code text PRIMARY KEY, region text NOT NULL, number int NOT NULL, owner uuid NOT NULL REFERENCES app.users,
  backup uuid REFERENCES app.users, creation_time int, note text, tags text[], secret text, UNIQUE (region, number));
CREATE INDEX ON app.accounts (owner, note);
CREATE INDEX ON app.accounts (owner, note, number DESC) INCLUDE (tags);
CREATE INDEX ON app.accounts (note) WHERE number > 0;
CREATE INDEX ON app.accounts (lower(note));
CREATE INDEX ON app.accounts USING gin (tags);
CREATE INDEX ON app.accounts USING hash (note);
CREATE INDEX ON app.accounts (creation_time);
CREATE INDEX ON app.accounts (secret);
CREATE INDEX ON app.accounts (code, note);
CREATE INDEX accounts_same ON app.accounts (number, region);
CREATE INDEX accounts_same_again ON app.accounts (number, region);
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.accounts', 'secret', true);
CREATE TABLE app.entries (region text, number int, id int, account_region text, account_number int, PRIMARY KEY (region, id),
  FOREIGN KEY (account_region, account_number) REFERENCES app.accounts (region, number));
CREATE INDEX ON app.entries (id);
SELECT convex_schema();
-- a part of them; parents outside stay references
SELECT convex_schema(tables => '{app.entries}');
ALTER SERVER convex OPTIONS (ADD orphans 'null');
SELECT convex_schema(tables => '{app.entries,app.accounts}');
ALTER SERVER convex OPTIONS (SET orphans 'keep', ADD nulls 'null');
SELECT convex_schema(tables => '{app.entries,app.users}');
ALTER SERVER convex OPTIONS (DROP orphans, DROP nulls);
DROP TABLE app.entries, app.accounts, app.users;
DELETE FROM convex_columns;

-- limits: 15 fields of an index, 32 indexes, 64 characters of a name; lines of 80
CREATE TABLE app.wide (id int PRIMARY KEY, a_name_that_is_rather_long_for_a_column_but_that_is_what_it_is int, b_name_that_is_rather_long_for_a_column_too int,
  a_rather_long_name_for_a_column_with_values text CHECK (a_rather_long_name_for_a_column_with_values IN ('first', 'second', 'third')) NOT NULL);
DO $$ BEGIN
  FOR n IN 1..33 LOOP
    EXECUTE format('ALTER TABLE app.wide ADD c%s int', n);
    EXECUTE format('CREATE INDEX ON app.wide (c%s)', n);
  END LOOP;
END $$;
CREATE INDEX ON app.wide (a_name_that_is_rather_long_for_a_column_but_that_is_what_it_is, b_name_that_is_rather_long_for_a_column_too);
CREATE INDEX wide_all ON app.wide (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16);
SELECT convex_schema();
DROP TABLE app.wide;

-- a partitioned table, a foreign table (nobody enforces what it declares), a view
CREATE TABLE app.parts (id int PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('a', 'b'))) PARTITION BY RANGE (id);
CREATE INDEX ON app.parts (kind);
CREATE TABLE app.part PARTITION OF app.parts DEFAULT;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1');
CREATE FOREIGN TABLE app.far (id int NOT NULL, kind text NOT NULL CHECK (kind IN ('a', 'b'))) SERVER elsewhere;
CREATE VIEW app.seen AS SELECT id, kind FROM app.parts;
SELECT convex_schema(tables => '{app.parts,app.far,app.seen}');

-- wrong parameters
SELECT convex_schema('nowhere');
SELECT convex_schema(NULL);
SELECT convex_functions(tables => '{app.part}');
ALTER SERVER convex OPTIONS (ADD key_field 'creation_time');
ALTER SERVER convex OPTIONS (ADD key_field 'a_name_of_sixty_two_characters_is_too_long_for_its_index_by_it');

-- the session keeps its settings, and nothing is locked or written
BEGIN READ ONLY;
SET LOCAL search_path = '';
SELECT length(app.f) > 100 FROM (SELECT public.convex_schema(tables => '{app.parts}') AS f) AS app;
SHOW search_path;
COMMIT;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION convex_migrate CASCADE;
