-- tsvector and tsquery: their texts.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v tsvector, q tsquery, list tsvector[]);
INSERT INTO types.t VALUES
  (1, '''it''''s'':1A,2B cat:3 ''a b'':4', '''fat'' & ( ''rat'':AB | !''cat'':* ) <-> ''x''', ARRAY['a:1', '']::tsvector[]),
  (2, '', NULL, '{}'), (3, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
