-- timestamptz and timestamp (read as UTC): milliseconds or ISO 8601, microseconds,
-- years that do not have four digits, both ends of the range.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, at timestamptz, local timestamp, list timestamptz[]);
INSERT INTO types.t VALUES
  (1, '2026-11-23 12:34:56.789012+00', '2026-11-23 12:34:56.789012', '{"2026-11-23 12:34:56+05:30"}'),
  (2, '1970-01-01 00:00:00+00', '1970-01-01 00:00:00', '{}'),
  (3, '1969-12-31 23:59:59.5+00', '1969-12-31 23:59:59.999999', NULL),
  (4, '2026-06-30 23:59:60+00', '2000-02-29 00:00:00', NULL),
  (5, '0001-01-01 00:00:00+00', '0001-12-31 23:59:59.5 BC', NULL),
  (6, '0044-03-15 12:00:00+00 BC', '0999-12-31 23:59:59.1', NULL),
  (7, '12026-01-02 03:04:05.125+00', '9999-12-31 23:59:59.999', NULL),
  (8, '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00 BC', NULL),
  (9, '294276-12-31 23:59:59+00', '294276-12-31 23:59:59.998', NULL),
  (10, 'infinity', 'infinity', '{infinity,-infinity}'),
  (11, '-infinity', '-infinity', NULL), (12, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;
SELECT public.convex_document(x, method => 'import') FROM types.t x ORDER BY id;

-- microseconds, near 1970 and far from it; odd milliseconds at the end
SELECT public.convex_document(ROW(13, '2248-09-26 15:10:22.207999+00', NULL, NULL)::types.t);
SELECT public.convex_document(ROW(13, '2800-01-01 00:00:00.000001+00', NULL, NULL)::types.t);
SELECT public.convex_document(ROW(13, NULL, '0001-12-31 23:59:59.999999 BC', NULL)::types.t);
SELECT public.convex_document(ROW(13, NULL, '294276-12-31 23:59:59.999999', NULL)::types.t);
SELECT public.convex_document(ROW(13, NULL, '294276-12-31 23:59:59.999', NULL)::types.t);
SELECT public.convex_document(ROW(13, NULL, NULL, '{infinity,"4714-11-24 00:00:00.000001+00 BC"}')::types.t);

INSERT INTO types.t VALUES (13, '294276-12-31 23:59:59.999999+00', '4714-11-24 00:00:00.000001 BC', NULL),
  (14, '0999-01-02 03:04:05.000007+00', '0001-12-31 23:59:59.999999 BC', NULL);
CREATE SERVER iso FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'types', timestamps 'iso');
SELECT public.convex_document(x, 'iso') FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
