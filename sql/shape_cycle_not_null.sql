-- The plan of circles of two and of three tables, all NOT NULL: deferred all the same.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.a (id int PRIMARY KEY);
CREATE TABLE shape.b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES shape.a);
ALTER TABLE shape.a ADD b_id int NOT NULL REFERENCES shape.b;
CREATE TABLE shape.x (id int PRIMARY KEY);
CREATE TABLE shape.y (id int PRIMARY KEY, x_id int NOT NULL REFERENCES shape.x);
CREATE TABLE shape.z (id int PRIMARY KEY, y_id int NOT NULL REFERENCES shape.y);
ALTER TABLE shape.x ADD z_id int NOT NULL REFERENCES shape.z;
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
