-- The plan of a chain of 64 tables.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
DO $$
BEGIN
  CREATE TABLE shape.t01 (id int PRIMARY KEY);
  FOR n IN 2..64 LOOP
    EXECUTE format('CREATE TABLE shape.t%s (id int PRIMARY KEY, up int NOT NULL REFERENCES shape.t%s)',
      to_char(n, 'FM00'), to_char(n - 1, 'FM00'));
  END LOOP;
END $$;
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
