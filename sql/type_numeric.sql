-- numeric: number or text by declaration and by the option numeric.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, p15 numeric(15, 2), p16 numeric(16, 2), whole numeric(15),
  free numeric, list numeric(8, 3)[]);
INSERT INTO types.t VALUES
  (1, 9999999999999.99, 99999999999999.99, 999999999999999, 3.14, '{1.500,-0.001}'),
  (2, -0.10, 1.50, -1, 0.00, '{}'),
  (3, 'NaN', 'NaN', 'NaN', 'NaN', '{NaN}'),
  (4, NULL, NULL, NULL, 'Infinity', NULL),
  (5, NULL, NULL, NULL, '-Infinity', NULL),
  (6, NULL, NULL, NULL, 12345678901234567890.12345678901234567890, NULL),
  (7, 0, 0, 0, -0.0, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;
-- a text has all its digits
SELECT length(public.convex_document(ROW(8, NULL, NULL, NULL, 1e500, NULL)::types.t)::json ->> 'free');

-- number: any that a double gives back
CREATE SERVER number FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', numeric 'number');
SELECT public.convex_document(x, 'number') FROM types.t x WHERE id IN (2, 3, 4, 5, 7) ORDER BY id;
SELECT public.convex_document(x, 'number', 'import') FROM types.t x WHERE id IN (2, 4) ORDER BY id;
SELECT public.convex_document(x, 'number') FROM types.t x WHERE id = 1;
SELECT public.convex_document(x, 'number') FROM types.t x WHERE id = 6;
CREATE TABLE types.n (id int PRIMARY KEY, v numeric);
SELECT public.convex_document(ROW(1, 9007199254740992)::types.n, 'number');
SELECT public.convex_document(ROW(1, 9007199254740993)::types.n, 'number');
SELECT public.convex_document(ROW(1, 9007199254740994)::types.n, 'number');
SELECT public.convex_document(ROW(1, 1e22)::types.n, 'number');
SELECT public.convex_document(ROW(1, 0.1000000000000000055511151231257827)::types.n, 'number');
SELECT public.convex_document(ROW(1, 0.30000000000000004)::types.n, 'number');
SELECT public.convex_document(ROW(1, 1.7976931348623157e308)::types.n, 'number') = '{"id":"1","v":17976931348623157' || repeat('0', 292) || '}';
SELECT public.convex_document(ROW(1, 1e309)::types.n, 'number');
SELECT public.convex_document(ROW(1, 1e-400)::types.n, 'number');

-- string
CREATE SERVER string FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', numeric 'string');
SELECT public.convex_document(x, 'string') FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
