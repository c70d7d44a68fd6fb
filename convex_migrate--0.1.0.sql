/* convex_migrate--0.1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION convex_migrate" to load this file. \quit

CREATE FUNCTION convex_migrate_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME', 'convex_migrate_validator'
LANGUAGE C STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_migrate_validator(text[], oid) IS
'checks the options of foreign servers and user mappings of the foreign-data wrapper convex_migrate';

CREATE FOREIGN DATA WRAPPER convex_migrate
  NO HANDLER
  VALIDATOR convex_migrate_validator;

COMMENT ON FOREIGN DATA WRAPPER convex_migrate IS
'a foreign server of this wrapper is a Convex deployment: its URL and how to migrate into it; a user mapping names the deploy key';

CREATE FUNCTION convex_version()
RETURNS text
AS 'MODULE_PATHNAME', 'convex_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION convex_version() IS
'versions of the extension, of libcurl, its TLS library and its resolver, of cJSON, ISA-L and zstd: for bug reports';

CREATE FUNCTION convex_plan(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  OUT level int,
  OUT source regclass,
  OUT target text,
  OUT kind text,
  OUT key text[],
  OUT "references" text[],
  OUT estimated_rows bigint,
  OUT estimated_bytes bigint,
  OUT notes text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_plan'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_plan(name, regclass[]) IS
'what convex_migrate would do: tables in the order of their foreign keys (level 0 points to nothing), their Convex tables, keys, references, and estimates from the statistics (NULL: never analyzed); reads catalogs only, takes no table lock but on tables with a filter and views, sends nothing';

CREATE FUNCTION convex_plan_text(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL)
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'convex_plan_text'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_plan_text(name, regclass[]) IS
'the same as convex_plan, to be read: a line or some for each table, none wider than a terminal of 120 columns';

CREATE FUNCTION convex_plan_graph(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'convex_plan_graph'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_plan_graph(name, regclass[]) IS
'the plan as a picture: a Mermaid flowchart with a row of tables per level and an arrow per reference, dashed where it is deferred';

CREATE FUNCTION convex_check(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  OUT severity text,
  OUT source regclass,
  OUT source_column text,
  OUT problem text,
  OUT rows bigint,
  OUT example text,
  OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_check'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_check(name, regclass[]) IS
'what would go wrong in a run, found by encoding all rows and looking for orphans; sends nothing. Severity (error: rows are rejected or the run stops; warning; info), the code of the problem, how many rows have it, the key of one of them, and what to do';

CREATE FUNCTION convex_left_behind(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  OUT source regclass,
  OUT kind text,
  OUT object text,
  OUT definition text,
  OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_left_behind'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_left_behind(name, regclass[]) IS
'what a migration of rows does not carry, and what to do about each in Convex: policies, triggers, checks, uniqueness, defaults, views, functions, jobs and more; in a copy that convex-bridge made: what the original has';

CREATE FUNCTION convex_schema(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  wide boolean DEFAULT false)
RETURNS text
AS 'MODULE_PATHNAME', 'convex_schema'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_schema(name, regclass[], boolean) IS
'the tables as TypeScript for convex/schema.ts: validators for exactly what convex_migrate sends, indexes for the old key, for references and those of PostgreSQL that Convex can have; wide: for the time of a change, documents that are stored may be anything; reads catalogs only';

CREATE FUNCTION convex_functions(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'convex_functions'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_functions(name, regclass[]) IS
'the functions that convex_migrate calls, as TypeScript for convex/migrate.ts (the module of option functions), to be deployed together with the text of convex_schema: internal functions that insert or update by the old key; reads catalogs only';

CREATE FUNCTION convex_migrate(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  method text DEFAULT NULL,
  mode text DEFAULT NULL,
  OUT source regclass,
  OUT target text,
  OUT rows_read bigint,
  OUT migrated bigint,
  OUT failed bigint,
  OUT orphans bigint,
  OUT bytes bigint,
  OUT batches bigint,
  OUT retries bigint,
  OUT elapsed interval,
  OUT status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_migrate'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_migrate(name, regclass[], text, text) IS
'moves the rows of the tables (NULL: all tables of the schemas in option schemas) into the Convex deployment of the foreign server. Every run sends all rows; it deletes nothing in Convex, but with mode mirror the documents whose row is gone, no more than option max_removals allows. One row per table and a total with source NULL; bytes and batches are those of the calls that Convex accepted, retries the calls that were sent again; orphans are references that point to rows which are not in Convex and that are left out, or kept as old keys, by option orphans; status is complete, or incomplete when rows are in convex_rejects';

CREATE FUNCTION convex_retry(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  OUT source regclass,
  OUT target text,
  OUT rows_read bigint,
  OUT migrated bigint,
  OUT failed bigint,
  OUT orphans bigint,
  OUT bytes bigint,
  OUT batches bigint,
  OUT retries bigint,
  OUT elapsed interval,
  OUT status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_retry'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_retry(name, regclass[]) IS
'sends those rows of the tables (NULL: all tables of the schemas in option schemas) again that convex_rejects has, and the rows that point to them; those that are accepted leave convex_rejects. Needs the functions of convex_functions(). The result is that of convex_migrate, for the rows that were sent';

CREATE FUNCTION convex_clear(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  deployment text DEFAULT NULL,
  OUT source regclass,
  OUT target text,
  OUT removed bigint,
  OUT kept bigint,
  OUT refused bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_clear'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_clear(name, regclass[], text) IS
'takes back what runs have stored: removes the documents with a key of PostgreSQL from the Convex tables of these tables (NULL: all tables of the schemas in option schemas), children before parents. deployment must be the name of the deployment. kept: documents without a key, which are the app''s; refused: keys whose documents could not be removed. One row per table and a total with source NULL';

CREATE FUNCTION convex_verify(
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  level text DEFAULT 'content',
  repair boolean DEFAULT false,
  OUT source regclass,
  OUT target text,
  OUT rows bigint,
  OUT expected bigint,
  OUT documents bigint,
  OUT equal bigint,
  OUT different bigint,
  OUT missing bigint,
  OUT unexpected bigint,
  OUT repeated_keys bigint,
  OUT wrong_references bigint,
  OUT without_key bigint,
  OUT status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_verify(name, regclass[], text, boolean) IS
'reads the documents of the tables back from Convex and compares them with the rows: level content compares every field that comes from PostgreSQL, keys only which rows are there, counts only how many, without reading a document. Every row that is expected is equal, different or missing; what is wrong is in convex_differences. repair: writes what is missing or different, removes what is unexpected. One row per table and a total with source NULL; status is pass or fail';

CREATE FUNCTION convex_export(
  path text,
  server name DEFAULT 'convex',
  tables regclass[] DEFAULT NULL,
  OUT source regclass,
  OUT target text,
  OUT rows_read bigint,
  OUT exported bigint,
  OUT failed bigint,
  OUT orphans bigint,
  OUT bytes bigint,
  OUT elapsed interval,
  OUT status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'convex_export'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION convex_export(text, name, regclass[]) IS
'writes the rows of the tables (NULL: all tables of the schemas in option schemas) into one ZIP file on the database server, with ids that are computed from keys: what npx convex import loads. Needs the privileges of pg_write_server_files; sends no rows, asks the deployment for the numbers of its tables. One row per table and a total with source NULL; bytes are those of the lines, not compressed; the others as of convex_migrate';

CREATE FUNCTION convex_document(
  "row" record, server name DEFAULT 'convex', method text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'convex_document'
LANGUAGE C STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION convex_document(record, name, text) IS
'the JSON that convex_migrate would send for this row of a table; a reference shows the Convex id when this session''s convex_id_map knows it, else the old key; an ERROR says why a row cannot be migrated';

CREATE FUNCTION convex_id(
  source regclass, key text, server name DEFAULT 'convex')
RETURNS text
AS 'MODULE_PATHNAME', 'convex_id'
LANGUAGE C STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION convex_id(regclass, text, name) IS
'the Convex id of the row with this key: computed, where the last run over the table computed ids, else as this session''s convex_id_map knows it, else NULL; does not ask Convex, and does not look whether there is such a row';

CREATE FUNCTION convex_uuid(id text)
RETURNS uuid
AS 'MODULE_PATHNAME', 'convex_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION convex_uuid(text) IS
'the uuid that a Convex id was computed from, of a table whose key is one uuid; of an id that Convex made itself, its 16 bytes; an ERROR when it is no id';

/*
 * Choices per table and per column. A row counts if a superuser, the owner of
 * the foreign server or the role that runs wrote it, since a filter runs with
 * the rights of the caller. A row that restricts what is sent and does not
 * count is an ERROR, not ignored. server_oid follows the server when that is
 * renamed.
 */
