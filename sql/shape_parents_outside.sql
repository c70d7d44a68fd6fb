-- The plan of parents outside the parameter tables: ids come from the session's map.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id int PRIMARY KEY);
CREATE TABLE shape.posts (id int PRIMARY KEY, user_id int REFERENCES shape.users);
CREATE TABLE shape.comments (id int PRIMARY KEY, post_id int REFERENCES shape.posts, user_id int REFERENCES shape.users);
SELECT level, source, "references", notes FROM convex_plan(tables => '{shape.comments}');
SELECT level, source, "references", notes FROM convex_plan(tables => '{shape.comments,shape.users}');
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
