-- The plan of a filtered parent: references stay, convex_check() counts the orphans.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.users (id int PRIMARY KEY, deleted bool);
CREATE TABLE shape.posts (id int PRIMARY KEY, user_id int REFERENCES shape.users);
INSERT INTO shape.users VALUES (1, false), (2, true);
INSERT INTO shape.posts VALUES (1, 1), (2, 2), (3, 2), (4, NULL);
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'shape.users', 'NOT deleted');
SELECT severity, source, source_column, problem, rows, example FROM convex_check() WHERE severity = 'error';
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