CREATE TABLE convex_tables (
  server name NOT NULL DEFAULT 'convex',
  source regclass NOT NULL,
  target text,
  exclude bool NOT NULL DEFAULT false,
  filter text,
  key text[],
  creation_time text,
  formerly text,
  owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(current_user)::pg_catalog.regrole,
  server_oid oid NOT NULL DEFAULT 0,
  PRIMARY KEY (server, source));

CREATE TABLE convex_columns (
  server name NOT NULL DEFAULT 'convex',
  source regclass NOT NULL,
  source_column name NOT NULL,
  target text,
  exclude bool NOT NULL DEFAULT false,
  type text CHECK (type IN ('string', 'number', 'int64', 'boolean', 'bytes', 'iso',
    'ms', 'any', 'json', 'array_nullable')),
  target_reference text,
  owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(current_user)::pg_catalog.regrole,
  server_oid oid NOT NULL DEFAULT 0,
  PRIMARY KEY (server, source, source_column));

CREATE FUNCTION convex_choices_trigger()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- a superuser may write for others: pg_restore does
  IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
    NEW.owner := quote_ident(current_user)::regrole;  -- regrole folds case
  END IF;
  -- a row follows its server when that is renamed
  NEW.server_oid := coalesce(
    (SELECT s.oid FROM pg_foreign_server s WHERE s.srvname = NEW.server), 0);
  IF NEW.server_oid = 0 AND NEW.server IS NOT NULL THEN
    RAISE WARNING 'server "%" does not exist', NEW.server;
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER convex_tables_trigger BEFORE INSERT OR UPDATE ON convex_tables
  FOR EACH ROW EXECUTE FUNCTION convex_choices_trigger();
