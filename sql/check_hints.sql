-- convex_check(): what its lines say, and in which order. Needs no Convex.
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE SCHEMA app;
CREATE VIEW hints AS
  SELECT severity, source, source_column AS "column", problem, rows, hint FROM convex_check() WHERE problem <> 'creation_time';

-- columns that look like references: by table and "id", in the singular, by the key's own name, after another word;
-- texts of keys, arrays of them
CREATE TABLE app."user" (user_id uuid PRIMARY KEY, username text);
CREATE TABLE app.website (website_id uuid PRIMARY KEY, user_id uuid, domain text);
CREATE TABLE app.website_event (event_id uuid PRIMARY KEY, website_id uuid NOT NULL, url text);
CREATE TABLE app.posts (id bigint PRIMARY KEY, author_user_id uuid, parent_id bigint, title text);
CREATE TABLE app.comments (id bigint PRIMARY KEY, post_id int NOT NULL, "categoryId" int, body text);
CREATE TABLE app.categories (id int PRIMARY KEY);
CREATE TABLE app.boxes (id int PRIMARY KEY, parent_id int);
CREATE TABLE app.tags (id int PRIMARY KEY, user_ids uuid[], "postIds" text[], box_ids date[], website_ids jsonb);
CREATE TABLE app.items (id int PRIMARY KEY, box_id int, "BoxID" text, boxes_id int REFERENCES app.boxes, post_id text, external_id text, id_card int, parent_id text, tag_ids bigint[], box_ids int);
SELECT source, "column", hint FROM hints WHERE problem = 'undeclared_reference';
SELECT severity, problem, count(*) FROM hints GROUP BY 1, 2;
-- the statements do what they say
SELECT substring(hint FROM 'To declare it: (.*)') FROM hints WHERE problem = 'undeclared_reference' \gexec
SELECT source, "references" FROM convex_plan() WHERE "references" <> '{}';
SELECT count(*) FROM hints;
-- a choice that is there is changed
UPDATE convex_columns SET target_reference = NULL WHERE source = 'app.website'::regclass;
SELECT hint FROM hints;
SELECT substring(hint FROM 'To declare it: (.*)') FROM hints WHERE problem = 'undeclared_reference' \gexec
SELECT count(*) FROM hints;
DELETE FROM convex_columns;
DROP SCHEMA app CASCADE;

-- a pair of type and key
CREATE SCHEMA app;
CREATE TABLE app.comments (id bigserial PRIMARY KEY, commentable_type varchar NOT NULL, commentable_id bigint NOT NULL, "ownerType" text, "ownerId" text, kind_type int, kind_id int);
SELECT * FROM hints;
DROP SCHEMA app CASCADE;

-- constraints that validators enforce, all of them or in part, and others
CREATE SCHEMA app;
CREATE TABLE app.tickets (id int PRIMARY KEY, status text NOT NULL CHECK (status IN ('open', 'closed')), days smallint CHECK (days IN (1, 7, 14)));
SELECT * FROM hints;
ALTER TABLE app.tickets ADD CONSTRAINT a CHECK (status IN ('open', 'closed') AND length(status) > 3), ADD CONSTRAINT b CHECK (days > 0),
  ADD CONSTRAINT c CHECK (days < 10000000), ADD CONSTRAINT d CHECK (length(status) < 100), ADD CONSTRAINT e CHECK (status <> 'ajar' OR days IS NULL),
  ADD CONSTRAINT f CHECK (status <> 'halfopen' OR days IS NULL), ADD CONSTRAINT g CHECK (status <> repeat('long', 100));
SELECT * FROM hints;
INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'app.tickets', 'days', 'string');
SELECT hint FROM hints;
DELETE FROM convex_columns;
DROP SCHEMA app CASCADE;

-- errors first; what is the same for many tables is one line; of very many columns that may be NULL there is no error
CREATE SCHEMA app;
DO $$ BEGIN FOR n IN 1..25 LOOP EXECUTE format('CREATE TABLE app.log_%s (line text)', n); END LOOP; END $$;
CREATE TABLE app.zones (id int PRIMARY KEY, big bigint);
INSERT INTO app.zones VALUES (1, 9007199254740993);
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE app.wide (id int PRIMARY KEY, ' || string_agg('c' || n || ' int', ', ') || ')' FROM generate_series(1, 1100) n); END $$;
INSERT INTO app.wide (id, c7) VALUES (1, 1);
SELECT severity, source, problem, rows, left(hint, 150) AS hint FROM hints;
ALTER SERVER convex OPTIONS (ADD nulls 'null');
SELECT severity, source, problem, rows FROM hints WHERE problem = 'too_many_fields';
SELECT max(length(hint)) < 1000 AS "short" FROM hints;
DROP SCHEMA app CASCADE;

