-- The plan of two circles that share a table, and a leaf.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.hub (id int PRIMARY KEY);
CREATE TABLE shape.left (id int PRIMARY KEY, hub_id int NOT NULL REFERENCES shape.hub);
CREATE TABLE shape.right (id int PRIMARY KEY, hub_id int REFERENCES shape.hub);
ALTER TABLE shape.hub ADD left_id int REFERENCES shape.left, ADD right_id int REFERENCES shape.right;
CREATE TABLE shape.leaf (id int PRIMARY KEY, right_id int REFERENCES shape.right);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