CREATE TRIGGER convex_columns_trigger BEFORE INSERT OR UPDATE ON convex_columns
  FOR EACH ROW EXECUTE FUNCTION convex_choices_trigger();

-- Rows whose table is gone would be dumped as numbers, which may be other
-- tables after a restore.
SELECT pg_catalog.pg_extension_config_dump('convex_tables',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = source)');
SELECT pg_catalog.pg_extension_config_dump('convex_columns',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = source)');

COMMENT ON FUNCTION convex_choices_trigger() IS
'notes who wrote a row of convex_tables or convex_columns';
COMMENT ON TABLE convex_tables IS
'choices per table; a row takes a view, materialized or foreign table into every run; a run applies rows that a superuser, the owner of the foreign server or the role that runs wrote';
COMMENT ON COLUMN convex_tables.server IS 'the foreign server';
COMMENT ON COLUMN convex_tables.source IS 'the table';
COMMENT ON COLUMN convex_tables.target IS 'name of the Convex table; NULL: by option table_case';
COMMENT ON COLUMN convex_tables.exclude IS 'leave the table out; references to it stay values';
COMMENT ON COLUMN convex_tables.filter IS 'only rows for which this SQL expression over the table''s columns is true; names of functions and types need their schema unless it is pg_catalog';
COMMENT ON COLUMN convex_tables.key IS 'columns of a unique index that are the key, or any of a view, materialized view or foreign table; NULL: the primary key or what convex_plan shows';
COMMENT ON COLUMN convex_tables.creation_time IS 'column in whose order rows are sent; NULL: created_at or the like';
COMMENT ON COLUMN convex_tables.formerly IS 'schema.table(key columns) that wrote the documents of earlier runs, as an ERROR names it: the table or its key columns were renamed since';
COMMENT ON COLUMN convex_tables.owner IS 'role that wrote the row; set by a trigger unless a superuser writes';
COMMENT ON TABLE convex_columns IS
'choices per column; a run applies rows that a superuser, the owner of the foreign server or the role that runs wrote';
COMMENT ON COLUMN convex_columns.server IS 'the foreign server';
COMMENT ON COLUMN convex_columns.source IS 'the table';
COMMENT ON COLUMN convex_columns.source_column IS 'the column';
COMMENT ON COLUMN convex_columns.target IS 'name of the field in Convex; NULL: by option field_case';
COMMENT ON COLUMN convex_columns.exclude IS 'leave the column out';
COMMENT ON COLUMN convex_columns.type IS 'what values become in Convex, in the place of what the options say; NULL: by the options; docs/contract.md lists the choices';
COMMENT ON COLUMN convex_columns.target_reference IS 'schema.table(column): the column, or each element of an array, is a foreign key to it that the database does not declare';
COMMENT ON COLUMN convex_columns.owner IS 'role that wrote the row; set by a trigger unless a superuser writes';

