-- money: its text, by the lc_monetary that the session began with.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v money, list money[]);
INSERT INTO types.t VALUES (1, 1234567.89::numeric::money, ARRAY[1, -1]::int[]::money[]), (2, (-0.05)::numeric::money, '{}'), (3, 0::int::money, NULL), (4, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
