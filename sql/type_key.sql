-- Keys go as text, which must not depend on the session: nor the hash that a row
-- without a key is known by.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (at timestamptz, local timestamp, day date, took interval, f4 float4, f8 float8, n numeric, b bool, raw bytea, cost money, name text,
  PRIMARY KEY (at, local, day, took, f4, f8, n, b, raw, cost, name));
INSERT INTO types.t VALUES ('2026-11-23 12:34:56.789012+00', '0044-03-15 12:00:00 BC', '2026-11-23', 'P1DT-2H', 0.1, 0.30000000000000004, 1.50, true,
  decode('00ff', 'hex'), 1234.5::numeric::money, E'a"b\\c\n\u00e9');
SELECT public.convex_document(x)::json ->> 'id' FROM types.t x;
CREATE TABLE types.moments (at timestamptz PRIMARY KEY);
INSERT INTO types.moments VALUES ('2026-11-23 12:34:56.789012+00'), ('infinity'), ('0044-03-15 12:00:00+00 BC');
SELECT public.convex_document(x) FROM types.moments x ORDER BY at;
CREATE TABLE types.raws (raw bytea PRIMARY KEY);
INSERT INTO types.raws VALUES (decode('00ff5c', 'hex'));
SELECT public.convex_document(x) FROM types.raws x;
-- a uuid by way of a domain
CREATE DOMAIN types.reference AS uuid;
CREATE TABLE types.tickets (code types.reference PRIMARY KEY);
INSERT INTO types.tickets VALUES ('ABCDEFab-0000-1111-2222-0123456789ab');
SELECT public.convex_document(x) FROM types.tickets x;

CREATE TABLE types.keyless (LIKE types.t);
INSERT INTO types.keyless TABLE types.t;
SELECT public.convex_document(x)::json ->> 'id' FROM types.keyless x;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
