-- Composite types are objects: nested, in arrays, with NULLs, dropped and added
-- attributes, and names that Convex cannot have.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.point3 AS (x int, y text, z float8[]);
CREATE TYPE types.place AS (name text, at types.point3, price numeric(10, 2), since timestamptz);
CREATE TABLE types.t (id int PRIMARY KEY, v types.place, list types.place[], points types.point3[]);
INSERT INTO types.t VALUES
  (1, ROW('a "b"', ROW(1, E'y\\', '{0.5,-0}'), 1.50, '2026-11-23 00:00+00'), '{}', ARRAY[ROW(1, 'a', '{}'), ROW(2, NULL, NULL)]::types.point3[]),
  (2, ROW(NULL, ROW(NULL, NULL, NULL), NULL, NULL), ARRAY[ROW('x', NULL, NULL, NULL)]::types.place[], NULL), (3, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
CREATE SERVER nulls FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', nulls 'null');
SELECT public.convex_document(x, 'nulls') FROM types.t x ORDER BY id;

-- where in it something cannot go
SELECT public.convex_document(ROW(4, ROW('a', ROW(1, 'y', '{1,NULL}'), NULL, NULL), NULL, NULL)::types.t);
SELECT public.convex_document(ROW(4, NULL, NULL, ARRAY[ROW(1, 'a', '{}'), NULL]::types.point3[])::types.t);
SELECT public.convex_document(ROW(4, NULL, ARRAY[ROW('a', NULL, NULL, '90000-01-01 00:00:00.000001+00')]::types.place[], NULL)::types.t);

-- attributes that came and went after the values were stored
ALTER TYPE types.point3 DROP ATTRIBUTE y;
ALTER TYPE types.point3 ADD ATTRIBUTE w int;
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, 'nulls') FROM types.t x ORDER BY id;

-- names; the type of a table's rows; without attributes
CREATE TYPE types.nothing AS ();
CREATE TYPE types.names AS ("id" int, "_id" int, "größe" int, "$x" int, "a b" int, "a_b" int, "Ab" int);
CREATE TABLE types.named (id int PRIMARY KEY, v types.names, row types.t, nothing types.nothing);
INSERT INTO types.named VALUES (1, ROW(1, 2, 3, 4, 5, 6, 7), ROW(1, NULL, NULL, NULL), ROW());
SELECT public.convex_document(x) FROM types.named x;
CREATE SERVER camel FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', field_case 'camel');
SELECT public.convex_document(x, 'camel') FROM types.named x;

-- more attributes than Convex takes fields: what counts is what is not NULL
DO $$ BEGIN EXECUTE (SELECT 'CREATE TYPE types.broad AS (' || string_agg('a' || n || ' int', ', ' ORDER BY n) || ')' FROM generate_series(1, 1030) n); END $$;
CREATE TABLE types.broads (id int PRIMARY KEY, v types.broad);
INSERT INTO types.broads SELECT n, jsonb_populate_record(NULL::types.broad, (SELECT jsonb_object_agg('a' || i, i) FROM generate_series(1, n) i))
  FROM unnest(ARRAY[3, 1024, 1025]) n;
SELECT public.convex_document(x) FROM types.broads x WHERE id = 3;
SELECT length(public.convex_document(x)) FROM types.broads x WHERE id = 1024;
SELECT public.convex_document(x) FROM types.broads x WHERE id = 1025;
SELECT public.convex_document(x, 'nulls') FROM types.broads x WHERE id = 3;
-- NULLs take little where they are stored, and much as JSON
CREATE TABLE types.many (id int PRIMARY KEY, v types.broad[]);
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.many', 'v', 'json');
SELECT public.convex_document(ROW(1, array_fill(jsonb_populate_record(NULL::types.broad, '{"a1": 1}'), '{95000}'))::types.many);
-- JSON text has NULLs and dimensions everywhere
CREATE TABLE types.texts (id int PRIMARY KEY, v types.point3[]);
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.texts', 'v', 'json');
SELECT public.convex_document(ROW(1, ARRAY[ROW(1, '{1,NULL}', NULL), ROW(2, '{{1,2},{3,4}}', 5), NULL]::types.point3[])::types.texts);

-- choice any reaches inside
CREATE TYPE types.inside AS (a int, list text[]);
CREATE TABLE types.any (id int PRIMARY KEY, v types.inside);
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.any', 'v', 'any');
SELECT public.convex_document(ROW(1, ROW(1, '{{a,NULL}}')::types.inside)::types.any);

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
