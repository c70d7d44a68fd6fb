-- What a migration of rows leaves behind; what belongs to a provider.
\set ON_ERROR_STOP on
SET client_min_messages = error;
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'https://happy-animal-123.convex.cloud');

CREATE SCHEMA app;
ALTER SERVER convex OPTIONS (ADD schemas 'app');
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, encrypted_password text, recovery_token text);
CREATE DOMAIN app.percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN app.size AS text CHECK (VALUE IN ('small', 'large'));
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE app.members (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number serial,
  user_id uuid REFERENCES auth.users,
  name text UNIQUE DEFAULT 'nobody',
  role text CHECK (role IN ('owner', 'member')),
  age int CHECK (age > 0),
  share app.percent,
  size app.size,
  name_length int GENERATED ALWAYS AS (length(name)) STORED,
  during int4range,
  CHECK (role = 'owner' OR age < 100),
  EXCLUDE USING gist (during WITH &&));
CREATE UNIQUE INDEX members_lower ON app.members (lower(name)) WHERE age > 1;
CREATE TABLE app.closed (id int PRIMARY KEY);
ALTER TABLE app.closed ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.members USING (user_id IS NOT NULL) WITH CHECK (age > 18);
CREATE POLICY few ON app.members AS RESTRICTIVE FOR DELETE USING (role = 'owner');
CREATE TRIGGER touch BEFORE UPDATE ON app.members FOR EACH ROW EXECUTE FUNCTION app.touch('Bearer secret');
CREATE VIEW app.owners AS SELECT m.id, m.role AS what FROM app.members m JOIN app.members AS n USING (id);
CREATE MATERIALIZED VIEW app.figures AS SELECT count(*) FROM app.members;
CREATE PUBLICATION live FOR TABLE app.members;
CREATE RULE keep AS ON DELETE TO app.closed DO INSTEAD NOTHING;
CREATE ROLE regress_clerk;
GRANT SELECT, INSERT ON app.members TO regress_clerk;
GRANT SELECT ON app.closed TO regress_clerk, PUBLIC;
GRANT UPDATE (name, age) ON app.members TO regress_clerk;
RESET client_min_messages;

SELECT source, kind, object, definition FROM convex_left_behind() WHERE kind <> 'role' OR object <> current_user;
-- the owner, who has a name of its own wherever this runs
SELECT definition FROM convex_left_behind() WHERE kind = 'role' AND object = current_user;
-- every kind has a hint; a table's own
SELECT DISTINCT kind, hint FROM convex_left_behind(tables => '{app.members}') ORDER BY kind;
SELECT kind, object FROM convex_left_behind(tables => '{app.closed}') WHERE source IS NOT NULL;

-- in the generated schema, unless an option switches it off
SELECT line FROM regexp_split_to_table(convex_schema(), '\n') AS line WHERE line ~ '// (Policy|Row-level|Not enforced)';
ALTER SERVER convex OPTIONS (ADD rule_comments 'off');
SELECT line FROM regexp_split_to_table(convex_schema(), '\n') AS line WHERE line ~ '// (Policy|Row-level|Not enforced)';

-- what is about a column that is not sent is nobody's concern
INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'app.members', 'name', true);
SELECT kind, object FROM convex_left_behind() WHERE kind = 'default';

-- a copy has its original's
INSERT INTO convex_origin VALUES ('app.closed', 'policy', 'theirs', 'FOR ALL TO PUBLIC'), (NULL, 'cron_job', 'nightly', '0 3 * * *'),
  ('auth.users', 'policy', 'of a table that is not migrated', NULL);
SELECT source, kind, object, definition, hint FROM convex_left_behind();
SELECT kind FROM convex_left_behind(tables => '{app.members}');
ALTER SERVER convex OPTIONS (SET rule_comments 'on');
SELECT line FROM regexp_split_to_table(convex_schema(), '\n') AS line WHERE line ~ '// (Policy|Row-level|Not enforced)';
DELETE FROM convex_origin;

-- a provider's schema is not taken because it is in "schemas"
ALTER SERVER convex OPTIONS (SET schemas 'app,auth');
SELECT source, "references" FROM convex_plan();
-- a choice includes it, also without that: then references are made
ALTER SERVER convex OPTIONS (SET schemas 'app');
INSERT INTO convex_tables (server, source, target) VALUES ('convex', 'auth.users', 'users');
SELECT source, target, "references", notes FROM convex_plan();
SELECT source, source_column, problem, hint FROM convex_check() WHERE problem = 'secret_left_out';
INSERT INTO auth.users VALUES ('00000000-0000-4000-8000-000000000001', 'a@example.org', 'hash', 'token');
SELECT convex_document(u) FROM auth.users u;
SELECT line FROM regexp_split_to_table(convex_schema(), '\n') AS line WHERE line ~ 'v.id|encrypted|token';
-- a secret is sent when a choice says so
INSERT INTO convex_columns (server, source, source_column) VALUES ('convex', 'auth.users', 'encrypted_password');
SELECT convex_document(u) FROM auth.users u;
-- what a choice excludes stays out
UPDATE convex_tables SET exclude = true;
SELECT source, "references" FROM convex_plan();

-- buckets of a schema that the role may not use are not asked for
SET client_min_messages = warning;
CREATE SCHEMA storage;
CREATE TABLE storage.buckets (id text);
INSERT INTO storage.buckets VALUES ('avatars');
SELECT object FROM convex_left_behind() WHERE kind = 'bucket';
GRANT SELECT ON storage.buckets TO regress_clerk;
GRANT USAGE ON FOREIGN SERVER convex TO regress_clerk;
SET ROLE regress_clerk;
SELECT object FROM convex_left_behind() WHERE kind = 'bucket';
RESET ROLE;
DROP SCHEMA storage CASCADE;
DROP OWNED BY regress_clerk;
DROP PUBLICATION live;
DROP SCHEMA app, auth CASCADE;
DROP ROLE regress_clerk;
DROP EXTENSION convex_migrate CASCADE;
