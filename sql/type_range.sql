-- Ranges and multiranges: their texts.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.letters AS RANGE (subtype = text);
CREATE TABLE types.t (id int PRIMARY KEY, ints int4range, bigs int8range, nums numrange, days daterange, at tstzrange,
  local tsrange, letters types.letters, several int4multirange, times tstzmultirange, list int4range[]);
INSERT INTO types.t VALUES
  (1, '[1,5]', '(1,9223372036854775807)', '(0.10,1.5]', '[2026-01-01,2026-12-31]', '["2026-11-23 12:00+05:30",infinity)',
   '["0044-03-15 12:00 BC","2026-11-23 12:34:56.789012")', '[a,"b ""c"]', '{[1,3),[5,7]}', '{["2026-11-23 00:00+00","2026-11-24 00:00+00")}', ARRAY['[1,2)', 'empty']::int4range[]),
  (2, 'empty', '(,)', '[,1)', '[-infinity,infinity]', '(,)', 'empty', 'empty', '{}', '{}', '{}');
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
