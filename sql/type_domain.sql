-- Domains go as their base type: over a domain, an array, a composite; in arrays.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE DOMAIN types.score AS int CHECK (VALUE >= 0);
CREATE DOMAIN types.percent AS types.score CHECK (VALUE <= 100);
CREATE DOMAIN types.price AS numeric(10, 2);
CREATE DOMAIN types.big_price AS numeric(20, 2);
CREATE DOMAIN types.tags AS text[];
CREATE DOMAIN types.code AS char(4) NOT NULL;
CREATE TYPE types.pair AS (a types.percent, b types.tags);
CREATE DOMAIN types.checked_pair AS types.pair;
CREATE DOMAIN types.at AS timestamptz;
CREATE TABLE types.t (id types.score PRIMARY KEY, percent types.percent, percents types.percent[], price types.price,
  prices types.price[], big types.big_price, tags types.tags, code types.code, pair types.checked_pair, pairs types.checked_pair[], at types.at);
INSERT INTO types.t VALUES (1, 50, '{1,2}', 1.50, '{1.50}', 1.50, '{a,b}', 'ab', ROW(7, '{x}'), ARRAY[ROW(8, '{}')]::types.checked_pair[], '2026-11-23 00:00+00');
SELECT public.convex_document(x) FROM types.t x;
SELECT public.convex_document(x, method => 'import') FROM types.t x;
-- the domain's array is judged as any other
UPDATE types.t SET tags = '{a,NULL}';
SELECT public.convex_document(x) FROM types.t x;
UPDATE types.t SET tags = '{}', pair = ROW(1, '{{a},{b}}');
SELECT public.convex_document(x) FROM types.t x;
-- and chosen as any other
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.t', 'pair', 'json'),
  ('convex', 'types.t', 'percents', 'int64'), ('convex', 'types.t', 'price', 'string'), ('convex', 'types.t', 'tags', 'array_nullable');
UPDATE types.t SET tags = '{a,NULL}', pair = ROW(1, '{{a},{b}}');
SELECT public.convex_document(x) FROM types.t x;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
