-- hstore: an object of strings and nulls.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE EXTENSION hstore SCHEMA public;
CREATE TABLE types.t (id int PRIMARY KEY, v public.hstore, list public.hstore[]);
INSERT INTO types.t VALUES
  (1, E'a=>1, "b \\"c\\""=>"x\\\\y\u00e9", n=>NULL, ""=>"NULL"', ARRAY['a=>b', '']::public.hstore[]), (2, '', '{}'), (3, NULL, NULL),
  (4, 'a=>1, a=>2', NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(ROW(5, '$a=>1', NULL)::types.t);
SELECT public.convex_document(ROW(5, E'"gr\u00f6\u00dfe"=>1', NULL)::types.t);
SELECT public.convex_document(ROW(5, '__proto__=>1', NULL)::types.t);
SELECT public.convex_document(ROW(5, NULL, ARRAY['a=>1', '$b=>1']::public.hstore[])::types.t);
SELECT public.convex_document(ROW(5, (SELECT public.hstore(array_agg('k' || n), array_agg(n::text)) FROM generate_series(1, 1025) n), NULL)::types.t);
-- by choice its text, the JSON text
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.t', 'v', 'string');
SELECT public.convex_document(x) FROM types.t x WHERE id = 1;
UPDATE public.convex_columns SET type = 'json';
SELECT public.convex_document(x) FROM types.t x WHERE id = 1;

-- who owns the extension can add other types to it, and functions: none is called
CREATE TYPE types.hstore AS ENUM ('a');
CREATE FUNCTION types.hstore_to_jsonb(types.hstore) RETURNS jsonb LANGUAGE sql AS $$SELECT '"called"'::jsonb$$;
ALTER EXTENSION hstore ADD TYPE types.hstore;
ALTER EXTENSION hstore ADD FUNCTION types.hstore_to_jsonb(types.hstore);
CREATE TABLE types.other (id int PRIMARY KEY, v types.hstore);
SELECT public.convex_document(ROW(1, 'a')::types.other);
ALTER EXTENSION hstore DROP FUNCTION types.hstore_to_jsonb(types.hstore);
ALTER EXTENSION hstore DROP TYPE types.hstore;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
