-- The plan of a parent that is left out: what points to it stays a value, and the circle is none.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id int PRIMARY KEY);
CREATE TABLE shape.posts (id int PRIMARY KEY, user_id int REFERENCES shape.users);
ALTER TABLE shape.users ADD pinned_post int REFERENCES shape.posts;
INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'shape.users', true);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