REVOKE ALL ON convex_tables, convex_columns FROM PUBLIC;
GRANT SELECT ON convex_tables, convex_columns TO PUBLIC;

/*
 * A copy made by convex-bridge has tables and rows. What else its original has
 * stands here, for convex_left_behind() and the comments of convex_schema();
 * in any other database this is empty.
 */
CREATE TABLE convex_origin (
  source regclass,
  kind text NOT NULL,
  object text NOT NULL,
  definition text);

COMMENT ON TABLE convex_origin IS
'what the database that this one is a copy of has besides rows; written by convex-bridge';
COMMENT ON COLUMN convex_origin.source IS 'the table, here; NULL: it belongs to none';
COMMENT ON COLUMN convex_origin.kind IS 'as of convex_left_behind()';
COMMENT ON COLUMN convex_origin.object IS 'its name';
COMMENT ON COLUMN convex_origin.definition IS 'its definition, without secrets';

REVOKE ALL ON convex_origin FROM PUBLIC;
GRANT SELECT ON convex_origin TO PUBLIC;

/*
 * Whose documents the tables of deployments have. Written by convex_migrate()
 * with the rights of the table's owner; everybody may read it, for their runs.
 */
CREATE TABLE convex_targets (
  deployment text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  source text NOT NULL,
  key text[] NOT NULL,
  number bigint CHECK (number BETWEEN 1 AND 4294967295),
  documents bigint,
  written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (deployment, target));

SELECT pg_catalog.pg_extension_config_dump('convex_targets', '');

COMMENT ON TABLE convex_targets IS
'which table the documents of a Convex table come from, and by which key, as the last run with generated functions left it: a run that would mix others with them is an ERROR';
COMMENT ON COLUMN convex_targets.deployment IS 'the URL of the deployment';
COMMENT ON COLUMN convex_targets.target IS 'the Convex table';
COMMENT ON COLUMN convex_targets.source IS 'schema and name of the table then';
COMMENT ON COLUMN convex_targets.key IS 'columns of its key; empty: rows were known by their content';
COMMENT ON COLUMN convex_targets.number IS 'number of the Convex table, when the last run computed the ids of documents with it; NULL: Convex made the ids';
COMMENT ON COLUMN convex_targets.documents IS 'documents that the last import left in the Convex table; NULL: there was none since';
COMMENT ON COLUMN convex_targets.written_at IS 'when the run began';

REVOKE ALL ON convex_targets FROM PUBLIC;
GRANT SELECT ON convex_targets TO PUBLIC;

/*
 * Rows that could not be migrated. The table is granted to nobody;
 * convex_migrate() writes it as its owner, and the view shows each role the rows
 * that runs of itself, or of roles that it is a member of, have left.
 */
CREATE TABLE convex_reject_rows (
  server name NOT NULL,
  source regclass NOT NULL,
  key text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  hint text,
  rejected_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  role regrole NOT NULL,
  run bigint NOT NULL);

