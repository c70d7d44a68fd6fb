-- time and timetz: their texts, 24:00:00, microseconds.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v time, short time(2), zoned timetz, list time[]);
INSERT INTO types.t VALUES
  (1, '12:34:56.789012', '12:34:56.789', '12:34:56.789012+05:30', '{00:00,24:00:00}'),
  (2, '00:00:00', '00:00:00', '00:00:00+00', '{}'),
  (3, '24:00:00', '24:00:00', '24:00:00-15:59:59', NULL), (4, NULL, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
