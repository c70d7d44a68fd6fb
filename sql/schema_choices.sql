-- convex_schema(): enums as constants, indexes
-- on demand, the wide schema. Needs no Convex.
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'app');
CREATE SCHEMA app;
\a\t
CREATE TYPE app.order_status AS ENUM ('new', 'paid', 'sent');
CREATE TYPE app.class AS ENUM ('a', 'b');
CREATE TYPE app.once AS ENUM ('x', 'y');
CREATE TYPE app.line AS (status app.order_status, n int);
CREATE TABLE app.orders (id int PRIMARY KEY, status app.order_status NOT NULL, before app.order_status, all_of app.order_status[],
  line app.line, class app.class, "Klasse" app.class, once app.once, total numeric, at timestamptz, day date, body text, note varchar, tags text[]);
CREATE INDEX orders_open ON app.orders (status, at) WHERE day IS NULL;
CREATE UNIQUE INDEX orders_one ON app.orders (class) WHERE status = 'new';
CREATE INDEX orders_hash ON app.orders USING hash (total);
CREATE INDEX orders_body ON app.orders USING gin (to_tsvector('english', body));
CREATE INDEX orders_both ON app.orders USING gin (to_tsvector('english', body || note));
CREATE INDEX orders_tags ON app.orders USING gin (tags);
SELECT convex_schema();
ALTER SERVER convex OPTIONS (ADD indexes 'all', ADD nulls 'null');
SELECT convex_schema();
ALTER SERVER convex OPTIONS (SET indexes 'some');
-- for the time of a change: documents may be anything, records may not
CREATE TABLE app.small (id int PRIMARY KEY);
SELECT regexp_replace(convex_schema(wide => true), '.*\n};\n', '');
SELECT convex_schema(wide => NULL) = convex_schema();
DROP SCHEMA app CASCADE;
DROP EXTENSION convex_migrate CASCADE;
