-- Foreign keys that are no references: none is dropped silently.
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SCHEMA accounts;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');

-- to a table outside, whose keys a table inside has
CREATE TABLE accounts.users (id uuid PRIMARY KEY, email text);
CREATE TABLE accounts.plans (id int PRIMARY KEY);
CREATE TABLE shape.users (id uuid PRIMARY KEY REFERENCES accounts.users, username text);
CREATE TABLE shape.subscriptions (id int PRIMARY KEY, user_id uuid NOT NULL REFERENCES accounts.users, plan int REFERENCES accounts.plans);
SELECT source, unnest(notes) AS note FROM convex_plan() ORDER BY 1, 2;
SELECT source, problem, hint FROM convex_check() WHERE problem = 'no_reference' ORDER BY source::text COLLATE "C";
INSERT INTO convex_columns (server, source, source_column, target_reference)
  VALUES ('convex', 'shape.subscriptions', 'user_id', 'shape.users(id)');
SELECT source, "references" FROM convex_plan();
DELETE FROM convex_columns;
DROP TABLE shape.subscriptions, shape.users;

-- of one partition, and to one
CREATE TABLE shape.places (id int PRIMARY KEY, name text);
CREATE TABLE shape.trips (region text, id int, place_id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE shape.trips_eu PARTITION OF shape.trips FOR VALUES IN ('eu');
CREATE TABLE shape.trips_us PARTITION OF shape.trips FOR VALUES IN ('us');
ALTER TABLE shape.trips_eu ADD FOREIGN KEY (place_id) REFERENCES shape.places;
ALTER TABLE shape.trips_eu ADD UNIQUE (id);
CREATE TABLE shape.bills (id int PRIMARY KEY, trip_id int REFERENCES shape.trips_eu (id));
SELECT source, unnest(notes) AS note FROM convex_plan() ORDER BY 1, 2;
SELECT source, problem, hint FROM convex_check() WHERE problem = 'no_reference' ORDER BY source::text COLLATE "C";

SELECT source, "references" FROM convex_plan() ORDER BY source::text COLLATE "C";

-- by a choice
INSERT INTO convex_columns (server, source, source_column, target_reference)
  VALUES ('convex', 'shape.trips', 'place_id', 'shape.places(id)');
SELECT source, "references", notes FROM convex_plan() WHERE source = 'shape.trips'::regclass;
DELETE FROM convex_columns;

-- of every partition, each by itself, columns in another order; of some by a partition in between
ALTER TABLE shape.trips_us ADD FOREIGN KEY (place_id) REFERENCES shape.places NOT VALID;
CREATE TABLE shape.trips_rest (place_id int, id int NOT NULL, region text NOT NULL) PARTITION BY HASH (id);
ALTER TABLE shape.trips ATTACH PARTITION shape.trips_rest DEFAULT;
CREATE TABLE shape.trips_rest_0 PARTITION OF shape.trips_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shape.trips_rest_1 PARTITION OF shape.trips_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT source, "references", notes FROM convex_plan() WHERE source = 'shape.trips'::regclass;
ALTER TABLE shape.trips_rest ADD FOREIGN KEY (place_id) REFERENCES shape.places;
SELECT source, "references", notes FROM convex_plan() WHERE source = 'shape.trips'::regclass;
SELECT source_column, problem, hint FROM convex_check() WHERE source = 'shape.trips'::regclass;
DROP TABLE shape.bills, shape.trips;

-- one column with two foreign keys: to a table outside and to one inside; and one that is declared twice
CREATE TABLE shape.users (id uuid PRIMARY KEY);
CREATE TABLE shape.posts (id int PRIMARY KEY, user_id uuid NOT NULL,
  CONSTRAINT a_account FOREIGN KEY (user_id) REFERENCES accounts.users,
  CONSTRAINT b_user FOREIGN KEY (user_id) REFERENCES shape.users, CONSTRAINT c_again FOREIGN KEY (user_id) REFERENCES shape.users);
SELECT source, "references", notes FROM convex_plan() WHERE source = 'shape.posts'::regclass;
SELECT source_column, problem FROM convex_check() WHERE source = 'shape.posts'::regclass;

DROP SCHEMA shape, accounts CASCADE;
DROP EXTENSION convex_migrate CASCADE;
