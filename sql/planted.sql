-- Objects that other roles plant: same names in every schema that queries could
-- see, and better matches. None of them is used; each says so if it is.
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shared;
CREATE EXTENSION citext SCHEMA shared;
CREATE ROLE regress_planter;
CREATE SCHEMA app;
GRANT ALL ON SCHEMA public, shared, app TO regress_planter;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'app');

CREATE DOMAIN shared.email AS shared.citext;
CREATE TYPE shared.mood AS ENUM ('calm', 'wild');
CREATE COLLATION app.german FROM "C";
CREATE TABLE app.users (email shared.email PRIMARY KEY, mood shared.mood, born date, UNIQUE (mood, born));
CREATE TABLE app.logins (id int PRIMARY KEY, email shared.email REFERENCES app.users,
  mood shared.mood, born date, FOREIGN KEY (mood, born) REFERENCES app.users (mood, born));
CREATE TABLE app.tags (name varchar COLLATE app.german PRIMARY KEY);
CREATE TABLE app.tagged (id int PRIMARY KEY, tag text REFERENCES app.tags);
CREATE TABLE app.moods (mood shared.mood PRIMARY KEY, at timestamp);
CREATE TABLE app.of_moods (mood shared.mood REFERENCES app.moods, note text);
INSERT INTO app.users VALUES ('Ada@example.org', 'calm', '1815-12-10');
INSERT INTO app.logins VALUES (1, 'ADA@example.org', 'calm', '1815-12-10');
INSERT INTO app.tags VALUES ('a');
INSERT INTO app.tagged VALUES (1, 'a');
INSERT INTO app.moods VALUES ('wild', '2026-01-01');
INSERT INTO app.of_moods VALUES ('wild', 'x');
ALTER TYPE shared.mood OWNER TO regress_planter;

SET ROLE regress_planter;
CREATE FUNCTION shared.planted(shared.email, shared.email) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$BEGIN RAISE EXCEPTION 'a planted operator was used by %', current_user; END$$;
CREATE FUNCTION shared.planted(shared.mood, shared.mood) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$BEGIN RAISE EXCEPTION 'a planted operator was used by %', current_user; END$$;
CREATE FUNCTION public.planted(varchar, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$BEGIN RAISE EXCEPTION 'a planted operator was used by %', current_user; END$$;
-- operators that match better than those of the foreign keys
CREATE OPERATOR shared.= (LEFTARG = shared.email, RIGHTARG = shared.email, FUNCTION = shared.planted);
CREATE OPERATOR shared.= (LEFTARG = shared.mood, RIGHTARG = shared.mood, FUNCTION = shared.planted);
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.planted);
CREATE OPERATOR app.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.planted);
-- functions with the names that queries use
CREATE FUNCTION app.format(text, shared.email) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted'; END$$;
CREATE FUNCTION app.count(int) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted'; END$$;
-- types, domains, collations, tables and views
CREATE DOMAIN public.text AS pg_catalog.int4;
CREATE DOMAIN app.uuid AS pg_catalog.int4;
CREATE TYPE app.citext AS (planted int);
CREATE COLLATION public."C" FROM "POSIX";
CREATE TABLE public.users (planted int);
CREATE VIEW public.pg_class AS SELECT 1 AS planted;
CREATE TABLE app.pg_constraint (planted int);
-- a cast of a type that the role owns
CREATE FUNCTION app.shout(shared.mood) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted'; END$$;
CREATE CAST (shared.mood AS pg_catalog.text) WITH FUNCTION app.shout(shared.mood);
RESET ROLE;
-- a function that overloads that of a type, in the schema of the type
CREATE FUNCTION shared.citextout(shared.email) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TEMPORARY TABLE pg_attribute (planted int);
CREATE TEMPORARY TABLE tags (planted int);
CREATE FUNCTION pg_temp.format(text, shared.email) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted'; END$$;

SET search_path = pg_temp, app, shared, public, pg_catalog;
SELECT level, source::oid::regclass, key, "references" FROM public.convex_plan();
SELECT severity, source, source_column, problem, rows FROM public.convex_check();
SELECT public.convex_document(x) FROM app.users x;
SELECT public.convex_document(x) FROM app.logins x;
SELECT public.convex_document(x) FROM app.tagged x;
SELECT public.convex_document(x) FROM app.of_moods x;
SELECT public.convex_schema() LIKE '%defineSchema(tables);' AS schema;
SELECT public.convex_functions() LIKE '%upserts("tags");%' AS functions;

-- What a filter names is its author's. It must mean the same when rows are read:
-- while those of one table are, somebody swaps what the filter of the next names.
RESET search_path;
CREATE SCHEMA late;
CREATE TABLE late.a (id int PRIMARY KEY);
CREATE TABLE late.b (id int PRIMARY KEY, name text);
INSERT INTO late.a VALUES (1);
INSERT INTO late.b VALUES (1, 'x');
ALTER SERVER convex OPTIONS (SET schemas 'late');
CREATE FUNCTION late.swap() RETURNS bool LANGUAGE plpgsql AS
  $$BEGIN EXECUTE current_setting('regress.swap'); RETURN true; END$$;
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'late.a', 'late.swap()'), ('convex', 'late.b', 'true');

