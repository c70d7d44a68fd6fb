-- xml: its text.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v xml, list xml[]);
INSERT INTO types.t VALUES
  (1, '<a b="1">&lt;''text''<![CDATA[<&]]></a>', ARRAY['<x/>', 'text']::xml[]),
  (2, E'<?xml version="1.0" encoding="UTF-8"?>\n<a>\u00e9</a>', '{}'),
  (3, '<?xml version="1.1" standalone="yes"?><a/>', NULL), (4, '', NULL),
  (5, xmlelement(name when, xmlattributes(true AS sure), 1.50), NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
