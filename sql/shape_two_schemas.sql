-- The plan of the same table name in two schemas; the first schema keeps it.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE SCHEMA shape_b;
CREATE TABLE shape.users (id int PRIMARY KEY);
CREATE TABLE shape_b.users (id int PRIMARY KEY, user_id int REFERENCES shape.users);
CREATE TABLE shape_b."Users" (id int PRIMARY KEY, user_id int REFERENCES shape_b.users);
ALTER SERVER convex OPTIONS (SET schemas 'shape, shape_b');
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP SCHEMA shape_b CASCADE;
DROP EXTENSION convex_migrate CASCADE;
