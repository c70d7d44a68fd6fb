-- oid and its aliases: names as seen from pg_catalog alone, whatever the caller's
-- search_path.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.mood AS ENUM ('sad');
CREATE FUNCTION types.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE TABLE types.t (id int PRIMARY KEY, o oid, c regclass, p regproc, pr regprocedure, ty regtype, op regoper, ns regnamespace, transaction xid, place tid, list regclass[]);
INSERT INTO types.t VALUES
  (1, 4294967295, 'types.t', 'types.twice', 'types.twice(int)', 'types.mood', 0, 'types', '4294967295', '(4294967295,65535)', ARRAY['public.convex_tables', 'pg_catalog.pg_class']::regclass[]),
  (2, 0, 'public.convex_columns', 'pg_catalog.now', 'pg_catalog.abs(int)', 'pg_catalog.int4[]', 'pg_catalog.||/', 'pg_catalog', '0', '(0,0)', '{}'),
  -- of what is gone, or was never there
  (3, 1, 1, 0, 0, 1, 0, 1, NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
