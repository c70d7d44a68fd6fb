-- The plan of tables without a key, and one that points to one of them.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.log (at timestamptz, text text);
CREATE TABLE shape.codes (code int UNIQUE, text text);
CREATE TABLE shape.uses (id int PRIMARY KEY, code int REFERENCES shape.codes (code));
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