CREATE INDEX convex_reject_rows_source_idx ON convex_reject_rows (server, source);

CREATE SEQUENCE convex_run_seq;

CREATE VIEW convex_rejects WITH (security_barrier) AS
SELECT r.server, r.source, r.key, r.reason, r.hint, r.rejected_at, r.role, r.run
FROM convex_reject_rows r
WHERE pg_catalog.pg_has_role(r.role::pg_catalog.oid, 'MEMBER');

COMMENT ON TABLE convex_reject_rows IS
'what convex_rejects shows; not to be read or written directly';
COMMENT ON SEQUENCE convex_run_seq IS
'numbers the runs of convex_migrate, convex_export and convex_verify';
COMMENT ON VIEW convex_rejects IS
'rows that the last run of convex_migrate on their table could not migrate, with the reason; shows the runs of roles that the reader is a member of';
COMMENT ON COLUMN convex_rejects.server IS 'the foreign server, which is the deployment';
COMMENT ON COLUMN convex_rejects.source IS 'the table';
COMMENT ON COLUMN convex_rejects.key IS 'the key of the row as text; a composite key is a JSON array of texts';
COMMENT ON COLUMN convex_rejects.reason IS 'code: field: text; at most 500 bytes, never the row itself';
COMMENT ON COLUMN convex_rejects.hint IS 'what lets such rows go, as convex_check() says it; NULL: nothing but to change the row, or the function that refused it';
COMMENT ON COLUMN convex_rejects.rejected_at IS 'when the row was rejected';
COMMENT ON COLUMN convex_rejects.role IS 'the role that ran convex_migrate';
COMMENT ON COLUMN convex_rejects.run IS 'number of the run; rows of one call have the same';

/*
 * What the last verification of a table found; as convex_rejects. The table is granted
 * to nobody.
 */
CREATE TABLE convex_difference_rows (
  server name NOT NULL,
  source regclass NOT NULL,
  key text COLLATE "C",
  kind text NOT NULL,
  path text,
  convex_id text,
  found_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  role regrole NOT NULL,
  run bigint NOT NULL);

CREATE INDEX convex_difference_rows_source_idx ON convex_difference_rows (server, source);

CREATE VIEW convex_differences WITH (security_barrier) AS
SELECT r.server, r.source, r.key, r.kind, r.path, r.convex_id, r.found_at, r.role, r.run
FROM convex_difference_rows r
WHERE pg_catalog.pg_has_role(r.role::pg_catalog.oid, 'MEMBER');

COMMENT ON TABLE convex_difference_rows IS
'what convex_differences shows; not to be read or written directly';
COMMENT ON VIEW convex_differences IS
'what the last convex_verify of a table found to be different, the first 10,000 of each table; shows the runs of roles that the reader is a member of';
COMMENT ON COLUMN convex_differences.server IS 'the foreign server, which is the deployment';
COMMENT ON COLUMN convex_differences.source IS 'the table';
COMMENT ON COLUMN convex_differences.key IS 'the key of the row as text, as in convex_rejects; NULL: the document has none that a row can have';
COMMENT ON COLUMN convex_differences.kind IS 'missing, field_absent, field_extra, field_type, field_value, reference, unexpected, rejected_row, repeated_key, without_key: docs/verify.md says what each means';
COMMENT ON COLUMN convex_differences.path IS 'where in the document the first difference of a field is, never what it is; NULL: it is about the whole';
COMMENT ON COLUMN convex_differences.convex_id IS 'the document; NULL: there is none';
COMMENT ON COLUMN convex_differences.found_at IS 'when it was found';
COMMENT ON COLUMN convex_differences.role IS 'the role that ran convex_verify';
COMMENT ON COLUMN convex_differences.run IS 'number of the run';
REVOKE ALL ON convex_difference_rows FROM PUBLIC;
GRANT SELECT ON convex_differences TO PUBLIC;

