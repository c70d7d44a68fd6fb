-- convex_export(): who may, where to, and what is in the file. The deployment
-- cannot be reached. The file is read by unzip; tests/e2e compares all of it.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shop', max_retries '0');
CREATE USER MAPPING FOR PUBLIC SERVER convex OPTIONS (deploy_key 'dev:local|x');
CREATE SCHEMA shop;
CREATE TABLE shop.customers (
  id uuid PRIMARY KEY, name text, big bigint, created_at timestamptz, referred_by uuid REFERENCES shop.customers);
CREATE TABLE shop.orders (
  no int PRIMARY KEY, customer_id uuid NOT NULL REFERENCES shop.customers, total numeric(8,2), placed date);
INSERT INTO shop.customers VALUES
  ('00000000-0000-0000-0000-000000000000', 'Ada', 1, '2026-01-01 00:00:00.000001+00', NULL),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', E'B\nö', 2, '1969-12-31 00:00:00+00', '00000000-0000-0000-0000-000000000000'),
  ('123e4567-e89b-12d3-a456-426614174000', NULL, 3, 'infinity', '123e4567-e89b-12d3-a456-426614174000');
INSERT INTO shop.orders VALUES (1, '123e4567-e89b-12d3-a456-426614174000', 9.50, '2026-01-02'),
  (2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', -1, NULL);
SELECT current_setting('data_directory') || '/convex_export' AS folder \gset
CREATE TABLE lines (n serial, line text);
CREATE FUNCTION run(command text, folder text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('COPY lines (line) FROM PROGRAM %L', format(command, folder));
END$$;
SELECT run('rm -rf %L', :'folder'), run('mkdir %L', :'folder');
SELECT :'folder' || '/all.zip' AS file \gset
-- the lines of an entry of the file
CREATE FUNCTION entry(file text, name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE lines RESTART IDENTITY;
  EXECUTE format($copy$COPY lines (line) FROM PROGRAM %L (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')$copy$,
    format('unzip -p %L %L', file, name));
  RETURN QUERY SELECT line FROM lines ORDER BY n;
END$$;

-- who may, and where to
CREATE ROLE regress_convex_export;
GRANT USAGE ON FOREIGN SERVER convex TO regress_convex_export;
GRANT USAGE ON SCHEMA shop TO regress_convex_export;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO regress_convex_export;
SET ROLE regress_convex_export;
SELECT * FROM convex_export('/tmp');
RESET ROLE;
SELECT * FROM convex_export(NULL);
SELECT * FROM convex_export('all.zip');
SELECT * FROM convex_export(:'file', server => 'nowhere');
-- ids of keys that are no uuids take a secret
SELECT * FROM convex_export(:'file');
ALTER SERVER convex OPTIONS (ADD id_salt 'no secret of anybody');
SET client_min_messages = error;
SELECT * FROM convex_export('/tmp');
SELECT * FROM convex_export('/dev/null');
SELECT * FROM convex_export('/nowhere/at/all.zip');
RESET client_min_messages;

-- numbers as a deployment has them that has nothing else
CREATE VIEW report AS SELECT 1;
SELECT source, target, rows_read, exported, failed, orphans, bytes, status FROM convex_export(:'file');
SELECT entry(:'file', '_tables/documents.jsonl');
SELECT entry(:'file', 'customers/documents.jsonl');
SELECT entry(:'file', 'customers/generated_schema.jsonl');
SELECT entry(:'file', 'orders/documents.jsonl');
-- nothing was learnt; one table alone has the number that it has among all
SELECT convex_id('shop.orders', '1'), (SELECT count(*) FROM convex_targets);
SET client_min_messages = error;
SELECT source, exported FROM convex_export(:'file', tables => '{shop.orders}');
SELECT entry(:'file', '_tables/documents.jsonl');
SELECT entry(:'file', 'orders/documents.jsonl') LIMIT 1;
-- without a key nobody is asked
DROP USER MAPPING FOR PUBLIC SERVER convex;
SET client_min_messages = warning;
SELECT source, exported FROM convex_export(:'file', tables => '{shop.orders}');
SET client_min_messages = error;

-- options: how values go, how the file is compressed; a file that is there is replaced
ALTER SERVER convex OPTIONS (ADD int8 'int64', ADD nulls 'null', ADD compression 'none');
SELECT count(*) FROM convex_export(:'file');
SELECT entry(:'file', 'customers/documents.jsonl');
SELECT position('"name":"Ada"'::bytea IN pg_read_binary_file(:'file')) > 0 AS readable;
ALTER SERVER convex OPTIONS (SET compression 'brotli');
ALTER SERVER convex OPTIONS (SET compression 'zstd');
SELECT count(*) FROM convex_export(:'file');
SELECT position('"name":"Ada"'::bytea IN pg_read_binary_file(:'file')) > 0 AS readable;
ALTER SERVER convex OPTIONS (DROP compression, DROP int8, DROP nulls);

-- times: of a column that is chosen, that need not be a field; a date; none
INSERT INTO convex_tables (server, source, creation_time) VALUES ('convex', 'shop.orders', 'placed');
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES
  ('convex', 'shop.customers', 'created_at', true), ('convex', 'shop.customers', 'referred_by', true);
SELECT count(*) FROM convex_export(:'file');
SELECT entry(:'file', 'customers/documents.jsonl');
SELECT entry(:'file', 'orders/documents.jsonl');
UPDATE convex_tables SET creation_time = 'total';
SELECT count(*) FROM convex_export(:'file');
SELECT entry(:'file', 'orders/documents.jsonl') LIMIT 1;
DELETE FROM convex_tables;
DELETE FROM convex_columns;

-- rows that do not go, and those that they take along: through the circle of
-- customers and all that is below
ALTER TABLE shop.customers ADD COLUMN extra jsonb;
UPDATE shop.customers SET extra = '{"$no": 1}' WHERE name = 'Ada';
SELECT source, rows_read, exported, failed, orphans, status FROM convex_export(:'file');
SELECT source, key, reason FROM convex_rejects ORDER BY source::text, key;
SELECT line::jsonb ->> 'name' AS name, line::jsonb ? 'referred_by' AS refers FROM entry(:'file', 'customers/documents.jsonl') AS line;
ALTER SERVER convex OPTIONS (ADD orphans 'keep');
SELECT source, exported, failed, orphans FROM convex_export(:'file');
SELECT entry(:'file', 'customers/documents.jsonl');
ALTER SERVER convex OPTIONS (SET orphans 'null');
UPDATE shop.orders SET customer_id = '00000000-0000-0000-0000-000000000000' WHERE no = 1;
SELECT source, exported, failed, orphans FROM convex_export(:'file');
SELECT entry(:'file', 'orders/documents.jsonl');
ALTER SERVER convex OPTIONS (SET orphans 'reject');
SELECT source, exported, failed, orphans FROM convex_export(:'file');
-- nothing can be written: then it is said
SET client_min_messages = warning;
BEGIN READ ONLY;
SELECT source, exported, failed FROM convex_export(:'file', tables => '{shop.customers, shop.orders}');
COMMIT;
SET client_min_messages = error;
UPDATE shop.customers SET extra = NULL;
-- a filter leaves rows out, and what points to them is an orphan
INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'shop.customers', 'big > 1');
SELECT source, exported, failed FROM convex_export(:'file');
-- a table that is pointed to and not among those of the call has its rows all the same
SELECT source, exported, failed FROM convex_export(:'file', tables => '{shop.orders}');
DELETE FROM convex_tables;

-- the key of a parent that prints otherwise is the parent's
CREATE TABLE shop.prices (amount numeric PRIMARY KEY);
CREATE TABLE shop.offers (id uuid PRIMARY KEY, amount numeric REFERENCES shop.prices, customer_id uuid);
INSERT INTO shop.prices VALUES (1.50);
INSERT INTO shop.offers VALUES ('00000000-0000-0000-0000-000000000001', 1.5, '00000000-0000-0000-0000-00000000dead');
INSERT INTO convex_columns (server, source, source_column, target_reference)
  VALUES ('convex', 'shop.offers', 'customer_id', 'shop.customers(id)');
ALTER SERVER convex OPTIONS (SET orphans 'null');
SELECT source, exported, orphans FROM convex_export(:'file', tables => '{shop.prices, shop.offers}');
SELECT (SELECT line::jsonb -> '_id' FROM entry(:'file', 'prices/documents.jsonl') AS line) = line::jsonb -> 'amount' AS matched,
       line::jsonb ? 'customer_id' AS orphan FROM entry(:'file', 'offers/documents.jsonl') AS line;
-- a constraint that is trusted is not looked after, a reference that is declared here is
ALTER SERVER convex OPTIONS (ADD trust_constraints 'on');
SELECT source, exported, orphans FROM convex_export(:'file', tables => '{shop.prices, shop.offers}');
ALTER TABLE shop.offers ADD FOREIGN KEY (customer_id) REFERENCES shop.customers NOT VALID;
DELETE FROM convex_columns;
SELECT source, orphans FROM convex_export(:'file', tables => '{shop.offers}') WHERE source IS NOT NULL;
UPDATE pg_constraint SET convalidated = true WHERE conname = 'offers_customer_id_fkey';
SELECT source, orphans FROM convex_export(:'file', tables => '{shop.offers}') WHERE source IS NOT NULL;
SELECT convex_uuid(line::jsonb ->> 'customer_id') FROM entry(:'file', 'offers/documents.jsonl') AS line;
ALTER SERVER convex OPTIONS (DROP trust_constraints, SET orphans 'reject');
DROP TABLE shop.offers, shop.prices;

-- two rows have one id: here since an index is not what it says
CREATE TABLE shop.twice (code text NOT NULL UNIQUE);
UPDATE pg_index SET indisunique = false WHERE indexrelid = 'shop.twice_code_key'::regclass;
INSERT INTO shop.twice VALUES ('b'), ('a'), ('c'), ('a');
UPDATE pg_index SET indisunique = true WHERE indexrelid = 'shop.twice_code_key'::regclass;
SET client_min_messages = error;
SELECT count(*) FROM convex_export(:'file', tables => '{shop.twice}');
DELETE FROM shop.twice WHERE ctid = '(0,2)';
SELECT count(*) FROM convex_export(:'file', tables => '{shop.twice}');
DROP TABLE shop.twice;
-- rows without a key are told apart
CREATE TABLE shop.twice (code text);
INSERT INTO shop.twice VALUES ('a'), ('b'), ('a');
SELECT count(*) FROM convex_export(:'file', tables => '{shop.twice}');
SELECT count(DISTINCT line::jsonb ->> '_id') FROM entry(:'file', 'twice/documents.jsonl') AS line;
DROP TABLE shop.twice;

-- what fails leaves the file as it was, and nothing else
CREATE VIEW shop.broken AS SELECT 1 / (n - 3000) AS id FROM generate_series(1, 4000) n;
SELECT count(*) FROM convex_export(:'file', tables => '{shop.broken}');
SET client_min_messages = warning;
DO $$
BEGIN
  PERFORM convex_export(current_setting('data_directory') || '/convex_export/all.zip', tables => '{shop.broken}');
EXCEPTION WHEN division_by_zero THEN
  RAISE WARNING 'caught; files: %', (SELECT array_agg(f) FROM pg_ls_dir('convex_export') AS f);
END$$;
SET client_min_messages = error;
SELECT pg_ls_dir('convex_export');
SELECT entry(:'file', '_tables/documents.jsonl');
DROP VIEW shop.broken;

-- rows that this transaction has written, as COPY has them
BEGIN;
INSERT INTO shop.orders VALUES (3, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 5, NULL);
SELECT source, exported FROM convex_export(:'file') WHERE source IS NOT NULL;
ROLLBACK;
-- a role that may write files, with row security
GRANT pg_write_server_files TO regress_convex_export;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
SET ROLE regress_convex_export;
SELECT count(*) FROM convex_export(:'file');
RESET ROLE;
ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON shop.customers FROM regress_convex_export;
SET ROLE regress_convex_export;
SELECT count(*) FROM convex_export(:'file', tables => '{shop.orders}');
RESET ROLE;
SELECT pg_ls_dir('convex_export');

SELECT run('rm -rf %L', :'folder');
DROP SCHEMA shop CASCADE;
DROP FUNCTION entry, run;
DROP TABLE lines;
DROP VIEW report;
DROP EXTENSION convex_migrate CASCADE;
REVOKE pg_write_server_files FROM regress_convex_export;
DROP ROLE regress_convex_export;
