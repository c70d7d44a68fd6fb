-- Generated functions that are not those for the tables any more: each kind of
-- difference, and what is no difference. Needs the local Convex; tests/run.sh
-- gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
\set folder `mktemp -d`
\setenv FOLDER :folder
\set schema_file :folder '/schema.ts'
\set functions_file :folder '/migrate.ts'
SET convex_migrate.progress_interval = -1;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'library');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE SCHEMA library;
CREATE TYPE library.mood AS ENUM ('sad', 'happy');
CREATE TABLE library.authors (id int PRIMARY KEY, name text NOT NULL, mood library.mood NOT NULL, data jsonb);
CREATE TABLE library.books (id int PRIMARY KEY, title text NOT NULL, price numeric(8, 2), author_id int NOT NULL REFERENCES library.authors);
INSERT INTO library.authors VALUES (1, 'Ada', 'happy', '{"a": 1}'), (2, 'Bob', 'happy', NULL);
INSERT INTO library.books VALUES (1, 'x', 1.5, 1), (2, 'y', NULL, 2);
CREATE VIEW run AS SELECT source, migrated, failed FROM convex_migrate();
-- what a user does: the texts into files, and a deploy
\i tests/regress/generate.sql
\! node tests/regress/local.mjs functions "$FOLDER"

-- nothing differs; comments and indexes do not count
SELECT * FROM run;
COMMENT ON COLUMN library.authors.name IS 'as printed';
CREATE INDEX ON library.books (title);
SELECT * FROM run;
\! node tests/regress/local.mjs functions "$FOLDER"

-- a new column
ALTER TABLE library.authors ADD born date;
SELECT * FROM run;
-- only the tables of the call count
SELECT source, migrated, failed FROM convex_migrate(tables => '{library.books}');
ALTER TABLE library.authors DROP born;

-- a required column that is gone
ALTER TABLE library.authors RENAME name TO called;
SELECT * FROM run;
ALTER TABLE library.authors RENAME called TO name;

-- another type
ALTER TABLE library.books ALTER title TYPE int USING 1;
SELECT * FROM run;
ALTER TABLE library.books ALTER title TYPE text USING 'x';

-- NULL is allowed; the other way round is fine
ALTER TABLE library.books ALTER title DROP NOT NULL;
SELECT * FROM run;
ALTER TABLE library.books ALTER title SET NOT NULL;
UPDATE library.books SET price = 2;
ALTER TABLE library.books ALTER price SET NOT NULL;
SELECT * FROM run;
ALTER TABLE library.books ALTER price DROP NOT NULL;

-- a reference that is none any more, and one that may be NULL
ALTER TABLE library.books DROP CONSTRAINT books_author_id_fkey;
SELECT * FROM run;
ALTER TABLE library.books ADD FOREIGN KEY (author_id) REFERENCES library.authors, ALTER author_id DROP NOT NULL;
SELECT * FROM run;
ALTER TABLE library.books ALTER author_id SET NOT NULL;

-- a label that an enum has got; one less is fine, and a CHECK with the same
ALTER TYPE library.mood ADD VALUE 'tired';
SELECT * FROM run;
ALTER TABLE library.authors ALTER mood TYPE text, ADD CONSTRAINT moods CHECK (mood IN ('happy'));
SELECT * FROM run;
ALTER TABLE library.authors DROP CONSTRAINT moods, ADD CONSTRAINT moods CHECK (mood IN ('sad', 'happy'));
SELECT * FROM run;

-- other options
ALTER SERVER convex OPTIONS (ADD nulls 'null', ADD numeric 'string');
SELECT * FROM run;
ALTER SERVER convex OPTIONS (DROP nulls, DROP numeric, ADD orphans 'keep');
SELECT * FROM run;
ALTER SERVER convex OPTIONS (DROP orphans, ADD key_field 'legacyId');
SELECT * FROM run;
ALTER SERVER convex OPTIONS (DROP key_field, ADD functions 'admin/migrate');
SELECT * FROM run;
ALTER SERVER convex OPTIONS (DROP functions);

-- a choice for a column
INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'library.books', 'price', 'string');
SELECT * FROM run;
DELETE FROM convex_columns;

-- a table that is not there
CREATE TABLE library.readers (id int PRIMARY KEY);
SELECT * FROM run;
DROP TABLE library.readers;

-- nothing of all that was sent, but for the runs above that were fine
\! node tests/regress/local.mjs mutations

-- many at once, with a long union
CREATE TABLE library.many (id int PRIMARY KEY, long_one text CHECK (long_one IN ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccccccccccccccccccccccccccccccc', 'ddddddddddddddddddddddddddddd')),
  a int, b int, c int, d int, e int, f int, g int, h int, i int, j int);
\i tests/regress/generate.sql
\! node tests/regress/local.mjs functions "$FOLDER"
ALTER TABLE library.many DROP CONSTRAINT many_long_one_check, ADD k int, ALTER long_one TYPE int USING 1, ALTER a TYPE text, ALTER b TYPE text, ALTER c TYPE text,
  ALTER d TYPE text, ALTER e TYPE text, ALTER f TYPE text, ALTER g TYPE text, ALTER h TYPE text, ALTER i TYPE text, ALTER j TYPE text;
SELECT * FROM run;
DROP TABLE library.many;

-- nothing of it was sent
\! node tests/regress/local.mjs mutations

-- schema.ts was edited, the tables are as they were: narrower by hand is fine,
-- what cannot fit is not, and the hint says which file
\i tests/regress/generate.sql
\! cp "$FOLDER/schema.ts" "$FOLDER/schema.saved"
\! sed -i -e 's/v.any()/v.object({ a: v.number() })/' -e 's/title: v.string()/title: v.union(v.literal("x"), v.literal("y"))/' "$FOLDER/schema.ts"
\! node tests/regress/local.mjs functions "$FOLDER"
SELECT * FROM run;
\! sed -e 's/title: v.string()/title: v.number()/' "$FOLDER/schema.saved" > "$FOLDER/schema.ts"
\! node tests/regress/local.mjs functions "$FOLDER"
SELECT * FROM run;
\! sed -e 's/title: v.string(),/& isbn: v.string(),/' "$FOLDER/schema.saved" > "$FOLDER/schema.ts"
\! node tests/regress/local.mjs functions "$FOLDER"
-- a field that only the app knows is no argument; documents that are there may have it, new ones will not
SELECT * FROM run;
SELECT key, left(reason, 90) AS reason FROM convex_rejects ORDER BY key;

-- tables that are not in the default export have no index
\! sed -e 's/defineSchema(tables)/defineSchema({ authors: tables.authors })/' "$FOLDER/schema.saved" > "$FOLDER/schema.ts"
\! node tests/regress/local.mjs functions "$FOLDER"
SELECT * FROM run;
SELECT source, migrated, failed FROM convex_migrate(tables => '{library.authors}');
\! rm -r "$FOLDER"

\set VERBOSITY terse
SET client_min_messages = warning;
DROP VIEW run;
DROP SCHEMA library CASCADE;
DROP EXTENSION convex_migrate CASCADE;
