-- The plan of tables that point to themselves.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.tree (id int PRIMARY KEY, parent_id int REFERENCES shape.tree);
CREATE TABLE shape.roots (id int PRIMARY KEY, root_id int NOT NULL REFERENCES shape.roots);
CREATE TABLE shape.leaves (id int PRIMARY KEY, tree_id int REFERENCES shape.tree);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
