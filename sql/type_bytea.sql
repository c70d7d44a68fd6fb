-- bytea: empty, every byte, in arrays.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v bytea, list bytea[]);
INSERT INTO types.t VALUES (1, decode('', 'hex'), ARRAY[decode('00', 'hex'), decode('ff10', 'hex')]),
  (2, decode('00ff10', 'hex'), '{}'),
  (3, (SELECT decode(string_agg(lpad(to_hex(n), 2, '0'), '' ORDER BY n), 'hex') FROM generate_series(0, 255) n), NULL),
  (4, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x WHERE id = 2;
-- the same bytes
SELECT decode(public.convex_document(x)::json #>> '{v,$bytes}', 'base64') = v FROM types.t x WHERE id < 4 ORDER BY id;
SELECT public.convex_document(ROW(4, decode(repeat('00', 17 * 1024 * 1024), 'hex'), NULL)::types.t);

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