/*
 * Runs in progress, published where PostgreSQL has the progress of COPY
 * (src/run/progress.c, which names the parameters). A role sees there what
 * pg_stat_progress_copy would show it: its own runs, those of roles whose rights
 * it has, and all with pg_read_all_stats. Names are looked up here, so those of
 * other databases are not seen. 4859223977743613953 marks a run of ours.
 */
CREATE VIEW convex_progress_figures AS
SELECT s.pid, d.datname AS database, f.srvname AS server,
  CASE (s.param11 >> 32)::int WHEN 1 THEN 'check' WHEN 3 THEN 'export' WHEN 4 THEN 'import' WHEN 5 THEN 'verify' ELSE 'migrate' END AS command,
  pg_catalog.to_timestamp(s.param9::float8 / 1000000::float8 + 946684800::float8) AS started,
  (s.param10 >> 32)::int AS tables, (s.param10 & 4294967295)::int AS tables_done,
  CASE WHEN own.it THEN NULLIF(s.param13, 0::bigint)::oid::regclass END AS source,
  CASE (s.param11 & 4294967295)::int
    WHEN 1 THEN CASE WHEN (s.param11 >> 32)::int = 4 THEN 'documents' ELSE 'rows' END
    WHEN 2 THEN CASE WHEN (s.param11 >> 32)::int = 4 THEN 'rows' ELSE 'links' END
    ELSE CASE WHEN (s.param10 & 4294967295)::int = 0 THEN 'begin' ELSE 'end' END
  END AS pass,
  s.param12 AS passes,
  s.param14 AS source_rows, NULLIF(s.param15, -1::bigint) AS source_total,
  s.param3 AS rows, NULLIF(s.param16, -1::bigint) AS total, s.param4 AS failed,
  s.param1 AS bytes, s.param17 AS retries,
  (s.param18 & 4294967295)::int AS in_flight, (s.param18 >> 32)::int AS "window",
  s.param19::float8 / 1000::float8 AS rate,
  CASE WHEN s.param16 >= 0::bigint AND e.seconds < 1e6::float8
    THEN pg_catalog.make_interval(secs => e.seconds) END AS eta
FROM pg_catalog.pg_stat_get_progress_info('COPY') s
JOIN pg_catalog.pg_database d ON d.oid = s.datid
CROSS JOIN LATERAL (SELECT d.datname = pg_catalog.current_database()) AS own(it)
CROSS JOIN LATERAL (
  SELECT (s.param16 - s.param3)::float8 * 1000::float8
         / NULLIF(s.param19, 0::bigint)::float8) AS e(seconds)
LEFT JOIN pg_catalog.pg_foreign_server f ON own.it AND f.oid = s.param8::oid
WHERE s.param20 = 4859223977743613953;

-- The same in 100 columns, for \watch.
CREATE VIEW convex_progress AS
SELECT f.pid, f.server,
  CASE WHEN pg_catalog.char_length(a.doing) > 17
    THEN pg_catalog.format('%s...', pg_catalog."left"(a.doing, 14)) ELSE a.doing
  END AS doing,
  pg_catalog.concat_ws('/', f.rows, f.total) AS rows,
  pg_catalog.round(f.rate)::bigint AS rate,
  pg_catalog.pg_size_pretty(f.bytes) AS bytes,
  CASE WHEN f."window" > 0 THEN pg_catalog.concat_ws('/', f.in_flight, f."window") END AS calls,
  f.retries,
  pg_catalog.date_trunc('second', f.eta) AS eta
FROM convex_progress_figures f
CROSS JOIN LATERAL (
  SELECT pg_catalog.concat(
    CASE WHEN f.passes > 1::bigint THEN pg_catalog.format('+%s ', f.passes - 1::bigint) END,
    CASE WHEN f.command = 'check' THEN 'check: ' WHEN f.command = 'export' THEN 'export: '
      WHEN f.command = 'import' THEN 'import: '
      WHEN f.command = 'verify' THEN 'verify: '
      WHEN f.pass = 'links' THEN 'links: ' END,
    COALESCE(f.source::text, f.pass))) AS a(doing)
ORDER BY f.started, f.pid;

