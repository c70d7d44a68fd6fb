-- The plan of a diamond: two ways from one table to another.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id int PRIMARY KEY);
CREATE TABLE shape.authors (id int PRIMARY KEY, user_id int REFERENCES shape.users);
CREATE TABLE shape.readers (id int PRIMARY KEY, user_id int REFERENCES shape.users);
CREATE TABLE shape.letters (id int PRIMARY KEY, author_id int REFERENCES shape.authors, reader_id int REFERENCES shape.readers, user_id int REFERENCES shape.users);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
