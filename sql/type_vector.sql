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
\endif

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
