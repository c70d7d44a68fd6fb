-- What happens to rows and runs that fail. Needs the local Convex with
-- tests/regress/convex; tests/run.sh gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
SET convex_migrate.progress_interval = -1;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'library', concurrency '1', batch_rows '8');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE SCHEMA library;
CREATE TABLE library.authors (id int PRIMARY KEY, name text NOT NULL, age bigint);
CREATE TABLE library.books (
  id int PRIMARY KEY, title text NOT NULL,
  author_id int REFERENCES library.authors,
  translator_id int REFERENCES library.authors);
CREATE VIEW rejects AS
  SELECT source, key, reason, role = current_user::regrole AS mine
  FROM convex_rejects ORDER BY source::text, key;

-- the function refuses one, the encoder another, the rest goes on; children
-- of what did not go are orphans
INSERT INTO library.authors SELECT n, 'author ' || n, n FROM generate_series(1, 10) n;
UPDATE library.authors SET name = 'refused' WHERE id = 3;
UPDATE library.authors SET age = 9007199254740993 WHERE id = 7;
INSERT INTO library.books SELECT n, 'book ' || n, n FROM generate_series(1, 10) n;
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT * FROM rejects;

-- orphans by the other policies
ALTER SERVER convex OPTIONS (ADD orphans 'null');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
ALTER SERVER convex OPTIONS (SET orphans 'keep');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT * FROM rejects;
ALTER SERVER convex OPTIONS (DROP orphans);
UPDATE library.authors SET name = 'author ' || id, age = id;

-- a function that throws fails its batch: halves find the culprits
UPDATE library.books SET title = 'throw' WHERE id IN (2, 9);
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT * FROM rejects;
UPDATE library.books SET title = 'book';

-- a new run on a table replaces what the last one left
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT count(*) FROM rejects;

-- parents outside the call and without a map: no old key goes as an id
DROP TABLE convex_id_map;
SELECT source, rows_read, migrated, failed, status FROM convex_migrate(tables => '{library.books}');
SELECT * FROM rejects LIMIT 2;

-- argument validation: the whole batch fails, the path names the record
CREATE SCHEMA typed;
CREATE TABLE typed.authors (id int PRIMARY KEY, name text NOT NULL, age text);
INSERT INTO typed.authors SELECT n, 'author ' || n FROM generate_series(1, 20) n;
UPDATE typed.authors SET age = 'old' WHERE id IN (5, 6);
ALTER SERVER convex OPTIONS (SET schemas 'typed');
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
SELECT * FROM rejects WHERE source = 'typed.authors'::regclass;

-- everything is refused: a small table yields rejects, a large one stops
CREATE SCHEMA broken;
ALTER SERVER convex OPTIONS (SET schemas 'broken');
CREATE TABLE broken.hopeless (id int PRIMARY KEY, field int);
INSERT INTO broken.hopeless SELECT n, n FROM generate_series(1, 10) n;
SELECT source, rows_read, migrated, failed, status FROM convex_migrate();
INSERT INTO broken.hopeless SELECT n, n FROM generate_series(11, 200) n;
SELECT * FROM convex_migrate();
DROP TABLE broken.hopeless;

-- answers that break the contract
CREATE TABLE broken.silent (id int PRIMARY KEY);
INSERT INTO broken.silent VALUES (1), (2);
SELECT * FROM convex_migrate();
ALTER TABLE broken.silent RENAME TO forgetful;
SELECT * FROM convex_migrate();
ALTER TABLE broken.forgetful RENAME TO stammering;
SELECT * FROM convex_migrate();
ALTER TABLE broken.stammering RENAME TO inventive;
SELECT * FROM convex_migrate();
DROP TABLE broken.inventive;

-- functions that are not there, or others than the name says
CREATE TABLE broken.readers (id int PRIMARY KEY);
CREATE TABLE broken.shelves (id int PRIMARY KEY);
CREATE TABLE broken.unknown_things (id int PRIMARY KEY);
SELECT * FROM convex_migrate();
ALTER SERVER convex OPTIONS (ADD functions 'admin/nowhere');
SELECT * FROM convex_migrate(tables => '{broken.readers}');
ALTER SERVER convex OPTIONS (DROP functions);

-- the key is wrong, or for another deployment
ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (SET deploy_key 'dev:local-convex-000|wrong');
SELECT * FROM convex_migrate();
ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (SET deploy_key 'dev:other-animal-456|x');
SELECT * FROM convex_migrate();

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA library, typed, broken CASCADE;
DROP EXTENSION convex_migrate CASCADE;