CREATE SCHEMA lib;
CREATE FUNCTION lib.ok(int) RETURNS bool LANGUAGE sql IMMUTABLE RETURN true;
CREATE FUNCTION lib.same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE RETURN true;
CREATE OPERATOR lib.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = lib.same);
CREATE TABLE lib.list (id int);
CREATE VIEW lib.view AS SELECT 1 AS id;
CREATE DOMAIN lib.short AS varchar(10);
CREATE TYPE lib.pair AS (l int, r int);
CREATE COLLATION lib.sorting FROM "C";
CREATE FUNCTION lib.to_pair(int) RETURNS lib.pair LANGUAGE sql IMMUTABLE RETURN ROW($1, $1)::lib.pair;
CREATE CAST (int AS lib.pair) WITH FUNCTION lib.to_pair(int);
CREATE TYPE lib.mood AS ENUM ('x');
CREATE TABLE lib.parent (id int);
CREATE TABLE lib.child () INHERITS (lib.parent);
CREATE TABLE lib.names (name text);
CREATE FUNCTION lib.one() RETURNS SETOF int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE AGGREGATE lib.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION lib.sample(internal) RETURNS tsm_handler LANGUAGE internal AS 'tsm_bernoulli_handler';
-- two types like text and two orders of integers, of which one may take the place of the other
CREATE SCHEMA other_lib;
SET client_min_messages = warning;
SELECT format('CREATE TYPE %1$s.word;
  CREATE FUNCTION %1$s.word_in(cstring) RETURNS %1$s.word LANGUAGE internal IMMUTABLE STRICT AS ''textin'';
  CREATE FUNCTION %1$s.word_out(%1$s.word) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS ''textout'';
  CREATE TYPE %1$s.word (INPUT = %1$s.word_in, OUTPUT = %1$s.word_out, LIKE = text);
  CREATE CAST (text AS %1$s.word) WITHOUT FUNCTION;
  CREATE OPERATOR %1$s.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = int4lt);
  CREATE OPERATOR %1$s.=<< (LEFTARG = int, RIGHTARG = int, FUNCTION = int4le);
  CREATE OPERATOR %1$s.== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
  CREATE OPERATOR %1$s.>>= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ge);
  CREATE OPERATOR %1$s.>>> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4gt);
  CREATE OPERATOR CLASS %1$s.ops FOR TYPE int USING btree AS OPERATOR 1 %1$s.<<<, OPERATOR 2 %1$s.=<<,
    OPERATOR 3 %1$s.==, OPERATOR 4 %1$s.>>=, OPERATOR 5 %1$s.>>>, FUNCTION 1 btint4cmp(int, int)',
  schema) FROM unnest('{lib, other_lib}'::text[]) AS schema \gexec
RESET client_min_messages;
CREATE FUNCTION late.check(filter text, swap text) RETURNS bigint LANGUAGE plpgsql AS
  $$BEGIN
    UPDATE convex_tables t SET filter = $1 WHERE t.source = 'late.b'::regclass;
    PERFORM set_config('regress.swap', swap, true);
    RETURN (SELECT count(*) FROM convex_check() WHERE severity <> 'info');
  END$$;
