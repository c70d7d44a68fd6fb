-- interval: ISO 8601, negative, of mixed signs, fractions.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v interval, short interval day to second(2), list interval[]);
INSERT INTO types.t VALUES
  (1, 'P1Y2M3DT4H5M6.789012S', 'P3DT4H5M6.78S', '{P1D,PT-0.000001S}'),
  (2, 'P-1Y-2M-3DT-4H-5M-6.7S', 'P-1D', '{}'),
  (3, 'P-1Y2M-3DT4H-5M6.7S', 'P1DT-1S', NULL),
  (4, 'PT0S', 'PT0S', NULL), (5, 'P14M', 'PT25H', NULL),
  (6, 'P-178000000Y-11M', 'P2147483647D', NULL), (7, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
