-- The plan of references that the database does not declare, also of and to other kinds of tables.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id bigint PRIMARY KEY, email text UNIQUE);
CREATE TABLE shape.posts (id int PRIMARY KEY, user_id int, user_email text, editor_id int REFERENCES shape.users);
INSERT INTO convex_columns (server, source, source_column, target_reference) VALUES
  ('convex', 'shape.posts', 'user_id', 'shape.users(id)'),
  ('convex', 'shape.posts', 'user_email', 'shape.users(email)'),
  ('convex', 'shape.posts', 'editor_id', 'shape.users(id)');
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
