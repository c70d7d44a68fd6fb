-- The plan of a partitioned table of three levels, once, also as what is pointed to.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape.events (id int, day date, kind text, PRIMARY KEY (id, day, kind)) PARTITION BY RANGE (day);
CREATE TABLE shape.events_2026 PARTITION OF shape.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (kind);
CREATE TABLE shape.events_2026_a PARTITION OF shape.events_2026 FOR VALUES IN ('a') PARTITION BY HASH (id);
CREATE TABLE shape.events_2026_a_0 PARTITION OF shape.events_2026_a FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE shape.notes (id int PRIMARY KEY, event_id int, day date, kind text,
  CONSTRAINT event FOREIGN KEY (event_id, day, kind) REFERENCES shape.events);
CREATE TABLE shape.visits (id int PRIMARY KEY, note_id int REFERENCES shape.notes) PARTITION BY HASH (id);
CREATE TABLE shape.visits_0 PARTITION OF shape.visits FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
