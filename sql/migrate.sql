-- convex_migrate(): rows, references, the report, the map. Needs the local
-- Convex with tests/regress/convex; tests/run.sh gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'library', batch_rows '4');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE SCHEMA library;
CREATE TABLE library.authors (id uuid PRIMARY KEY, name text NOT NULL, age int);
CREATE TABLE library.books (
  isbn bigint PRIMARY KEY,
  title text NOT NULL,
  author_id uuid REFERENCES library.authors,
  translator_id uuid REFERENCES library.authors);
ALTER TABLE library.books RENAME isbn TO id;
INSERT INTO library.authors
  SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'author ' || n, nullif(n * 10, 30)
  FROM generate_series(1, 5) n;
INSERT INTO library.books
  SELECT n, 'book ' || n,
    ('00000000-0000-0000-0000-00000000000' || n % 5 + 1)::uuid,
    CASE WHEN n % 2 = 0 THEN '00000000-0000-0000-0000-000000000005'::uuid END
  FROM generate_series(1, 10) n;

-- a run; elapsed is not shown, it differs
SELECT source, target, rows_read, migrated, failed, bytes, batches, retries, status
FROM convex_migrate();

-- the map stays in the session
SELECT source, key, convex_id ~ '^[0-9a-z]{32}$' AS id
FROM convex_id_map ORDER BY source::text, key;

-- again, with the same ids
CREATE TEMP TABLE before AS SELECT * FROM convex_id_map;
SELECT source, migrated, failed, status FROM convex_migrate();
SELECT count(*) FROM (SELECT * FROM before EXCEPT SELECT * FROM convex_id_map) lost;
SELECT count(*) FROM convex_id_map;

-- some tables: references to others come from the map
SELECT source, migrated, failed, status FROM convex_migrate(tables => '{library.books}');
SELECT source, count(*) FROM convex_id_map GROUP BY source ORDER BY 1;
SELECT (convex_document(b)::json ->> 'author_id') = m.convex_id AS reference
FROM library.books b JOIN convex_id_map m ON m.key = b.author_id::text
WHERE b.id = 1;

-- a row that somebody adds to the map must not double children
INSERT INTO convex_id_map SELECT * FROM convex_id_map WHERE source = 'library.authors'::regclass LIMIT 1;
SELECT * FROM convex_migrate(tables => '{library.books}');

-- a map that somebody else made is not touched
DROP TABLE convex_id_map;
CREATE TEMP TABLE convex_id_map (source regclass, key text, convex_id text);
SELECT * FROM convex_migrate();
DROP TABLE convex_id_map;

-- progress for every batch, and none at all
ALTER SERVER convex OPTIONS (ADD concurrency '1');
SET convex_migrate.progress_interval = 0;
SELECT count(*) FROM convex_migrate();
ANALYZE library.books;
SELECT count(*) FROM convex_migrate(tables => '{library.books}');
SET convex_migrate.progress_interval = -1;
SELECT count(*) FROM convex_migrate();

-- rows that are not there any more are no news
DELETE FROM library.books;
SELECT source, rows_read, migrated, failed, bytes, batches, status FROM convex_migrate();

-- a table without a key: equal rows are so many documents, a second run finds
-- each again; references to it and from it work
SET convex_migrate.progress_interval = -1;
ALTER SERVER convex OPTIONS (SET schemas 'keyless');
CREATE SCHEMA keyless;
CREATE TABLE keyless.authors (name text, age int UNIQUE);
CREATE TABLE keyless.books (title text, author_id int REFERENCES keyless.authors (age));
INSERT INTO keyless.authors VALUES ('nobody', NULL), ('nobody', NULL), ('nobody', 7);
INSERT INTO keyless.books VALUES ('book', 7), ('book', 7), ('book', NULL);
SELECT source, target, rows_read, migrated, failed, status FROM convex_migrate();
CREATE TEMP TABLE keyless_before AS SELECT * FROM convex_id_map;
SELECT source, target, rows_read, migrated, failed, status FROM convex_migrate();
SELECT count(*), count(DISTINCT convex_id) FROM (SELECT * FROM keyless_before INTERSECT SELECT * FROM convex_id_map) same;

