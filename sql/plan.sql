-- convex_plan(): discovery, order, names. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shop;
CREATE SERVER s FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shop');
CREATE VIEW plan AS
  SELECT level, source, target, kind, key, "references", notes FROM convex_plan('s');

-- nothing to do, and a schema that is not there
SELECT * FROM plan;
ALTER SERVER s OPTIONS (SET schemas 'shop, attic');
SELECT * FROM plan;
ALTER SERVER s OPTIONS (SET schemas 'shop');

-- a diamond: order by references, then by name
CREATE TABLE shop.customers (id uuid PRIMARY KEY, created_at timestamptz);
CREATE TABLE shop.products (sku text PRIMARY KEY, "createdAt" timestamp);
CREATE TABLE shop.orders (
  id bigint PRIMARY KEY,
  customer_id uuid REFERENCES shop.customers,
  sku text REFERENCES shop.products);
CREATE TABLE shop.order_lines (
  order_id bigint REFERENCES shop.orders,
  line_number int,
  sku text REFERENCES shop.products,
  PRIMARY KEY (order_id, line_number));
CREATE TABLE shop.line_notes (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint, line_number int,
  CONSTRAINT line FOREIGN KEY (order_id, line_number) REFERENCES shop.order_lines);
SELECT * FROM plan;

-- estimates: unknown until the tables are analyzed
SELECT estimated_rows, estimated_bytes FROM convex_plan('s') WHERE source = 'shop.products'::regclass;
INSERT INTO shop.products SELECT 'sku' || n FROM generate_series(1, 100) n;
ANALYZE shop.products;
SELECT estimated_rows, estimated_bytes > 0 AS bytes FROM convex_plan('s') WHERE source = 'shop.products'::regclass;

