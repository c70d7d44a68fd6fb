-- inet, cidr, macaddr and macaddr8: their texts.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TABLE types.t (id int PRIMARY KEY, v inet, net cidr, mac macaddr, mac8 macaddr8, list inet[]);
INSERT INTO types.t VALUES
  (1, '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '{10.0.0.1,::1}'),
  (2, '10.0.0.1', '0.0.0.0/0', '0800.2B01.0203', '0800.2B01.0203', '{}'),
  (3, '2001:DB8::1/64', '2001:db8::/32', NULL, NULL, NULL), (4, '::ffff:1.2.3.4', '::/0', NULL, NULL, NULL);
SELECT public.convex_document(x) FROM types.t x ORDER BY id;

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
