-- convex_check(): what would go wrong, before anything is sent. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'good');
CREATE VIEW problems AS
  SELECT severity, source, source_column, problem, rows, example, hint FROM convex_check() WHERE source IS NOT NULL;

-- nothing to say is good news
CREATE SCHEMA good;
CREATE TABLE good.parents (id int PRIMARY KEY, tags text[], data jsonb, big int8);
CREATE TABLE good.children (id int PRIMARY KEY, parent_id int REFERENCES good.parents);
INSERT INTO good.parents SELECT n, '{a}', '{"a": [1, 2]}', n FROM generate_series(1, 1000) n;
INSERT INTO good.children SELECT n, n FROM generate_series(1, 1000) n;
SELECT * FROM problems;
SELECT severity, problem, hint FROM convex_check();

-- values that cannot go, counted, each with one example
UPDATE good.parents SET big = 9007199254740993 WHERE id IN (3, 5, 7);
UPDATE good.parents SET data = '{"deep": {"$ref": 1}}' WHERE id = 10;
UPDATE good.parents SET tags = '{NULL}' WHERE id > 998;
SELECT * FROM problems;

-- orphans: rows that are not there, under a constraint that was not checked,
-- or that a filter holds back
ALTER TABLE good.children DROP CONSTRAINT children_parent_id_fkey;
INSERT INTO good.children VALUES (2000, 5000), (2001, 5001), (2002, NULL);
ALTER TABLE good.children ADD CONSTRAINT to_parents FOREIGN KEY (parent_id) REFERENCES good.parents NOT VALID;
SELECT * FROM problems WHERE source = 'good.children'::regclass;
ALTER SERVER convex OPTIONS (ADD orphans 'null');
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'good.parents', 'id <= 990');
SELECT severity, problem, rows, example FROM problems WHERE source = 'good.children'::regclass;
ALTER SERVER convex OPTIONS (DROP orphans);
DELETE FROM convex_tables;

-- what falls with the row that it points to, through all levels
CREATE SCHEMA below;
ALTER SERVER convex OPTIONS (SET schemas 'below');
CREATE TABLE below.shops (id int PRIMARY KEY, data jsonb);
CREATE TABLE below.sales (id int PRIMARY KEY, shop_id int NOT NULL REFERENCES below.shops);
CREATE TABLE below.lines (id int PRIMARY KEY, sale_id int NOT NULL REFERENCES below.sales);
CREATE TABLE below.refunds (id int PRIMARY KEY, line_id int REFERENCES below.lines, sale_id int REFERENCES below.sales);
INSERT INTO below.shops VALUES (1, '{"ok": 1}'), (2, '{"$bad": 1}');
INSERT INTO below.sales SELECT i, 1 + i % 2 FROM generate_series(1, 10) i;
INSERT INTO below.lines SELECT i, 1 + i % 10 FROM generate_series(1, 40) i;
INSERT INTO below.refunds SELECT i, i, 1 + (i + i / 6) % 10 FROM generate_series(1, 8) i;
SELECT severity, source, source_column, problem, rows, example FROM problems;
-- so many that their keys are kept in a file
INSERT INTO below.shops SELECT i, '{"$bad": 1}' FROM generate_series(3, 60000) i;
SELECT problem, sum(rows) FROM problems GROUP BY problem ORDER BY problem;
DELETE FROM below.shops WHERE id > 2;
ALTER SERVER convex OPTIONS (ADD orphans 'null');
SELECT severity, source, source_column, problem, rows, example, hint FROM problems;
ALTER SERVER convex OPTIONS (DROP orphans);