-- those of a partitioned table are of its partitions, on all levels, as far as they are known
CREATE TABLE shop.visits (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE shop.visits_1 PARTITION OF shop.visits FOR VALUES FROM (1) TO (101);
CREATE TABLE shop.visits_2 PARTITION OF shop.visits FOR VALUES FROM (101) TO (301) PARTITION BY HASH (id);
CREATE TABLE shop.visits_2_0 PARTITION OF shop.visits_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE shop.visits_3 PARTITION OF shop.visits DEFAULT;
SELECT estimated_rows, estimated_bytes FROM convex_plan('s', '{shop.visits}');
ANALYZE shop.visits;
INSERT INTO shop.visits SELECT n FROM generate_series(1, 250) n;
ANALYZE shop.visits_1, shop.visits_2_0;
SELECT estimated_rows, estimated_bytes / current_setting('block_size')::int AS blocks FROM convex_plan('s', '{shop.visits}');
DROP TABLE shop.visits;

-- some tables only: what they point to comes from the session's map
SELECT level, source, "references", notes FROM convex_plan('s', '{shop.order_lines,shop.orders}');

-- keys: the replica identity, then the smallest unique index without nulls
CREATE SCHEMA keys;
ALTER SERVER s OPTIONS (SET schemas 'keys');
CREATE TABLE keys.smallest (a int NOT NULL, b int NOT NULL, c int UNIQUE, UNIQUE (a, b), UNIQUE (b));
CREATE TABLE keys.identity (a int NOT NULL UNIQUE, b int NOT NULL);
CREATE UNIQUE INDEX identity_b ON keys.identity (b);
ALTER TABLE keys.identity REPLICA IDENTITY USING INDEX identity_b;
CREATE TABLE keys.self_named (user_id int PRIMARY KEY);
CREATE TABLE keys.profiles (id int PRIMARY KEY REFERENCES keys.self_named);
CREATE TABLE keys.settings (user_id int PRIMARY KEY REFERENCES keys.self_named);
CREATE TABLE keys.renamed (code text PRIMARY KEY, id int, id_ int);
CREATE TABLE keys.twice (
  id int PRIMARY KEY,
  user_id int REFERENCES keys.self_named,
  CONSTRAINT second FOREIGN KEY (user_id) REFERENCES keys.settings);
SELECT * FROM plan;
CREATE TABLE keys.none (a int UNIQUE, b int NOT NULL);
CREATE UNIQUE INDEX ON keys.none (b) WHERE b > 0;
CREATE UNIQUE INDEX ON keys.none ((b + 1));
SELECT * FROM plan WHERE source = 'keys.none'::regclass;

-- kinds: partitioned tables once, inherited ones each, others not
CREATE SCHEMA kinds;
ALTER SERVER s OPTIONS (SET schemas 'kinds');
CREATE TABLE kinds.events (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE kinds.events_2026 PARTITION OF kinds.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE kinds.base (id int PRIMARY KEY);
CREATE TABLE kinds.derived (PRIMARY KEY (id)) INHERITS (kinds.base);
CREATE UNLOGGED TABLE kinds.unlogged (id int PRIMARY KEY);
CREATE VIEW kinds.a_view AS SELECT 1 AS id;
CREATE SEQUENCE kinds.a_sequence;
CREATE TEMP TABLE temporary (id int PRIMARY KEY);
SELECT * FROM plan;
SELECT * FROM convex_plan('s', '{kinds.events_2026}');
-- views and materialized views when they are named
CREATE MATERIALIZED VIEW kinds.a_matview AS SELECT 1 AS id;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nothing FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE kinds.far_away (id int) SERVER nothing;
SELECT source, kind, key FROM plan;
SELECT source, kind, key FROM convex_plan('s', '{kinds.a_view,kinds.a_matview}');
DROP FOREIGN TABLE kinds.far_away;
CREATE TYPE kinds.composite AS (a int);
SELECT * FROM convex_plan('s', '{kinds.composite}');
SELECT * FROM convex_plan('s', '{kinds.a_sequence}');
SELECT * FROM convex_plan('s', '{temporary}');
SELECT * FROM convex_plan('s', '{}');
SELECT * FROM convex_plan('s', '{NULL}');
SELECT * FROM convex_plan('s', '{{kinds.base,kinds.derived}}');
SELECT * FROM convex_plan('s', '{4294967295}');
-- a table of an extension is left out, unless it is named
ALTER SERVER s OPTIONS (SET schemas 'public');
SELECT count(*) FROM plan;

-- references to tables outside the schemas are values
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY);
CREATE TABLE kinds.documents (id int PRIMARY KEY, owner_id uuid REFERENCES auth.users);
ALTER SERVER s OPTIONS (SET schemas 'kinds');
SELECT source, "references" FROM convex_plan('s', '{kinds.documents,auth.users}');
INSERT INTO convex_tables (server, source) VALUES ('s', 'auth.users');
SELECT source, "references" FROM convex_plan('s', '{kinds.documents,auth.users}');
DELETE FROM convex_tables WHERE source = 'auth.users'::regclass;

-- names: in the case asked for, legal, unique; the plan shows old and new
CREATE SCHEMA names;
CREATE SCHEMA "more Names";
ALTER SERVER s OPTIONS (SET schemas 'names, "more Names"');
CREATE TABLE names."User_Accounts__all" (id int PRIMARY KEY, "camelCase" int, snake_case int);
CREATE TABLE names.users (
  id int PRIMARY KEY, "größe" int, "grosse" int, "gro_e" int, _private int,
  "supabaseId" int, "_id" int, "_creationTime" int, "1st" int, "a b" int, "a-b" int,
  "a""b" int, "c'd\e" int, "日本" int);
CREATE TABLE names."Users" (id int PRIMARY KEY);
CREATE TABLE names."2fa" (id int PRIMARY KEY);
CREATE TABLE names."_" (id int PRIMARY KEY);
CREATE TABLE names."""; DROP TABLE x; --" (id int PRIMARY KEY);
CREATE TABLE "more Names".users (id int PRIMARY KEY);
CREATE TABLE "more Names"."Größe" (id int PRIMARY KEY);
SELECT source, target, notes FROM plan;
SELECT source, target FROM convex_plan('s', '{"\"more Names\".users"}');
ALTER SERVER s OPTIONS (ADD table_case 'preserve', ADD field_case 'camel');
SELECT source, target, notes FROM plan;
ALTER SERVER s OPTIONS (SET table_case 'snake', SET field_case 'snake', SET schemas '"more Names", names');
SELECT source, target FROM plan;

-- the same to be read, within 120 columns
ALTER SERVER s OPTIONS (SET schemas 'shop, keys, kinds');
SELECT * FROM convex_plan_text('s') WITH ORDINALITY AS l(line, n) WHERE n <= 12;
SELECT max(length(convex_plan_text)) <= 118 AS fits, count(*) > 20 AS "all" FROM convex_plan_text('s');
SELECT convex_plan_text('s', '{kinds.events}');

-- what planning does not do: lock tables, need rights on them, write
BEGIN TRANSACTION READ ONLY;
SELECT count(*) FROM convex_plan('s', '{names.users}');
SELECT relation::regclass FROM pg_locks WHERE locktype = 'relation' AND relation = 'names.users'::regclass;
COMMIT;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
DROP SCHEMA shop, keys, kinds, auth, names, "more Names" CASCADE;
DROP EXTENSION convex_migrate CASCADE;
