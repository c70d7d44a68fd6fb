-- Enums: labels of any text.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.label AS ENUM ('sad', 'it''s "fine"', E'back\\slash', E'\U0001f600 \u00fc', '', '$x', E'tab\tnew\nline');
CREATE TABLE types.t (v types.label PRIMARY KEY, list types.label[]);
INSERT INTO types.t SELECT l, enum_range(NULL, l) FROM unnest(enum_range(NULL::types.label)) l;
SELECT public.convex_document(x) FROM types.t x ORDER BY v;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
