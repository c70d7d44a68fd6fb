-- bool: true, false, NULL, in arrays.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v bool, list bool[]);
INSERT INTO types.t VALUES (1, true, '{t,f,t}'), (2, false, '{}'), (3, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
