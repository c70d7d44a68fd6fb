-- What the planner evaluates of a table: expressions of its indexes, statistics,
-- partitions, generated columns and constraints. The bodies of their functions
-- name others as the caller's search_path has them, not as ours.
-- expected/planner_1.out is for 17 and later, which make no index of such functions.
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA app;
SET search_path = app, public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE FUNCTION side(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION area_of(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT side($1) * side($2)';
CREATE FUNCTION is_small(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT side($1) < 100';
CREATE TABLE plots (id int PRIMARY KEY, width int, height int,
  area int GENERATED ALWAYS AS (area_of(width, height)) STORED, CHECK (is_small(width)));
CREATE INDEX plots_area ON plots (area_of(width, height));
CREATE INDEX plots_small ON plots (id) WHERE is_small(height);
CREATE STATISTICS plots_statistics ON (area_of(width, height)), width FROM plots;
INSERT INTO plots VALUES (1, 2, 3), (2, 4, 5);
ANALYZE plots;
CREATE TABLE owners (id int PRIMARY KEY, plot_id int REFERENCES plots);
INSERT INTO owners VALUES (1, 1), (2, 2);
CREATE TABLE parts (width int, height int) PARTITION BY RANGE (area_of(width, height));
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
INSERT INTO parts VALUES (1, 1), (6, 7);
-- a view and a filter over such a function
CREATE VIEW small_plots AS SELECT id, area_of(width, height) AS area FROM plots WHERE is_small(width);
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'owners', 'app.is_small(id)');
-- a new session has none of it in its caches
\c -
SET search_path = app, public;
SELECT source, problem FROM convex_check() WHERE severity = 'error';
SELECT convex_document(p) FROM plots p ORDER BY id;
SELECT convex_document(p) FROM parts p ORDER BY width;
SELECT convex_document(o) FROM owners o ORDER BY id;
SELECT problem FROM convex_check('convex', '{small_plots}') WHERE severity = 'error';
-- without the path the caller's own queries fail as well: an ERROR that names it
SET search_path = public;
\set VERBOSITY terse
SELECT count(*) FROM app.plots WHERE id > 0;
SELECT count(*) FROM convex_check();
\set VERBOSITY default
-- what the names of a filter mean is settled under our own path all the same
SET search_path = app, public;
CREATE FUNCTION app.lower(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE EXCEPTION 'planted'; END$$;
UPDATE convex_tables SET filter = 'lower(id::text) = id::text';
SELECT problem FROM convex_check() WHERE severity = 'error';
SET search_path = app, pg_catalog, public;
SELECT problem FROM convex_check() WHERE severity = 'error';
DROP EXTENSION convex_migrate CASCADE;
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