COMMENT ON VIEW convex_progress_figures IS
'how far runs of convex_migrate, convex_check, convex_export and convex_verify are, in all sessions, as figures for programs; a role sees its own runs, those of roles whose rights it has, and with pg_read_all_stats all';
COMMENT ON COLUMN convex_progress_figures.pid IS 'process of the run, for pg_cancel_backend()';
COMMENT ON COLUMN convex_progress_figures.database IS 'its database; names of another one (server, source) are NULL';
COMMENT ON COLUMN convex_progress_figures.server IS 'the foreign server, which is the deployment';
COMMENT ON COLUMN convex_progress_figures.command IS 'migrate, import (method import of convex_migrate), check, export or verify';
COMMENT ON COLUMN convex_progress_figures.started IS 'when it began';
COMMENT ON COLUMN convex_progress_figures.tables IS 'tables of the run';
COMMENT ON COLUMN convex_progress_figures.tables_done IS 'those whose rows are done';
COMMENT ON COLUMN convex_progress_figures.source IS 'the table at hand; of several the one that has most left';
COMMENT ON COLUMN convex_progress_figures.pass IS 'begin, documents (read back), rows, links (references that had to wait), end';
COMMENT ON COLUMN convex_progress_figures.passes IS 'passes over tables that are under way at once';
COMMENT ON COLUMN convex_progress_figures.source_rows IS 'rows of the table at hand that are done in this pass';
COMMENT ON COLUMN convex_progress_figures.source_total IS 'rows that it has, about; NULL: unknown';
COMMENT ON COLUMN convex_progress_figures.rows IS 'rows of the run that are done: in Convex, or rejected; one that comes again in pass links counts twice';
COMMENT ON COLUMN convex_progress_figures.total IS 'rows that it will have been in the end, about; NULL: unknown';
COMMENT ON COLUMN convex_progress_figures.failed IS 'rows that are rejected';
COMMENT ON COLUMN convex_progress_figures.bytes IS 'of calls that Convex accepted; of lines that are exported';
COMMENT ON COLUMN convex_progress_figures.retries IS 'calls that were sent again';
COMMENT ON COLUMN convex_progress_figures.in_flight IS 'calls that wait for an answer';
COMMENT ON COLUMN convex_progress_figures."window" IS 'how many may be in flight now; at most option concurrency';
COMMENT ON COLUMN convex_progress_figures.rate IS 'rows per second, of about the last ten seconds';
COMMENT ON COLUMN convex_progress_figures.eta IS 'estimated time to the end; NULL: unknown';
COMMENT ON VIEW convex_progress IS
'how far runs of convex_migrate, convex_check, convex_export and convex_verify are, in all sessions, for a look every few seconds; convex_progress_figures has the same as figures, and more, and says who sees what';
COMMENT ON COLUMN convex_progress.pid IS 'process of the run, for pg_cancel_backend()';
COMMENT ON COLUMN convex_progress.server IS 'the foreign server, which is the deployment; NULL: of another database';
COMMENT ON COLUMN convex_progress.doing IS 'the table at hand, or what is done else';
COMMENT ON COLUMN convex_progress.rows IS 'rows that are done / in all, about';
COMMENT ON COLUMN convex_progress.rate IS 'rows per second, of about the last ten seconds';
COMMENT ON COLUMN convex_progress.bytes IS 'of calls that Convex accepted';
COMMENT ON COLUMN convex_progress.calls IS 'calls in flight / how many may be now';
COMMENT ON COLUMN convex_progress.retries IS 'calls that were sent again';
COMMENT ON COLUMN convex_progress.eta IS 'estimated time to the end';
GRANT SELECT ON convex_progress_figures, convex_progress TO PUBLIC;

/*
 * Runs that are over. Names are texts: a table or a role may be gone later, and a
 * dump must be restorable where it never was.
 */
