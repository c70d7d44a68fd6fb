-- Values that PostgreSQL 14 cannot have. expected/type_since_15_1.out is for it.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SERVER string FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types', numeric 'string');
CREATE SCHEMA types;
\a\t

SELECT pg_catalog.current_setting('server_version_num')::int >= 150000 AS new \gset
\if :new
-- numeric: a scale that is negative, or larger than the precision
CREATE TABLE types.n (id int PRIMARY KEY, thousands numeric(12, -3), small numeric(3, 5));
INSERT INTO types.n VALUES (1, 123456, 0.00123), (2, -999999999999499, 0), (3, 'NaN', 'NaN'), (4, NULL, NULL);
SELECT public.convex_document(x) FROM types.n x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.n x ORDER BY id;
SELECT public.convex_document(x, 'string') FROM types.n x ORDER BY id;
-- a scale that could leave the range of doubles
CREATE TABLE types.far (id int PRIMARY KEY, v numeric(5, 200), w numeric(5, 201));
SELECT json_typeof(d -> 'v'), json_typeof(d -> 'w') FROM (SELECT public.convex_document(ROW(1, 1e-199, 1e-200)::types.far)::json AS d) d;

-- interval: as many hours as there can be
CREATE TABLE types.i (id int PRIMARY KEY, v interval);
INSERT INTO types.i VALUES (1, 'PT2562047788H0.000001S');
SELECT public.convex_document(x) FROM types.i x;

-- "char": bytes that are not ASCII are printed as an escape
CREATE TABLE types.c (id int PRIMARY KEY, v "char", list "char"[]);
INSERT INTO types.c VALUES (1, (-56)::"char", ARRAY[(-56)::"char", (-1)::"char"]);
SELECT public.convex_document(x) FROM types.c x;
\endif

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