-- documents over 1 MiB, in Convex's own measure: a number takes 9 bytes
CREATE SCHEMA large;
ALTER SERVER convex OPTIONS (SET schemas 'large');
CREATE TABLE large.docs (id int PRIMARY KEY, t text, raw bytea, data jsonb);
-- 61 for the system fields, 2 for the object, "supabaseId" 10 + 1 + 3, t 1 + 1 + 2 and its length
INSERT INTO large.docs (id, t) VALUES (1, repeat('x', 1048576 - 61 - 2 - 14 - 4)), (2, repeat('x', 1048576 - 61 - 2 - 14 - 4 + 1));
INSERT INTO large.docs (id, t) VALUES (3, repeat(E'\n', 600000)), (4, repeat('ü', 600000));
INSERT INTO large.docs (id, raw) VALUES (5, decode(repeat('00', 1000000), 'hex')), (6, decode(repeat('00', 1048577), 'hex'));
INSERT INTO large.docs (id, data) SELECT 7, jsonb_agg(a) FROM (SELECT jsonb_agg(1) AS a FROM generate_series(1, 150 * 800) n GROUP BY n % 150) x;
SELECT severity, source, problem, rows, example, hint FROM problems;
DELETE FROM large.docs WHERE id IN (2, 6);
SELECT example FROM problems;
DELETE FROM large.docs WHERE id = 4;
SELECT example FROM problems;
DELETE FROM large.docs WHERE id = 7;
SELECT count(*) FROM problems;

-- what the catalogs show
CREATE SCHEMA shapes;
ALTER SERVER convex OPTIONS (SET schemas 'shapes');
CREATE TABLE shapes.keyless (a int, "größe" int);
CREATE UNLOGGED TABLE shapes.unlogged (id int PRIMARY KEY CHECK (id > 0), b text CHECK (b IN ('x', 'y')));
CREATE TABLE shapes."2nd" (id int PRIMARY KEY);
CREATE TABLE shapes.chicken (id int PRIMARY KEY, egg int NOT NULL);
CREATE TABLE shapes.egg (id int PRIMARY KEY, chicken int NOT NULL REFERENCES shapes.chicken);
ALTER TABLE shapes.chicken ADD FOREIGN KEY (egg) REFERENCES shapes.egg;
CREATE TABLE shapes.secret (id int PRIMARY KEY);
ALTER TABLE shapes.secret ENABLE ROW LEVEL SECURITY;
DO $$ BEGIN EXECUTE 'CREATE TABLE shapes.wide (id int PRIMARY KEY, ' || (SELECT string_agg('c' || n || ' int', ', ') FROM generate_series(1, 1022) n) || ')'; END $$;
SELECT * FROM problems;
-- a view cannot be given a key
CREATE VIEW shapes.eggs AS SELECT * FROM shapes.egg;
SELECT hint FROM convex_check('convex', '{shapes.eggs}') WHERE problem = 'no_key';
CREATE ROLE regress_convex_checker;
GRANT USAGE ON FOREIGN SERVER convex TO regress_convex_checker;
GRANT USAGE ON SCHEMA shapes TO regress_convex_checker;
GRANT SELECT ON shapes.secret, shapes.egg TO regress_convex_checker;
SET ROLE regress_convex_checker;
SELECT severity, source, problem, hint FROM convex_check() WHERE severity = 'error';
RESET ROLE;

-- what it takes of the free plan of Convex
CREATE SCHEMA costly;
ALTER SERVER convex OPTIONS (SET schemas 'costly', ADD batch_rows '1');
CREATE TABLE costly.pages (id int PRIMARY KEY, body text);
ALTER TABLE costly.pages ALTER body SET STORAGE EXTERNAL;
INSERT INTO costly.pages SELECT n, repeat('0123456789', 90000) FROM generate_series(1, 600) n;
SELECT severity, problem, hint FROM convex_check();

-- it writes nothing
BEGIN READ ONLY;
SELECT count(*) FROM convex_check('convex', '{shapes.egg}');
COMMIT;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA good, below, large, shapes, costly CASCADE;
DROP EXTENSION convex_migrate CASCADE;
DROP ROLE regress_convex_checker;
