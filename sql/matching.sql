-- References are matched as the constraint matches them, not by comparing
-- texts: pairs of types whose equal values print differently. Needs the local
-- Convex with tests/regress/convex; tests/run.sh gives its URL and key.
\set url `echo "$CONVEX_URL"`
\set key `echo "$CONVEX_KEY"`
SET convex_migrate.progress_interval = -1;
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE EXTENSION citext;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url :'url', schemas 'pair', functions 'anything');
CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key :'key');
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- A pair: types of key and reference, a value of each that are equal, another
-- key. What comes back is the key of the parent that the reference points to.
CREATE PROCEDURE pair(name text, parent text, child text, key_value text, reference text, other_key text)
LANGUAGE plpgsql AS $$
BEGIN
  DROP SCHEMA IF EXISTS pair CASCADE;
  CREATE SCHEMA pair;
  EXECUTE format('CREATE TABLE pair.parents (id %s PRIMARY KEY)', parent);
  EXECUTE format('CREATE TABLE pair.children (id text PRIMARY KEY, ref %s REFERENCES pair.parents)', child);
  EXECUTE format('INSERT INTO pair.parents VALUES (%s), (%s)', key_value, other_key);
  EXECUTE format('INSERT INTO pair.children VALUES (%L, %s), (%L, NULL)', name, reference, name || ', NULL');
END $$;

CALL pair('numeric 1.50 to 1.5', 'numeric', 'numeric', '1.5', '1.50', '1.05');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('int to numeric', 'numeric', 'int', '7.000', '7', '70');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('citext', 'citext', 'citext', '''Ada''', '''aDA''', '''Bob''');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('nondeterministic collation', 'text COLLATE ignore_case', 'text COLLATE ignore_case', '''Ada''', '''aDA''', '''Bob''');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('char(3) to char(5)', 'char(5)', 'char(3)', '''ab''', '''ab''', '''abc''');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('float 0 to -0', 'float8', 'float8', '''-0''', '0', '1');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('interval', 'interval', 'interval', '''1 day''', '''24 hours''', '''25 hours''');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('date to timestamp', 'timestamp', 'date', '''2026-11-23 00:00''', '''2026-11-23''', '''2026-11-24''');
SELECT source, migrated, failed FROM convex_migrate();
-- and where texts do: across integers, text and varchar
CALL pair('smallint to bigint', 'bigint', 'smallint', '7', '7', '70');
SELECT source, migrated, failed FROM convex_migrate();
CALL pair('varchar to text', 'text', 'varchar(9)', '''ab ''', '''ab ''', '''ab''');
SELECT source, migrated, failed FROM convex_migrate();

\set family `node tests/regress/query.mjs anything:family`
SELECT f ->> 0 AS child, to_json(f ->> 1) AS parent
FROM jsonb_array_elements(:'family'::jsonb) AS f ORDER BY (f ->> 0) COLLATE "C";

\set VERBOSITY terse
DROP PROCEDURE pair;
DROP SCHEMA pair CASCADE;
DROP COLLATION ignore_case;
DROP EXTENSION citext;
DROP EXTENSION convex_migrate CASCADE;
