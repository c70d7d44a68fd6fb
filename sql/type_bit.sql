-- bit and varbit: their texts.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, one bit, v bit(9), varying varbit, short varbit(4), list bit(2)[]);
INSERT INTO types.t VALUES (1, '1', '101010101', '1', '0001', '{00,11}'), (2, '0', '000000000', '', '', '{}'), (3, NULL, NULL, repeat('10', 40)::varbit, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
