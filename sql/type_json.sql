-- json: escapes, numbers, keys, limits, and what PostgreSQL's json takes and Convex
-- does not.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v json);
INSERT INTO types.t VALUES
  (1, E'"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0001 \\u0041 \\u00e9 \\u20ac \\ud83d\\ude00 \u00e9 \U0001f600"'),
  (2, E' [ 1 , { "b" : true,\n"a" : false } , null , [ ] , { } ] '),
  (3, '{"": 1, " ": {"": null}, "a.b": 2, "~": 3}'), (4, ' 12.50 '), (5, '"text"'), (6, 'null'), (7, 'true'),
  (8, E'{"\\u0061": 1}'), (9, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x WHERE id IN (2, 4) ORDER BY id;
-- the text is kept, and with it -0
SELECT public.convex_document(ROW(10, '[-0, -0.0, -0e5, -1]')::types.t);
SELECT public.convex_document(ROW(10, '[-0, -0.0, -0e5, -1, 1, 1e3]')::types.t, method => 'import');
SELECT public.convex_document(ROW(10, '[5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]')::types.t);
SELECT public.convex_document(ROW(10, '1e-99999999999999999999')::types.t);
SELECT public.convex_document(ROW(10, '0e99999999999999999999')::types.t);

-- numbers: exact is what JavaScript prints as the same number
SELECT public.convex_document(ROW(10, '[0, 0.0, 1e3, 1E+3, 1.50, 1e-7, 0.1, 0.30000000000000004, 9007199254740992, 9007199254740994, 1e22]')::types.t);
SELECT public.convex_document(ROW(10, '[1.0000000000000002, 2251799813685249.5]')::types.t);
SELECT public.convex_document(ROW(10, '[0, 9007199254740993]')::types.t);
SELECT public.convex_document(ROW(10, '{"a": {"b": [1, 12345678901234567890]}}')::types.t);
SELECT public.convex_document(ROW(10, '123456789012345678')::types.t);
-- 2^-44: the closest text of 16 digits is that of the double below
SELECT public.convex_document(ROW(10, '[5.684341886080802e-14, 5.684341886080801e-14]')::types.t);
SELECT public.convex_document(ROW(10, '5.6843418860808015e-14')::types.t);
SELECT public.convex_document(ROW(10, '5.6843418860808014e-14')::types.t);
-- halfway between doubles
SELECT public.convex_document(ROW(10, '1.0000000000000001')::types.t);
SELECT public.convex_document(ROW(10, '4503599627370497.25')::types.t);
SELECT public.convex_document(ROW(10, '0.1000000000000000055511151231257827')::types.t);
SELECT public.convex_document(ROW(10, '1e400')::types.t);
SELECT public.convex_document(ROW(10, '-1e-400')::types.t);
SELECT public.convex_document(ROW(10, '4.9e-324')::types.t);

-- keys
SELECT public.convex_document(ROW(10, '{"a": [1, {"$b": 2}]}')::types.t);
SELECT public.convex_document(ROW(10, E'{"a": {"gr\u00f6\u00dfe": 2}}')::types.t);
SELECT public.convex_document(ROW(10, '{"__proto__": 1}')::types.t);
SELECT public.convex_document(ROW(10, E'{"a\\tb": 1}')::types.t);
SELECT public.convex_document(ROW(10, ('{"' || repeat('k', 1025) || '": 1}')::json)::types.t);
SELECT length(public.convex_document(ROW(10, ('{"' || repeat('k', 1024) || '": 1}')::json)::types.t));
-- an empty key in a path
SELECT public.convex_document(ROW(10, '{"": {"a": [{"": 1e400}]}}')::types.t);

-- limits, with figures
SELECT public.convex_document(ROW(10, (SELECT json_object_agg('k' || n, n) FROM generate_series(1, 1025) n))::types.t);
SELECT length(public.convex_document(ROW(10, (SELECT json_object_agg('k' || n, n) FROM generate_series(1, 1024) n))::types.t));
SELECT public.convex_document(ROW(10, (SELECT json_build_object('a', json_agg(n)) FROM generate_series(1, 8193) n))::types.t);
SELECT length(public.convex_document(ROW(10, (SELECT json_agg(n) FROM generate_series(1, 8192) n))::types.t));
SELECT public.convex_document(ROW(10, (repeat('[', 15) || repeat(']', 15))::json)::types.t);
SELECT public.convex_document(ROW(10, (repeat('[', 16) || repeat(']', 16))::json)::types.t);
SELECT public.convex_document(ROW(10, (repeat('{"a":', 15) || '{}' || repeat('}', 15))::json)::types.t);

-- what only json can hold
SELECT public.convex_document(ROW(10, E'{"\\u0024x": 1}')::types.t);
SELECT public.convex_document(ROW(10, E'{"a": ["\\u0000"]}')::types.t);
SELECT public.convex_document(ROW(10, E'"\\ud800"')::types.t);
SELECT public.convex_document(ROW(10, E'"\\ude00\\ud83d"')::types.t);
SELECT public.convex_document(ROW(10, E'"\\ud83d\\u0041"')::types.t);
SELECT public.convex_document(ROW(10, '{"a": 1, "b": {"a": 1}, "a": 2}')::types.t);
SELECT public.convex_document(ROW(10, E'{"x": [{"a": 1, "\\u0061": 2}]}')::types.t);
-- inside JSON text it is its own text, whatever is in it
CREATE TABLE types.texts (id int PRIMARY KEY, v json[], w jsonb[]);
INSERT INTO public.convex_columns (server, source, source_column, type)
  VALUES ('convex', 'types.texts', 'v', 'json'), ('convex', 'types.texts', 'w', 'json');
SELECT public.convex_document(ROW(1, ARRAY[E'[-1e-400, -0, -0.00, 1e-400, -1e400, {"a": "\\u0000", "a" : 1}]'::json], NULL)::types.texts);
INSERT INTO types.texts (id, w) VALUES (2, ARRAY[(repeat('[', 500) || repeat(']', 500))::jsonb]), (3, ARRAY[(repeat('[', 3000) || repeat(']', 3000))::jsonb]);
SELECT length(public.convex_document(x)) FROM types.texts x WHERE id = 2;
-- nothing is too deep but for the server; where in it depends on the compiler
SET max_stack_depth = '200kB';
\set VERBOSITY terse
SELECT public.convex_document(x) FROM types.texts x WHERE id = 3;
RESET max_stack_depth;

SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
