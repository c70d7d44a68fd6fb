-- Geometric types: their texts, by the shortest digits.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, p point, l line, s lseg, b box, path path, poly polygon, c circle, list point[], boxes box[]);
INSERT INTO types.t VALUES
  (1, '(0.1,-0)', '{1,-1,0.3}', '[(0,0),(1e-7,1e20)]', '(2,2),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0.1,0.2),3>',
   ARRAY['(1,2)', '(NaN,Infinity)']::point[], '{(1,1),(0,0);(2,2),(1,1)}'),
  (2, '(5e-324,1.7976931348623157e308)', NULL, NULL, NULL, '((0,0),(1,1))', NULL, NULL, '{}', '{}');
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
