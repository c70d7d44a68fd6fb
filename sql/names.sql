-- What tables, fields and references are called in Convex, and how a name is
-- chosen. (Names that clash or are too long: shape_names.sql. End to end:
-- tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE VIEW fields AS
  SELECT p.target, string_agg(j.key, ' ' ORDER BY j.key) AS fields, p."references", p.notes
  FROM convex_plan() p LEFT JOIN LATERAL (
    SELECT (regexp_matches(convex_schema(tables => ARRAY[p.source]), '^    (\w+): v\.', 'gm'))[1] AS key) j ON true
  GROUP BY 1, 3, 4 ORDER BY 1;

-- capitals, and abbreviations in capitals
CREATE SCHEMA app;
CREATE TABLE app."CUSTOMERS" ("ID" int PRIMARY KEY, "FULL_NAME" text, "CREATED_AT" timestamptz);
CREATE TABLE app."ORDER_ITEMS" ("ID" int PRIMARY KEY, "CUSTOMER_ID" int REFERENCES app."CUSTOMERS");
CREATE TABLE app."SMSLog" (id int PRIMARY KEY, "userID" int, "APIKey" text, "URL" text, "SHA256Hash" text, "iOSVersion" int, x_ID int);
CREATE TABLE app."APIKeys" (id int PRIMARY KEY, v2 int, "V2API" int);
SELECT target, fields, "references" FROM fields;
ALTER SERVER convex OPTIONS (ADD field_case 'camel');
SELECT target, fields, "references" FROM fields;
ALTER SERVER convex OPTIONS (ADD table_case 'snake', SET field_case 'snake');
SELECT target, fields, "references" FROM fields;
ALTER SERVER convex OPTIONS (DROP table_case, DROP field_case);
SET client_min_messages = error;
DROP SCHEMA app CASCADE;
SET client_min_messages = warning;

-- other scripts
CREATE SCHEMA app;
CREATE TABLE app."用户" ("编号" int PRIMARY KEY, "姓名" text, "邮箱" text);
CREATE TABLE app."订单" ("编号" int PRIMARY KEY, "用户编号" int REFERENCES app."用户", "金额" numeric(10,2));
CREATE TABLE app."商品" ("编号" int PRIMARY KEY, "姓名" text);
CREATE TABLE app."Пользователь" ("Имя" text PRIMARY KEY, "объём" int, "Щека" int, "ь" int);
CREATE TABLE app."Café_Größe" (id int PRIMARY KEY, "prénom" text, "ıŁß" text, "Ærø" int);
CREATE TABLE app."заказы" (id int PRIMARY KEY, "имя" text, "адрес" text);
CREATE TABLE app."Server Today" (id int PRIMARY KEY, "Just A Server" text, "100%" int, "%" int, "…" int, "___" int);
CREATE TABLE app."Ελληνικά" (id int PRIMARY KEY, "τιμή" int, "Χώρα" int);
CREATE TABLE app."고객" (id int PRIMARY KEY, "이름" int);
CREATE TABLE app."顧客の住所と電話番号と電子メールアドレス" (id int PRIMARY KEY, "ＡＢＣ" int, "x😀" int);
SELECT target, fields FROM fields;
SET client_min_messages = error;
DROP SCHEMA app CASCADE;
SET client_min_messages = warning;

-- references of several columns: the field of the column that is their own
CREATE SCHEMA app;
CREATE TABLE app.tenants (id int PRIMARY KEY);
CREATE TABLE app.members (tenant_id int REFERENCES app.tenants, id int, name text, PRIMARY KEY (tenant_id, id));
CREATE TABLE app.tasks (tenant_id int NOT NULL REFERENCES app.tenants, id int, created_by int NOT NULL, updated_by int, parent_id int,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT task_creator FOREIGN KEY (tenant_id, created_by) REFERENCES app.members,
  CONSTRAINT task_updater FOREIGN KEY (tenant_id, updated_by) REFERENCES app.members,
  CONSTRAINT task_parent FOREIGN KEY (tenant_id, parent_id) REFERENCES app.tasks);
CREATE INDEX ON app.tasks (tenant_id, created_by);
-- one without a column of its own, and one whose others may be NULL: a field beside those of the columns
CREATE TABLE app.loose (id int PRIMARY KEY, t int, m int, t2 int REFERENCES app.tenants, m2 int,
  FOREIGN KEY (t, m) REFERENCES app.members, FOREIGN KEY (t2, m2) REFERENCES app.members MATCH FULL);
INSERT INTO app.tenants VALUES (1), (2);
INSERT INTO app.members VALUES (1, 1, 'ann'), (1, 2, 'bob"'), (2, 1, 'cy');
INSERT INTO app.tasks VALUES (1, 10, 1, 2, NULL), (1, 11, 2, NULL, 10), (2, 10, 1, NULL, NULL);
INSERT INTO app.loose VALUES (1, 1, 1, 2, 1), (2, 99, NULL, NULL, NULL), (3, NULL, 7, NULL, NULL);
SELECT target, fields, "references" FROM fields;
SELECT convex_document(t) FROM app.tasks t ORDER BY tenant_id, id;
SELECT convex_document(l) FROM app.loose l ORDER BY id;
-- other names, for a column and for a constraint
INSERT INTO convex_columns (server, source, source_column, target) VALUES
  ('convex', 'app.tasks', 'created_by', 'author'), ('convex', 'app.tasks', 'task_parent', 'parentTask'),
  ('convex', 'app.loose', 'loose_t_m_fkey', 'member');
SELECT target, fields, "references" FROM fields WHERE target IN ('tasks', 'loose');
-- what a constraint cannot have
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.tasks', 'task_updater', true);
SELECT count(*) FROM convex_plan();
UPDATE convex_columns SET exclude = false, target = 'author' WHERE source_column = 'task_updater';
SELECT count(*) FROM convex_plan();
UPDATE convex_columns SET target = 'parentTask' WHERE source_column = 'task_updater';
SELECT count(*) FROM convex_plan();
DELETE FROM convex_columns;
-- the same foreign key twice is one reference, valid if either is
CREATE TABLE app.depts (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE app.emps (id int PRIMARY KEY, dept int, code text);
ALTER TABLE app.emps ADD CONSTRAINT a FOREIGN KEY (dept) REFERENCES app.depts NOT VALID,
  ADD CONSTRAINT b FOREIGN KEY (dept) REFERENCES app.depts, ADD CONSTRAINT c FOREIGN KEY (code) REFERENCES app.depts (code);
SELECT target, fields, "references", notes FROM fields WHERE target = 'emps';
SELECT source, problem FROM convex_check() WHERE problem = 'constraint_not_validated';

-- a column "id" that is not the key, or not all of it, is stored as "id"
CREATE TABLE app.nat (code text PRIMARY KEY, id serial UNIQUE, label text);
CREATE TABLE app.child (id int PRIMARY KEY, nat_id int REFERENCES app.nat (id));
CREATE TABLE app.log (id int, line text);
INSERT INTO app.nat (code, label) VALUES ('x', 'X');
INSERT INTO app.log VALUES (7, 'l');
SELECT target, fields FROM fields WHERE target IN ('nat', 'child', 'log', 'members');
SELECT convex_schema(tables => '{app.nat}') ~ 'id: v.number\(\)', convex_schema(tables => '{app.nat}') ~ '"by_id_2", \["id"\]' AS index;
SELECT convex_document(n), convex_document(n, method => 'import') FROM app.nat n;
SELECT convex_document(m), convex_document(m, method => 'import') FROM app.members m;
SELECT regexp_replace(convex_document(l), '[0-9a-f]{64}', '(hash)') FROM app.log l;

-- an app's own column with the name that the old key has
CREATE TABLE app."User" (id text PRIMARY KEY, "supabaseId" text NOT NULL UNIQUE, email text NOT NULL UNIQUE);
CREATE TABLE app."Post" (id text PRIMARY KEY, "authorId" text NOT NULL REFERENCES app."User" ("supabaseId"), title text);
SELECT severity, problem, hint FROM convex_check() WHERE problem IN ('key_field_taken', 'renamed') AND source = 'app."User"'::regclass;
SELECT notes FROM fields WHERE target = 'user';
ALTER SERVER convex OPTIONS (ADD key_field 'postgresId');
SELECT target, fields, notes FROM fields WHERE target = 'user';
SELECT problem FROM convex_check() WHERE source = 'app."User"'::regclass;
SET client_min_messages = error;
DROP SCHEMA app CASCADE;
DROP EXTENSION convex_migrate CASCADE;
