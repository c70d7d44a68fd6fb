-- Options and choices of how values go: int8, numeric, timestamps, nulls, and
-- convex_columns.type. Needs no Convex.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'map');
SET TimeZone = 'Pacific/Chatham';
CREATE SCHEMA map;
CREATE TABLE map.parents (id int PRIMARY KEY);
CREATE TABLE map.t (id int PRIMARY KEY, big int8, bigs int8[], short numeric(8, 2), any_numeric numeric,
  at timestamptz, local timestamp, nothing text, parent_id int REFERENCES map.parents);
INSERT INTO map.t VALUES (1, 5, '{1,2}', 1.50, 2.5, '2026-11-23 12:34:56.789+00', '0044-03-15 12:00 BC');
SELECT convex_document(x) FROM map.t x;

ALTER SERVER convex OPTIONS (ADD int8 'int64', ADD numeric 'number', ADD timestamps 'iso', ADD nulls 'null');
SELECT convex_document(x) FROM map.t x;
-- the whole range of Int64, in its eight bytes, little-endian
UPDATE map.t SET bigs = '{-9223372036854775808,9223372036854775807,-1,0,1,256}', at = 'infinity', any_numeric = '-Infinity', short = 'NaN';
SELECT convex_document(x)::json -> 'bigs' AS bigs, convex_document(x)::json -> 'at' AS at, convex_document(x)::json -> 'any_numeric' AS any_numeric, convex_document(x)::json -> 'short' AS short FROM map.t x;
SELECT i, encode(decode(i #>> '{$integer}', 'base64'), 'hex') FROM map.t x, json_array_elements(convex_document(x)::json -> 'bigs') i LIMIT 2;
-- years that do not have four digits, microseconds, midnight
SELECT convex_document(x)::json ->> 'at' AS at FROM map.t x;
UPDATE map.t SET at = '12026-01-02 03:04:05.000007+00', local = '0001-12-31 23:59:59.999999 BC';
SELECT convex_document(x)::json ->> 'at' AS at, convex_document(x)::json ->> 'local' AS local FROM map.t x;

-- any numeric that a double gives back
UPDATE map.t SET any_numeric = 0.1234567890123456789;
SELECT convex_document(x) FROM map.t x;
UPDATE map.t SET any_numeric = 12345678901234567;
SELECT convex_document(x) FROM map.t x;
UPDATE map.t SET any_numeric = 1e20, at = '2026-11-23 00:00+00', local = '0044-03-15 12:00 BC', bigs = NULL;
SELECT convex_document(x) FROM map.t x;

ALTER SERVER convex OPTIONS (SET int8 'string', SET numeric 'string', SET timestamps 'ms', SET nulls 'omit');
SELECT convex_document(x) FROM map.t x;

-- per column
INSERT INTO convex_columns (server, source, source_column, type) VALUES
  ('convex', 'map.t', 'big', 'int64'), ('convex', 'map.t', 'short', 'number'),
  ('convex', 'map.t', 'at', 'iso'), ('convex', 'map.t', 'local', 'string');
SELECT convex_document(x) FROM map.t x;
-- what a type does not go as
UPDATE convex_columns SET type = 'int64' WHERE source_column = 'short';
SELECT convex_document(x) FROM map.t x;
UPDATE convex_columns SET type = 'iso' WHERE source_column = 'short';
SELECT convex_document(x) FROM map.t x;
UPDATE convex_columns SET type = 'ms' WHERE source_column = 'big';
SELECT convex_document(x) FROM map.t x;

ALTER SERVER convex OPTIONS (SET int8 'double');
ALTER SERVER convex OPTIONS (SET nulls 'keep');

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA map CASCADE;
DROP EXTENSION convex_migrate CASCADE;
