-- The plan of inheritance: each level is a table of its own.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.things (id int PRIMARY KEY, name text);
CREATE TABLE shape.books (PRIMARY KEY (id), pages int) INHERITS (shape.things);
CREATE TABLE shape.novels (PRIMARY KEY (id), hero text) INHERITS (shape.books);
CREATE TABLE shape.loans (id int PRIMARY KEY, thing_id int REFERENCES shape.things, book_id int REFERENCES shape.books);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
