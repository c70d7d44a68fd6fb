-- float4 and float8: the shortest text that gives the value back, and what has no
-- JSON.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, f4 float4, f8 float8, list float8[]);
INSERT INTO types.t VALUES
  (1, 0.1, 0.1, '{0.30000000000000004,0.3,100,1e15,1e16,1e21,1e22,123456789012345680}'),
  (2, 16777217, 9007199254740993, '{1e-5,0.0001,-1.5}'),
  -- least and greatest, denormal and normal
  (3, '1e-45', '5e-324', '{2.2250738585072014e-308,2.225073858507201e-308}'),
  (4, '3.4028235e38', '1.7976931348623157e308', '{-1.7976931348623157e308}'),
  (5, '1.1754944e-38', '2.2250738585072014e-308', NULL),
  (6, 0, 0, '{0,-0}');
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;

TRUNCATE types.t;
INSERT INTO types.t VALUES (1, 'NaN', 'NaN', '{NaN}'), (2, 'Infinity', 'Infinity', '{-Infinity}'),
  (3, '-Infinity', '-Infinity', '{Infinity}'), (4, '-0', '-0', '{-0}'), (5, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
-- one NaN of the many
SELECT encode(decode(public.convex_document(x)::json #>> '{f8,$float}', 'base64'), 'hex') FROM types.t x WHERE id < 5 ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
