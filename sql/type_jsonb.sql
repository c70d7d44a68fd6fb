-- jsonb: strings, numbers, keys, limits.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v jsonb);
INSERT INTO types.t VALUES
  (1, E'"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0001 \\u0041 \\u00e9 \\u20ac \\ud83d\\ude00 \u00e9 \U0001f600"'),
  (2, E' [ 1 , { "b" : true,\n"a" : false } , null , [ ] , { } ] '),
  (3, '{"": 1, " ": {"": null}, "a.b": 2, "~": 3}'), (4, ' 12.50 '), (5, '"text"'), (6, 'null'), (7, 'true'),
  -- of two keys the last one stays, and no -0: jsonb's numbers are numerics
  (8, E'{"\\u0061": 1, "a": 2, "n": -0}'), (9, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x WHERE id IN (2, 4, 8) ORDER BY id;
-- a double's range, in the many digits of a numeric
SELECT length(public.convex_document(ROW(10, '[5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]')::types.t));

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
SELECT public.convex_document(ROW(10, ('{"' || repeat('k', 1025) || '": 1}')::jsonb)::types.t);
SELECT length(public.convex_document(ROW(10, ('{"' || repeat('k', 1024) || '": 1}')::jsonb)::types.t));

-- more children than the stored form has lengths for, of all kinds
CREATE TABLE types.many (id int PRIMARY KEY, v jsonb);
INSERT INTO types.many SELECT 1, jsonb_object_agg('key ' || n,
  (ARRAY['1', '-2.5', '"text"', 'null', 'true', 'false', '[]', '{}', '[1, "a", [null]]', '{"x": {"y": 0.1}, "z": ""}'])[1 + n % 10]::jsonb)
  FROM generate_series(1, 200) n;
UPDATE types.many SET v = jsonb_build_object('object', v, 'array', (SELECT jsonb_agg(value) FROM jsonb_each(v)));
SELECT public.convex_document(x)::jsonb -> 'v' = v AS same FROM types.many x;

-- limits, with figures
SELECT public.convex_document(ROW(10, (SELECT json_object_agg('k' || n, n) FROM generate_series(1, 1025) n)::jsonb)::types.t);
SELECT length(public.convex_document(ROW(10, (SELECT json_object_agg('k' || n, n) FROM generate_series(1, 1024) n)::jsonb)::types.t));
SELECT public.convex_document(ROW(10, (SELECT json_build_object('a', json_agg(n)) FROM generate_series(1, 8193) n)::jsonb)::types.t);
SELECT length(public.convex_document(ROW(10, (SELECT json_agg(n) FROM generate_series(1, 8192) n)::jsonb)::types.t));
SELECT public.convex_document(ROW(10, (repeat('[', 15) || repeat(']', 15))::jsonb)::types.t);
SELECT public.convex_document(ROW(10, (repeat('[', 16) || repeat(']', 16))::jsonb)::types.t);
SELECT public.convex_document(ROW(10, (repeat('{"a":', 15) || '{}' || repeat('}', 15))::jsonb)::types.t);

-- more children than the stored form has lengths for, of all kinds
WITH object AS (SELECT jsonb_object_agg('key ' || n,
  (ARRAY['1', '-2.5', '"text"', 'null', 'true', 'false', '[]', '{}', '[1, "a", [null]]', '{"x": {"y": 0.1}}'])[1 + n % 10]::jsonb)
    AS v FROM generate_series(1, 200) n),
  all_of_them AS (SELECT jsonb_build_object('object', v, 'array', (SELECT jsonb_agg(value) FROM jsonb_each(v))) AS v FROM object)
SELECT public.convex_document(ROW(10, v)::types.t)::jsonb -> 'v' = v FROM all_of_them;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
