-- Arrays: empty ones, NULLs, dimensions, lower bounds, of domains and enums; the
-- choices that allow more.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE DOMAIN types.positive AS int CHECK (VALUE > 0);
CREATE TYPE types.mood AS ENUM ('sad', 'glad "x"');
CREATE TABLE types.t (id int PRIMARY KEY, v int[], texts text[], domains types.positive[], moods types.mood[], jsons jsonb[]);
INSERT INTO types.t VALUES
  (1, '{1,2,3}', ARRAY['a', '', 'NULL', 'c,"d"'], '{1,2}', ARRAY['sad', 'glad "x"']::types.mood[], ARRAY['{"a": [1]}', 'null']::jsonb[]),
  (2, '{}', '{}', '{}', '{}', '{}'), (3, NULL, NULL, NULL, NULL, NULL),
  -- lower bounds are dropped
  (4, '[5:7]={1,2,3}', '[-1:0]={a,b}', '[0:0]={1}', NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
SELECT public.convex_document(ROW(5, '{1,NULL}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, NULL, '{{a},{b}}', NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, '{{{1}},{{2}}}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, array_fill(1, '{8193}'), NULL, NULL, NULL, NULL)::types.t);
SELECT length(public.convex_document(ROW(5, array_fill(1, '{8192}'), NULL, NULL, NULL, NULL)::types.t));
SELECT public.convex_document(ROW(5, NULL, NULL, NULL, NULL, ARRAY['1', '{"a": {"$b": 1}}']::jsonb[])::types.t);

-- NULLs
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.t', 'v', 'array_nullable');
SELECT public.convex_document(ROW(5, '{1,NULL,NULL}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, '{{1},{NULL}}', NULL, NULL, NULL, NULL)::types.t);
-- dimensions as well; an element that is too much is found in its dimension
UPDATE public.convex_columns SET type = 'any';
SELECT public.convex_document(ROW(5, '{{1,NULL},{3,4},{5,6}}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, '[2:2][3:4]={{1,2}}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, '{}', NULL, NULL, NULL, NULL)::types.t);
SELECT public.convex_document(ROW(5, array_fill(1, '{2,8193}'), NULL, NULL, NULL, NULL)::types.t);
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.t', 'jsons', 'any');
SELECT public.convex_document(ROW(5, NULL, NULL, NULL, NULL, ARRAY[ARRAY['1', '[1e400]']]::jsonb[])::types.t);
-- the JSON text, which has no limits but its size
UPDATE public.convex_columns SET type = 'json';
SELECT public.convex_document(ROW(5, '{{1,NULL},{3,4}}', NULL, NULL, NULL, ARRAY['{"$a": null}', NULL]::jsonb[])::types.t);
SELECT length(public.convex_document(ROW(5, array_fill(1, '{8193}'), NULL, NULL, NULL, NULL)::types.t));
-- the texts of the elements, the text of the whole
UPDATE public.convex_columns SET type = 'string';
SELECT public.convex_document(ROW(5, '[0:1][1:2]={{1,NULL},{3,4}}', NULL, NULL, NULL, ARRAY['{"$a": null}', NULL]::jsonb[])::types.t);

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
