-- References that form a circle, or point to their own table: rows go without
-- them and get them in a second pass. Needs the local Convex with
-- tests/regress/convex; tests/run.sh gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
SET convex_migrate.progress_interval = -1;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'firm', batch_rows '3', concurrency '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE SCHEMA firm;
CREATE TABLE firm.departments (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE firm.employees (
  id int PRIMARY KEY, name text NOT NULL,
  department_id int NOT NULL REFERENCES firm.departments,
  manager_id int REFERENCES firm.employees);
ALTER TABLE firm.departments ADD head_id int REFERENCES firm.employees;
INSERT INTO firm.departments SELECT n, 'department ' || n FROM generate_series(1, 3) n;
INSERT INTO firm.employees SELECT n, 'employee ' || n, n % 3 + 1, nullif((n * 3) % 8, 0) FROM generate_series(1, 7) n;
UPDATE firm.departments SET head_id = 8 - id WHERE id < 3;

-- the nullable edge is deferred, not the one that is NOT NULL
SELECT level, source, "references", notes FROM convex_plan();
SELECT source, rows_read, migrated, failed, batches, status FROM convex_migrate();
\set ask `node tests/regress/query.mjs migrate:organigram`
SELECT * FROM jsonb_array_elements(:'ask'::jsonb -> 'managers') AS employee_manager_department
EXCEPT
SELECT to_jsonb(ARRAY[id::text, manager_id::text, department_id::text]) FROM firm.employees;
SELECT jsonb_array_length(:'ask'::jsonb -> 'managers') AS employees;
SELECT * FROM jsonb_array_elements(:'ask'::jsonb -> 'heads') AS department_head
EXCEPT
SELECT to_jsonb(ARRAY[id::text, head_id::text]) FROM firm.departments;

-- again: the same, and what is said of it
RESET convex_migrate.progress_interval;
SELECT source, rows_read, migrated, failed, batches, status FROM convex_migrate();

SET convex_migrate.progress_interval = -1;
-- one that is refused takes those that point to it along; what points to it
-- in the second pass stays without
UPDATE firm.employees SET name = repeat('x', 1100000) WHERE id = 7;
ALTER SERVER convex OPTIONS (ADD orphans 'null');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
ALTER SERVER convex OPTIONS (SET orphans 'reject');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT source, key, left(reason, 110) AS reason FROM convex_rejects ORDER BY 1, 2;
UPDATE firm.employees SET name = 'employee 7' WHERE id = 7;

-- a reference that became NULL goes; one orphan does not take others along
ALTER TABLE firm.employees ADD mentor_id int;
INSERT INTO convex_columns (server, source, source_column, target_reference)
  VALUES ('convex', 'firm.employees', 'mentor_id', 'firm.employees(id)');
UPDATE firm.employees SET manager_id = NULL WHERE id = 1;
UPDATE firm.employees SET mentor_id = CASE id WHEN 2 THEN 99 ELSE id END WHERE id IN (2, 3);
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT source, key, reason FROM convex_rejects ORDER BY 1, 2;
\set ask `node tests/regress/query.mjs migrate:organigram`
SELECT * FROM jsonb_array_elements(:'ask'::jsonb -> 'managers') AS employee_manager_department
EXCEPT
SELECT to_jsonb(ARRAY[id::text, manager_id::text, department_id::text]) FROM firm.employees;
SELECT ARRAY(SELECT json_object_keys(convex_document(e)::json)) FROM firm.employees e WHERE id < 3 ORDER BY id;
-- a row that is an orphan in part and then refused as well fails once
UPDATE firm.employees SET manager_id = 5 WHERE id = 2;
ALTER SERVER convex OPTIONS (ADD functions 'refusing');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT source, key, left(reason, 60) AS reason FROM convex_rejects ORDER BY 1, 2;
ALTER SERVER convex OPTIONS (DROP functions);
ALTER TABLE firm.employees DROP mentor_id;
DELETE FROM convex_columns;

-- a circle without a nullable edge works too
UPDATE firm.departments SET head_id = 1 WHERE head_id IS NULL;
ALTER TABLE firm.departments ALTER head_id SET NOT NULL;
SELECT level, source, "references", notes FROM convex_plan();
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();

-- the second pass needs a function
ALTER SERVER convex OPTIONS (ADD functions 'incomplete');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
ALTER SERVER convex OPTIONS (DROP functions);

-- who is deferred: as few NOT NULL references as possible, then as few as
-- possible; of equals the order of names decides
CREATE SCHEMA graph;
ALTER SERVER convex OPTIONS (SET schemas 'graph');
CREATE TABLE graph.a (id int PRIMARY KEY);
CREATE TABLE graph.b (id int PRIMARY KEY, a int REFERENCES graph.a);
CREATE TABLE graph.c (id int PRIMARY KEY, b int REFERENCES graph.b);
ALTER TABLE graph.a ADD c int REFERENCES graph.c;
SELECT level, source, "references" FROM convex_plan();
-- two nullable ones rather than one that is NOT NULL
ALTER TABLE graph.a ADD b1 int REFERENCES graph.b, ADD b2 int REFERENCES graph.b;
ALTER TABLE graph.b ALTER a SET NOT NULL;
SELECT level, source, "references" FROM convex_plan();
-- two circles that share a table, and a leaf
CREATE TABLE graph.d (id int PRIMARY KEY, a int NOT NULL REFERENCES graph.a);
ALTER TABLE graph.a ADD d int REFERENCES graph.d;
CREATE TABLE graph.leaf (id int PRIMARY KEY, d int REFERENCES graph.d, me int REFERENCES graph.leaf);
SELECT level, source, "references" FROM convex_plan();
-- as a picture
\pset format unaligned
\pset tuples_only on
SELECT convex_plan_graph();
CREATE SCHEMA quotes;
CREATE TABLE quotes."a""]; end %%" ("x|y" int PRIMARY KEY REFERENCES quotes."a""]; end %%");
ALTER SERVER convex OPTIONS (SET schemas 'quotes', ADD table_case 'preserve');
SELECT convex_plan_graph();
ALTER SERVER convex OPTIONS (SET schemas 'graph', DROP table_case);
\pset format aligned
\pset tuples_only off

-- a component of more than 12 tables: no NOT NULL reference is deferred
DO $$
BEGIN
  FOR n IN 1..20 LOOP
    EXECUTE format('CREATE TABLE graph.ring%s (id int PRIMARY KEY)', to_char(n, 'FM00'));
  END LOOP;
  FOR n IN 1..20 LOOP
    EXECUTE format('ALTER TABLE graph.ring%s ADD next int %s REFERENCES graph.ring%s',
      to_char(n, 'FM00'), CASE WHEN n <> 13 THEN 'NOT NULL' ELSE '' END, to_char(n % 20 + 1, 'FM00'));
  END LOOP;
END $$;
SELECT level, source, "references" FROM convex_plan() WHERE source::text LIKE '%ring%' AND "references"::text LIKE '%deferred%';
-- a chain of 64 is no circle
CREATE SCHEMA chain;
ALTER SERVER convex OPTIONS (SET schemas 'chain');
DO $$
BEGIN
  CREATE TABLE chain.t00 (id int PRIMARY KEY);
  FOR n IN 1..63 LOOP
    EXECUTE format('CREATE TABLE chain.t%s (id int PRIMARY KEY, up int REFERENCES chain.t%s)',
      to_char(64 - n, 'FM00'), CASE WHEN n = 1 THEN '00' ELSE to_char(65 - n, 'FM00') END);
  END LOOP;
END $$;
SELECT max(level), count(*) FILTER (WHERE "references"::text LIKE '%deferred%') AS deferred FROM convex_plan();

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA firm, graph, quotes, chain CASCADE;
DROP EXTENSION convex_migrate CASCADE;
