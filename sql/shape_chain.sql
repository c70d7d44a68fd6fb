-- The plan of a chain: each table points to the one before.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.continents (id int PRIMARY KEY);
CREATE TABLE shape.countries (id int PRIMARY KEY, continent_id int NOT NULL REFERENCES shape.continents);
CREATE TABLE shape.cities (id int PRIMARY KEY, country_id int NOT NULL REFERENCES shape.countries);
CREATE TABLE shape.streets (id int PRIMARY KEY, city_id int REFERENCES shape.cities);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