-- choices per table: rows that the filter holds back take their children along;
-- another key than the primary key, references to it still by the primary key
ALTER SERVER convex OPTIONS (SET schemas 'chosen');
CREATE SCHEMA chosen;
CREATE TABLE chosen.authors (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE chosen.books (id int PRIMARY KEY, title text, author_id int REFERENCES chosen.authors);
INSERT INTO chosen.authors VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO chosen.books VALUES (11, 'by Ada', 1), (12, 'by Bob', 2), (13, 'by Cid', 3);
INSERT INTO convex_tables (server, source, key, filter) VALUES ('convex', 'chosen.authors', '{name}', 'name <> ''Bob''');
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'chosen.authors', 'id', true);
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT key FROM convex_id_map WHERE source = 'chosen.authors'::regclass ORDER BY 1;
SELECT source, key, reason FROM convex_rejects;

-- another key in the same session: earlier ids of the table mean nothing
UPDATE convex_tables SET key = NULL, filter = NULL;
SELECT source, migrated, failed FROM convex_migrate(tables => '{chosen.books}');

-- keys with a collation of their own, and another one on the side that points
CREATE COLLATION public.regress_convex_collation FROM "C";
CREATE SCHEMA collated;
ALTER SERVER convex OPTIONS (SET schemas 'collated');
CREATE TABLE collated.authors (name text COLLATE public.regress_convex_collation PRIMARY KEY);
CREATE TABLE collated.books (id int PRIMARY KEY, title text, author_id text COLLATE "POSIX" REFERENCES collated.authors);
INSERT INTO collated.authors VALUES ('a'), ('B');
INSERT INTO collated.books VALUES (1, 'x', 'a'), (2, 'y', 'B');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();

-- what the executor refuses is refused before anything is sent
CREATE SCHEMA refused;
ALTER SERVER convex OPTIONS (SET schemas 'refused');
CREATE TABLE refused.authors (id int PRIMARY KEY, name text, made json);
INSERT INTO refused.authors VALUES (1, 'x'), (0, 'y');
INSERT INTO convex_tables (server, source, creation_time) VALUES ('convex', 'refused.authors', 'made');
SELECT * FROM convex_migrate();
UPDATE convex_tables SET creation_time = NULL, filter = '1 / id > 0' WHERE creation_time = 'made';
SELECT * FROM convex_migrate();

-- a view, with a part of what a table has; inherited and partitioned tables,
-- each row once
CREATE SCHEMA views;
ALTER SERVER convex OPTIONS (SET schemas 'views');
CREATE VIEW views.authors AS SELECT name, id AS age FROM chosen.authors WHERE id < 3;
SELECT source, rows_read, migrated, failed, status FROM convex_migrate(tables => '{views.authors}');
CREATE SCHEMA parts;
ALTER SERVER convex OPTIONS (SET schemas 'parts');
CREATE TABLE parts.authors (id int, name text, age int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts.low PARTITION OF parts.authors FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
CREATE TABLE parts.lowest PARTITION OF parts.low FOR VALUES FROM (0) TO (5);
CREATE TABLE parts.low_rest PARTITION OF parts.low DEFAULT;
CREATE TABLE parts.rest PARTITION OF parts.authors DEFAULT;
CREATE TABLE parts.books (id int, title text, author_id int REFERENCES parts.authors, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE parts.books_0 PARTITION OF parts.books FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts.books_1 PARTITION OF parts.books FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts.authors SELECT n, 'author ' || n FROM generate_series(1, 20) n;
INSERT INTO parts.books SELECT n, 'book', n FROM generate_series(1, 20) n;
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
CREATE SCHEMA kin;
ALTER SERVER convex OPTIONS (SET schemas 'kin');
CREATE TABLE kin.authors (id int PRIMARY KEY, name text);
CREATE TABLE kin.books (PRIMARY KEY (id), title text) INHERITS (kin.authors);
INSERT INTO kin.authors VALUES (1, 'own');
INSERT INTO kin.books VALUES (2, 'of the child');
SELECT source, rows_read FROM convex_migrate(tables => '{kin.authors}');

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA library, keyless, chosen, views, parts, kin, collated, refused CASCADE;
DROP COLLATION public.regress_convex_collation;
DROP EXTENSION convex_migrate CASCADE;
