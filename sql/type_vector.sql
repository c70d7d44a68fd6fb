-- The types of pgvector, arrays of numbers. expected/type_vector_1.out
-- is for where pgvector is not installed.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS installed \gset
\if :installed
CREATE EXTENSION vector SCHEMA public;
CREATE TABLE types.t (id int PRIMARY KEY, v public.vector(3), half public.halfvec(3), sparse public.sparsevec(5), any_size public.vector, list public.vector[]);
INSERT INTO types.t VALUES
  (1, '[1,0.1,-2.5]', '[1,0.5,-65504]', '{1:0.5,5:-3}/5', '[3.4028235e38,1e-45]', ARRAY['[1]', '[2,3]']::public.vector[]),
  (2, '[0,0,0]', '[0,5.9604645e-08,0.000061035156]', '{}/5', '[-0]', '{}'), (3, NULL, NULL, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
SELECT public.convex_document(ROW(4, NULL, NULL, NULL, array_fill(1, '{8193}')::public.vector, NULL)::types.t);
-- by choice their text
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.t', 'v', 'string'), ('convex', 'types.t', 'sparse', 'json');
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
DELETE FROM public.convex_columns;
-- within others; an index where a column's dimensions are known, and Convex can search them
CREATE DOMAIN types.embedding AS public.vector(2);
CREATE TYPE types.place AS (name text, at public.halfvec(2));
CREATE TABLE types.others (id int PRIMARY KEY, domain types.embedding, halves public.halfvec(2)[], sparses public.sparsevec[],
  domains types.embedding[], place types.place, one public.vector(1), large public.sparsevec(4097), text public.vector(3));
INSERT INTO types.others VALUES (1, '[1,2]', '{"[0.5,-0]"}', '{"{2:3}/4","{}/1"}', '{"[3,4]"}', ROW('x', '[1,2]'), '[7]', NULL, '[1,2,3]');
SELECT public.convex_document(x) FROM types.others x;
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.others', 'text', 'string');
SELECT public.convex_schema();
\endif

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
