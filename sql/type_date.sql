-- date: ISO 8601, before Christ, beyond 9999, infinity; by choice milliseconds.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v date, list date[]);
INSERT INTO types.t VALUES (1, '2026-11-23', '{1970-01-01,1969-12-31}'), (2, '0044-03-15 BC', '{}'), (3, '0001-01-01', NULL),
  (4, '0001-12-31 BC', NULL), (5, '9999-12-31', NULL), (6, '10000-01-01', NULL), (7, '4714-11-24 BC', NULL),
  (8, '5874897-12-31', NULL), (9, 'infinity', '{infinity,-infinity}'), (10, '-infinity', NULL), (11, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
INSERT INTO public.convex_columns (server, source, source_column, type)
  VALUES ('convex', 'types.t', 'v', 'ms'), ('convex', 'types.t', 'list', 'ms');
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x WHERE id IN (1, 8, 9) ORDER BY id;
UPDATE public.convex_columns SET type = 'iso' WHERE source_column = 'v';
SELECT public.convex_document(x) FROM types.t x WHERE id IN (1, 2, 8, 9) ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