-- rows that are rejected: with the statement that lets them go, and then they do
CREATE SCHEMA app;
ALTER SERVER convex OPTIONS (DROP nulls);
CREATE TABLE app.rows (id int PRIMARY KEY, big bigint, exact numeric(15, 2)[], at timestamptz, data jsonb, board int[], marks text[], deep jsonb);
INSERT INTO app.rows (id, big) VALUES (1, 9007199254740993), (2, NULL);
UPDATE app.rows SET at = '4000-01-01 00:00:00.000001+00', data = '{"$ai": 1}', board = '{{1,0},{0,1}}', marks = '{a,NULL}', deep = '{"": 9007199254740993}' WHERE id = 2;
CREATE TABLE app.children (id int PRIMARY KEY, row_id int);
INSERT INTO app.children VALUES (1, 7), (2, 1);
ALTER TABLE app.children ADD CONSTRAINT to_rows FOREIGN KEY (row_id) REFERENCES app.rows NOT VALID;
DO $$ DECLARE statement text; BEGIN
  FOR i IN 1..20 LOOP
    SELECT substring(hint FROM '(?:To send such rows|to leave the field out): (.*)') INTO statement FROM hints WHERE severity = 'error' ORDER BY problem LIMIT 1;
    EXIT WHEN statement IS NULL;
    RAISE WARNING '%', statement;
    EXECUTE statement;
  END LOOP;
END $$;
SELECT * FROM hints WHERE severity = 'error';
SELECT convex_document(r) FROM app.rows r ORDER BY id;
DELETE FROM convex_columns;
DROP SCHEMA app CASCADE;

-- one line for each reason, not for each code
CREATE SCHEMA app;
CREATE TABLE app.events (id int PRIMARY KEY, properties jsonb, marks int[]);
INSERT INTO app.events VALUES (1, '{"$model": 1}'), (2, '{"a": [{"$set": 1}]}'), (3, '{"größe": 1}'), (4, '{"__proto__": {"x": 1}}'), (5, '{"": 1, "a b": 2}');
INSERT INTO app.events SELECT n, NULL, array_fill(1, ARRAY[8190 + n]) FROM generate_series(6, 8) n;
SELECT severity, source, "column", problem, rows, hint FROM hints;
DROP SCHEMA app CASCADE;

-- numbers that become strings; a key for each kind of table; tables that inherit
CREATE SCHEMA app;
CREATE TABLE app.orders (id int PRIMARY KEY, subtotal numeric NOT NULL, tax numeric(10, 2), rate numeric(20, 4), as_text numeric);
INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'app.orders', 'as_text', 'string');
SELECT * FROM hints;
SELECT substring(hint FROM 'To have a number, .*?: (.*?;)') FROM hints WHERE problem = 'numeric_string' \gexec
SELECT count(*) FROM hints;
DELETE FROM convex_columns;
SELECT substring(hint FROM 'For all such columns: (.*)') FROM hints WHERE problem = 'numeric_string' LIMIT 1 \gexec
SELECT count(*) FROM hints;
ALTER SERVER convex OPTIONS (DROP numeric);
CREATE TABLE app.plain (line text);
CREATE TABLE app.has_id (id int, line text);
CREATE TABLE app.could (line text, "ID" int NOT NULL);
CREATE TABLE app.parts (id int NOT NULL) PARTITION BY HASH (id);
CREATE VIEW app.seen AS SELECT 1 AS a;
CREATE TABLE app.base (id int PRIMARY KEY);
CREATE TABLE app.derived (PRIMARY KEY (id)) INHERITS (app.base);
SELECT h.severity, h.source, h.problem, h.hint FROM convex_check(tables => '{app.plain,app.has_id,app.could,app.parts,app.seen,app.base,app.derived}') h WHERE problem <> 'creation_time';
SELECT substring(hint FROM 'document: (ALTER TABLE [^.]*[.](?:plain|has_id|could) .*)') FROM hints WHERE problem = 'no_key' \gexec
SELECT source, key FROM convex_plan();
DROP SCHEMA app CASCADE;

-- a graph that Mermaid does not draw by default says so
CREATE SCHEMA app;
CREATE TABLE app.root (id int PRIMARY KEY);
DO $$ BEGIN FOR n IN 1..251 LOOP EXECUTE format('CREATE TABLE app.t%s (a int REFERENCES app.root, b int REFERENCES app.root)', n); END LOOP; END $$;
SELECT left(convex_plan_graph(), 130);
SET client_min_messages = notice;
SELECT convex_plan_graph() ~ '^%% ';
SELECT convex_plan_graph(tables => ARRAY(SELECT source FROM convex_plan() WHERE level < 1));
SELECT convex_plan_graph(tables => ARRAY(SELECT confrelid::regclass FROM pg_constraint WHERE conrelid = 'app.t99'::regclass AND contype = 'f') || 'app.t99'::regclass);
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION convex_migrate CASCADE;
