-- The plan of a chain of composite keys, each with the one before in it.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.houses (street text, number int, PRIMARY KEY (street, number));
CREATE TABLE shape.floors (street text, number int, floor int, PRIMARY KEY (street, number, floor),
  FOREIGN KEY (street, number) REFERENCES shape.houses);
CREATE TABLE shape.rooms (id int PRIMARY KEY, floor int, number int, street text,
  FOREIGN KEY (floor, street, number) REFERENCES shape.floors (floor, street, number),
  CONSTRAINT of_house FOREIGN KEY (street, number) REFERENCES shape.houses);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
