-- text, varchar, char, name, "char" and citext: every control character, quotes and
-- backslashes, characters of every length.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE EXTENSION citext SCHEMA public;
CREATE TABLE types.t (id int PRIMARY KEY, v text, short varchar(5), padded char(5), named name, folded public.citext, list text[]);
INSERT INTO types.t VALUES
  (1, E'a"b\\c/d''e', E'\\"''', 'ab', 'A "name"', 'MiXed', ARRAY['', ' ', 'NULL', E'\t']),
  (2, '', '', '', '', '', '{}'),
  (3, E'\u0080 \u00e9 \u07ff \u0800 \u2028 \u2029 \ufeff \ufffd \uffff \U0001f600 \U0010ffff e\u0301', E'\u00e9', E'\u00e9', E'\u00e9', E'\u00c9', NULL),
  (4, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(ROW(5, string_agg(chr(n), '' ORDER BY n), NULL, NULL, NULL, NULL, NULL)::types.t)
  FROM generate_series(1, 127) n;
-- specials at every place of the eight bytes that are looked at at once
SELECT bool_and(public.convex_document(ROW(5, s, NULL, NULL, NULL, NULL, NULL)::types.t)::json ->> 'v' = s)
  FROM generate_series(0, 24) n, unnest(ARRAY['"', E'\\', E'\n', E'\x01', E'\x1f', E'\x7f', E'\u00e9']) c,
  LATERAL (SELECT repeat('x', n) || c || repeat('!', 24 - n) AS s) s;

-- "char" is one byte
CREATE TABLE types.c (id int PRIMARY KEY, v "char", list "char"[]);
INSERT INTO types.c VALUES (1, 'x', ARRAY['"', E'\\']::"char"[]), (2, '', '{}'), (3, 127::"char", NULL), (4, NULL, NULL);
SELECT public.convex_document(x) FROM types.c x ORDER BY id;

-- a literal in a filter is read with standard_conforming_strings, whatever the
-- caller has
CREATE TABLE types.f (id int PRIMARY KEY, v text, list text[]);
INSERT INTO types.f VALUES (1, E'a\\b', '{NULL}'), (2, 'other', '{NULL}');
INSERT INTO public.convex_tables (server, source, filter) VALUES ('convex', 'types.f', E'v = ''a\\b''');
SELECT example, problem, rows FROM public.convex_check(tables => '{types.f}') WHERE severity = 'error';

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
