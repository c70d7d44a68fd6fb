-- Values that are stored compressed or out of line arrive as they were.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.pair AS (a text, b jsonb);
CREATE TABLE types.t (id text PRIMARY KEY, v text, b bytea, j json, jb jsonb, list text[], pair types.pair);
CREATE FUNCTION types.long(n int) RETURNS text LANGUAGE sql AS
  $$SELECT string_agg(md5(i::text) || chr(34) || chr(233), '') FROM generate_series(1, n) i$$;
INSERT INTO types.t VALUES ('compressed', repeat('x"y', 50000), decode(repeat('00ff', 50000), 'hex'),
  json_build_object('a', repeat('z', 100000)), jsonb_build_object('a', repeat('z', 100000)), ARRAY[repeat('e', 100000), ''], ROW(repeat('p', 100000), '{}'));
ALTER TABLE types.t ALTER v SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL, ALTER j SET STORAGE EXTERNAL, ALTER jb SET STORAGE EXTERNAL,
  ALTER list SET STORAGE EXTERNAL, ALTER pair SET STORAGE EXTERNAL;
INSERT INTO types.t SELECT 'out of line', l, convert_to(l, 'UTF8'), json_build_object('a', l), jsonb_build_object('a', l), ARRAY[l, ''], ROW(l, jsonb_build_array(l))::types.pair
  FROM types.long(3000) l;
-- they are where they should be
SELECT id, pg_column_size(v) < length(v) / 10, pg_column_size(v) >= octet_length(v), pg_relation_size(reltoastrelid) > 0
  FROM types.t, pg_class WHERE pg_class.oid = 'types.t'::regclass ORDER BY id;
SELECT id, md5(d ->> 'v') = md5(v) AS v, md5(decode(d #>> '{b,$bytes}', 'base64')) = md5(b) AS b, md5(d #>> '{j,a}') = md5(j ->> 'a') AS j,
  md5(d #>> '{jb,a}') = md5(jb ->> 'a') AS jb, md5(d #>> '{list,0}') = md5(list[1]) AS list, md5(d #>> '{pair,a}') = md5((pair).a) AS pair,
  md5(d #>> '{pair,b,0}') IS NOT DISTINCT FROM md5((pair).b ->> 0) AS pair_b
  FROM types.t x, LATERAL (SELECT public.convex_document(x)::json AS d) d ORDER BY id;
-- too large: noticed before it is fetched
UPDATE types.t SET b = NULL, j = NULL, jb = NULL, list = NULL, pair = NULL, v = repeat('x', 17 * 1024 * 1024) WHERE id = 'compressed';
SELECT public.convex_document(x) FROM types.t x WHERE id = 'compressed';

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