CREATE TABLE convex_run_rows (
  run bigint NOT NULL,
  role name NOT NULL,
  server name NOT NULL,
  deployment text NOT NULL,
  began timestamptz NOT NULL,
  ended timestamptz NOT NULL,
  method text NOT NULL,
  mode text,
  source text,
  target text,
  rows_read bigint NOT NULL,
  migrated bigint NOT NULL,
  failed bigint NOT NULL,
  orphans bigint NOT NULL,
  bytes bigint NOT NULL,
  batches bigint NOT NULL,
  retries bigint NOT NULL,
  elapsed interval NOT NULL);

CREATE INDEX convex_run_rows_run_idx ON convex_run_rows (server, run);
-- of the totals alone: the last runs are found among few
CREATE UNIQUE INDEX convex_run_rows_total_idx ON convex_run_rows (server, run) WHERE source IS NULL;

SELECT pg_catalog.pg_extension_config_dump('convex_run_rows', '');
SELECT pg_catalog.pg_extension_config_dump('convex_run_seq', '');

CREATE VIEW convex_runs WITH (security_barrier) AS
SELECT r.run, r.role, r.server, r.deployment, r.began, r.ended, r.method, r.mode, r.source, r.target, r.rows_read,
  r.migrated, r.failed, r.orphans, r.bytes, r.batches, r.retries, r.elapsed,
  CASE WHEN r.failed > 0::bigint THEN 'incomplete' ELSE 'complete' END AS status
FROM convex_run_rows r
WHERE EXISTS (
  SELECT FROM pg_catalog.pg_roles a
  WHERE a.rolname = r.role AND pg_catalog.pg_has_role(a.oid, 'MEMBER')
    OR a.rolname = CURRENT_USER AND a.rolsuper);

COMMENT ON TABLE convex_run_rows IS
'what convex_runs shows; not to be read or written directly';
COMMENT ON VIEW convex_runs IS
'runs of convex_migrate that are over, with the rows of their reports: one per table, and the total with source NULL; of each server the last 1,000. A run that fails leaves a line in the log of the server instead, since its transaction takes the rows back. Shows the runs of roles that the reader is a member of, and all to a superuser';
COMMENT ON COLUMN convex_runs.run IS 'number of the run, as in convex_rejects';
COMMENT ON COLUMN convex_runs.role IS 'the role that ran convex_migrate';
COMMENT ON COLUMN convex_runs.server IS 'the foreign server then';
COMMENT ON COLUMN convex_runs.deployment IS 'name of the deployment';
COMMENT ON COLUMN convex_runs.began IS 'when the run began';
COMMENT ON COLUMN convex_runs.ended IS 'when it was done; its transaction may have ended later';
COMMENT ON COLUMN convex_runs.method IS 'mutation or import';
COMMENT ON COLUMN convex_runs.mode IS 'parameter mode of convex_migrate; retry: it was convex_retry; NULL: none';
COMMENT ON COLUMN convex_runs.source IS 'schema and name of the table then; NULL: all';
COMMENT ON COLUMN convex_runs.target IS 'the Convex table';
COMMENT ON COLUMN convex_runs.rows_read IS 'rows of the table that were read';
COMMENT ON COLUMN convex_runs.migrated IS 'rows that are in Convex';
COMMENT ON COLUMN convex_runs.failed IS 'rows in convex_rejects';
COMMENT ON COLUMN convex_runs.orphans IS 'references to rows that are not in Convex, left out or kept as old keys';
COMMENT ON COLUMN convex_runs.bytes IS 'of calls that Convex accepted';
COMMENT ON COLUMN convex_runs.batches IS 'these calls';
COMMENT ON COLUMN convex_runs.retries IS 'calls that were sent again';
COMMENT ON COLUMN convex_runs.elapsed IS 'how long its rows took; of the total: from begin to end';
COMMENT ON COLUMN convex_runs.status IS 'complete, or incomplete when rows are in convex_rejects';
GRANT SELECT ON convex_runs TO PUBLIC;

REVOKE ALL ON convex_run_rows FROM PUBLIC;
REVOKE ALL ON convex_reject_rows FROM PUBLIC;
REVOKE ALL ON SEQUENCE convex_run_seq FROM PUBLIC;
GRANT SELECT ON convex_rejects TO PUBLIC;
