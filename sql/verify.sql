-- convex_verify(): what is refused before anything is asked
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA verified;
CREATE TABLE verified.items (id int PRIMARY KEY);
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'verified');
SELECT * FROM convex_verify(level => 'all');
SELECT * FROM convex_verify(level => NULL);
SELECT * FROM convex_verify(NULL);
SELECT * FROM convex_verify('nowhere');
SELECT * FROM convex_verify(level => 'counts', repair => true);
-- no user mapping
SELECT * FROM convex_verify();
BEGIN READ ONLY;
SELECT * FROM convex_verify();
ROLLBACK;
BEGIN;
INSERT INTO verified.items VALUES (1);
SELECT * FROM convex_verify(repair => true);
ROLLBACK;
SELECT * FROM convex_differences;
DROP SCHEMA verified CASCADE;
DROP EXTENSION convex_migrate CASCADE;
