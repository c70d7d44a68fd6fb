-- The plan of keys that are references: the key column id, another one, and a join table.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id uuid PRIMARY KEY);
CREATE TABLE shape.profiles (id uuid PRIMARY KEY REFERENCES shape.users, users_id int);
CREATE TABLE shape.user_settings (user_id uuid PRIMARY KEY REFERENCES shape.users);
CREATE TABLE shape.groups (id int PRIMARY KEY);
CREATE TABLE shape.memberships (user_id uuid REFERENCES shape.users, group_id int REFERENCES shape.groups, PRIMARY KEY (user_id, group_id));
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