\set SHOW_CONTEXT never
SELECT late.check('lib.ok(id)', 'SELECT');
SELECT late.check('lib.ok(id)', 'ALTER FUNCTION lib.ok RENAME TO other; CREATE FUNCTION lib.ok(int) RETURNS bool LANGUAGE sql RETURN true');
SELECT late.check('id OPERATOR(lib.===) 1', 'DROP OPERATOR lib.=== (int, int); CREATE OPERATOR lib.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)');
SELECT late.check('EXISTS (SELECT FROM lib.list)', 'ALTER TABLE lib.list RENAME TO other; CREATE TABLE lib.list ()');
SELECT late.check('EXISTS (SELECT FROM lib.list)', 'ALTER SCHEMA lib RENAME TO other; CREATE SCHEMA lib; CREATE TABLE lib.list ()');
SELECT late.check('EXISTS (SELECT FROM lib.view)', 'ALTER VIEW lib.view RENAME TO other; CREATE VIEW lib.view AS SELECT 2 AS id');
SELECT late.check('name::lib.short IS NOT NULL', 'ALTER DOMAIN lib.short RENAME TO other; CREATE DOMAIN lib.short AS varchar(10)');
SELECT late.check('ROW(id, id)::lib.pair IS NOT NULL', 'ALTER TYPE lib.pair RENAME TO other; CREATE TYPE lib.pair AS (l int, r int)');
SELECT late.check('name COLLATE lib.sorting > ''a''', 'ALTER COLLATION lib.sorting RENAME TO other; CREATE COLLATION lib.sorting FROM "C"');
SELECT late.check('id::lib.pair IS NOT NULL', 'DROP CAST (int AS lib.pair); ALTER FUNCTION lib.to_pair RENAME TO other; CREATE FUNCTION lib.to_pair(int) RETURNS lib.pair LANGUAGE sql RETURN ROW(0, 0)::lib.pair; CREATE CAST (int AS lib.pair) WITH FUNCTION lib.to_pair(int)');
-- wherever in an expression it is named
SELECT late.check('id OPERATOR(lib.===) ANY (ARRAY[1])', 'DROP OPERATOR lib.=== (int, int); CREATE OPERATOR lib.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)');
SELECT late.check('ROW(id, id) OPERATOR(lib.<<<) ROW(2, 2)', 'ALTER OPERATOR lib.<<< (int, int) SET SCHEMA late; ALTER OPERATOR other_lib.<<< (int, int) SET SCHEMA lib');
SELECT late.check('id = (SELECT i FROM generate_series(1, 9) AS i ORDER BY 1 USING OPERATOR(lib.<<<) LIMIT 1)', 'ALTER OPERATOR lib.<<< (int, int) SET SCHEMA late; ALTER OPERATOR other_lib.<<< (int, int) SET SCHEMA lib');
SELECT late.check('(SELECT lib.total(i) FROM generate_series(1, 9) AS i) > id', 'ALTER AGGREGATE lib.total(int) RENAME TO other; CREATE AGGREGATE lib.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = ''0'')');
SELECT late.check('name::lib.word IS NOT NULL', 'ALTER TYPE lib.word SET SCHEMA late; ALTER TYPE other_lib.word SET SCHEMA lib');
SELECT late.check('name::lib.mood IS NOT NULL', 'ALTER TYPE lib.mood RENAME TO other; CREATE TYPE lib.mood AS ENUM (''x'')');
SELECT late.check('''{}''::lib.mood[] IS NOT NULL', 'ALTER TYPE lib.mood RENAME TO other; CREATE TYPE lib.mood AS ENUM (''x'')');
SELECT late.check('ARRAY[]::lib.mood[] IS NOT NULL', 'ALTER TYPE lib.mood RENAME TO other; CREATE TYPE lib.mood AS ENUM (''x'')');
SELECT late.check('NOT EXISTS (SELECT FROM lib.child AS c WHERE c::lib.parent IS NOT NULL)', 'ALTER TABLE lib.parent RENAME TO other; CREATE TABLE lib.parent (id int); ALTER TABLE lib.child INHERIT lib.parent');
SELECT late.check('(name COLLATE lib.sorting) IS NOT NULL', 'ALTER COLLATION lib.sorting RENAME TO other; CREATE COLLATION lib.sorting FROM "C"');
SELECT late.check('NOT EXISTS (SELECT FROM lib.names AS n WHERE n.name > ''x'')', 'ALTER TABLE lib.names ALTER name TYPE text COLLATE lib.sorting');
SELECT late.check('EXISTS (SELECT FROM lib.one())', 'ALTER FUNCTION lib.one RENAME TO other; CREATE FUNCTION lib.one() RETURNS SETOF int LANGUAGE sql AS ''SELECT 2''');
SELECT late.check('EXISTS (SELECT FROM jsonb_to_record(''{"a": "x"}'') AS r(a lib.short))', 'ALTER DOMAIN lib.short RENAME TO other; CREATE DOMAIN lib.short AS varchar(10)');
SELECT late.check('EXISTS (SELECT FROM jsonb_to_record(''{"a": "x"}'') AS r(a text COLLATE lib.sorting))', 'ALTER COLLATION lib.sorting RENAME TO other; CREATE COLLATION lib.sorting FROM "C"');
SELECT late.check('EXISTS (SELECT FROM XMLTABLE(''/r'' PASSING ''<r/>'' COLUMNS a lib.short))', 'ALTER DOMAIN lib.short RENAME TO other; CREATE DOMAIN lib.short AS varchar(10)');
SELECT late.check('NOT EXISTS (SELECT FROM lib.names AS n TABLESAMPLE lib.sample(50))', 'ALTER FUNCTION lib.sample RENAME TO other; CREATE FUNCTION lib.sample(internal) RETURNS tsm_handler LANGUAGE internal AS ''tsm_bernoulli_handler''');
-- a schema that is renamed meanwhile takes its tables along
SELECT late.check('true', 'ALTER SCHEMA late RENAME TO moved; CREATE SCHEMA late; CREATE TABLE late.b (planted int)');

-- a table that is not the extension's own is not read in the place of it
ALTER EXTENSION convex_migrate DROP TABLE convex_tables;
SELECT count(*) FROM convex_plan();
ALTER EXTENSION convex_migrate ADD TABLE convex_tables;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION convex_migrate CASCADE;
DROP OWNED BY regress_planter CASCADE;
DROP SCHEMA app, shared, late, moved, lib, other_lib CASCADE;
DROP TABLE pg_temp.pg_attribute, pg_temp.tags;
DROP ROLE regress_planter;
