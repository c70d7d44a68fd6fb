-- int2, int4 and int8: the ends of their ranges, the end of what a double holds
-- exactly, and the option int8.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, i2 int2, i4 int4, i8 int8, list int8[]);
INSERT INTO types.t VALUES
  (1, -32768, -2147483648, -9007199254740992, '{0,-1}'),
  (2, 32767, 2147483647, 9007199254740992, '{256,1}'),
  (3, 0, 0, 0, '{}'), (4, NULL, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
SELECT public.convex_document(ROW(5, NULL, NULL, 9007199254740993, NULL)::types.t);
SELECT public.convex_document(ROW(5, NULL, NULL, -9007199254740993, NULL)::types.t);
SELECT public.convex_document(ROW(5, NULL, NULL, NULL, '{1,9223372036854775807}')::types.t);

-- int64: the whole range, in eight bytes, the lowest first; import files have
-- Int64 bare
INSERT INTO types.t VALUES (5, 1, 1, 9223372036854775807, '{-9223372036854775808,9007199254740993}');
CREATE SERVER int64 FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', int8 'int64');
SELECT public.convex_document(x, 'int64') FROM types.t x ORDER BY id;
SELECT public.convex_document(x, 'int64', 'import') FROM types.t x ORDER BY id;
SELECT encode(decode(i #>> '{$integer}', 'base64'), 'hex')
  FROM types.t x, json_array_elements(public.convex_document(x, 'int64')::json -> 'list') i WHERE id = 5;

-- string
CREATE SERVER string FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', int8 'string');
SELECT public.convex_document(x, 'string') FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
