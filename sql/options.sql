-- Options of servers and user mappings: what is accepted, what is refused and
-- with which words. Nothing here reaches the network.
CREATE EXTENSION convex_migrate;

-- a server needs a url, and takes every documented option
CREATE SERVER s FOREIGN DATA WRAPPER convex_migrate;
CREATE SERVER s FOREIGN DATA WRAPPER convex_migrate OPTIONS (
  url 'https://happy-animal-123.convex.cloud/', method 'mutation',
  functions 'admin/migrate', schemas 'public, "My Schema"', key_field 'legacyId',
  batch_rows '1000', batch_bytes '512kB', concurrency '16', max_retries '0',
  timeout '1min', retry_ambiguous 'on', orphans 'null', active 'off');

-- misspelled and misplaced options
ALTER SERVER s OPTIONS (ADD batch_row '10');
ALTER SERVER s OPTIONS (ADD nonsense 'x');
ALTER SERVER s OPTIONS (ADD deploy_key 'dev:happy-animal-123|secret');
CREATE FOREIGN DATA WRAPPER w VALIDATOR convex_migrate_validator OPTIONS (url 'https://happy-animal-123.convex.cloud');

-- url
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'happy-animal-123');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://happy-animal-123.convex.cloud');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'ftp://127.0.0.1/');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://happy-animal-123.convex.site');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://happy-animal-123.eu-west-1.convex.site/x');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://dashboard.convex.dev/t/team/project/happy-animal-123/data');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://dashboard.convex.dev/');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://user:pw@happy-animal-123.convex.cloud');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://happy-animal-123.convex.cloud/?x=1');
-- what only looks like this machine
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.256');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1.example.org');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://localhost.example.org');
CREATE SERVER t FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://happy-animal-123.convex.site.');
CREATE SERVER t1 FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:3210');
CREATE SERVER t2 FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://[::1]:3210');
CREATE SERVER t3 FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://LOCALHOST:3210/');

-- numbers and units
ALTER SERVER s OPTIONS (SET batch_rows '0');
ALTER SERVER s OPTIONS (SET batch_rows '1001');
ALTER SERVER s OPTIONS (SET batch_rows 'many');
ALTER SERVER s OPTIONS (SET batch_rows '10kB');
ALTER SERVER s OPTIONS (SET batch_bytes '5MB');
ALTER SERVER s OPTIONS (SET batch_bytes '1 lot');
ALTER SERVER s OPTIONS (SET concurrency '513');
ALTER SERVER s OPTIONS (SET timeout '99ms');
ALTER SERVER s OPTIONS (SET timeout '2h');
ALTER SERVER s OPTIONS (SET max_retries '-1');

-- words
ALTER SERVER s OPTIONS (SET orphans 'drop');
ALTER SERVER s OPTIONS (SET retry_ambiguous 'maybe');
ALTER SERVER s OPTIONS (SET active 'perhaps');
ALTER SERVER s OPTIONS (SET method 'import');
ALTER SERVER s OPTIONS (SET method 'mutation');
ALTER SERVER s OPTIONS (ADD import_patience '25h');
ALTER SERVER s OPTIONS (SET method 'copy');
ALTER SERVER s OPTIONS (ADD int8 'double');
ALTER SERVER s OPTIONS (ADD numeric 'int64');
ALTER SERVER s OPTIONS (ADD timestamps 'seconds');
ALTER SERVER s OPTIONS (ADD nulls 'keep');

-- names
ALTER SERVER s OPTIONS (SET schemas '');
ALTER SERVER s OPTIONS (SET schemas '"a');
ALTER SERVER s OPTIONS (SET functions 'migrate.ts');
ALTER SERVER s OPTIONS (SET functions '/migrate');
ALTER SERVER s OPTIONS (SET functions 'admin//migrate');
ALTER SERVER s OPTIONS (SET key_field '_id');
ALTER SERVER s OPTIONS (SET key_field 'id');
ALTER SERVER s OPTIONS (SET key_field 'old id');

-- deploy keys: none of these messages may show the key
CREATE USER MAPPING FOR CURRENT_USER SERVER s;
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key '');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key 'preview:team:project|SECRET');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key 'project:team:project|SECRET');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key 'SECRET');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key E'dev:x|SECRET\r\nX-Header: y');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key_file 'convex.key');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key 'dev:x|y', deploy_key_file '/x');
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key 'prod:other-animal-456|SECRET');

-- only those who may read files of the server may name one
CREATE ROLE regress_convex_plain;
GRANT USAGE ON FOREIGN SERVER s TO regress_convex_plain;
SET ROLE regress_convex_plain;
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key_file '/etc/passwd');
RESET ROLE;

-- a server that is not active, or not there, or of another wrapper
SELECT * FROM convex_migrate('s');
SELECT * FROM convex_migrate('nowhere');
SELECT * FROM convex_plan('nowhere');
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER other FOREIGN DATA WRAPPER w;
SELECT * FROM convex_plan('other');
SELECT * FROM convex_plan(NULL);

-- the key is for another deployment than the server: nothing is sent
ALTER SERVER s OPTIONS (SET active 'on', SET schemas 'public');
CREATE TABLE one (id int PRIMARY KEY);
SELECT * FROM convex_migrate('s');
SELECT * FROM convex_migrate('s', method => 'import');
-- parameters that choose the method
SELECT * FROM convex_migrate('s', method => 'copy');
SELECT * FROM convex_migrate('s', mode => 'replace');
SELECT * FROM convex_migrate('s', method => 'import', mode => 'replace_all');
ALTER SERVER s OPTIONS (SET method 'import');
SELECT * FROM convex_migrate('s', mode => 'replaceAll');
SELECT * FROM convex_migrate('s', method => 'mutation', mode => 'append');
SELECT * FROM convex_migrate('s', mode => 'append');
ALTER SERVER s OPTIONS (SET method 'mutation');
-- no user mapping
DROP USER MAPPING FOR CURRENT_USER SERVER s;
SELECT * FROM convex_migrate('s');

-- key files are looked at when they are used
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (deploy_key_file '/nonexistent/convex.key');
SELECT * FROM convex_migrate('s');
ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (SET deploy_key_file '/');
SELECT * FROM convex_migrate('s');

-- the setting
SHOW convex_migrate.progress_interval;
-- (the code alone: since 17 the text shows the range with units)
\set VERBOSITY sqlstate
SET convex_migrate.progress_interval = '-2';

\set VERBOSITY terse
SET client_min_messages = warning;
DROP TABLE one;
DROP SERVER other;
DROP FOREIGN DATA WRAPPER w;
DROP EXTENSION convex_migrate CASCADE;
DROP ROLE regress_convex_plain;
