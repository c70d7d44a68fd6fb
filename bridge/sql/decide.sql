-- In the copy: which tables can be made, and the statements that make them.
SET search_path = convex_bridge;

-- Columns that are left out by the user, and secrets of the provider's own
-- tables, which do not leave the source unless they are named.
WITH chosen AS (
  SELECT c.table_id, c.number, c.name, CASE
      WHEN t.schema || '.' || t.name || '.' || c.name = ANY (:'leave_out'::text[]) THEN 'left out by --leave-out'
      WHEN t.schema || '.' || t.name || '.' || c.name = ANY (:'secrets'::text[])
       AND t.schema || '.' || t.name || '.' || c.name <> ALL (:'besides'::text[]) THEN 'a secret' END AS reason
    FROM columns c JOIN tables t ON t.id = c.table_id
), gone AS (
  DELETE FROM columns c USING chosen h
   WHERE h.reason IS NOT NULL AND h.table_id = c.table_id AND h.number = c.number
), ruleless AS (
  -- what is about their values is nobody's concern
  DELETE FROM left_behind l USING chosen h
   WHERE h.reason IS NOT NULL AND l.table_id = h.table_id AND l.object = h.name AND l.kind IN ('default', 'sequence', 'generated')
)
INSERT INTO left_behind SELECT table_id, 'column', name, reason FROM chosen WHERE reason IS NOT NULL;

UPDATE tables SET reason = 'its name has a control character' WHERE reason IS NULL AND schema || name ~ '[[:cntrl:]]';

-- A type needs an extension that is not here.
UPDATE tables t SET reason = missing.reason
  FROM (SELECT c.table_id, string_agg(format('column %I is of type %s, and extension %s is not installed here', c.name, c.type, x.name), '; ' ORDER BY c.number) AS reason
          FROM columns c, unnest(c.extensions) AS x(name)
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = x.name)
         GROUP BY c.table_id) missing
 WHERE missing.table_id = t.id AND t.reason IS NULL;

CALL drop_unfounded();
DELETE FROM objects o WHERE o.table_id IS NOT NULL AND EXISTS (
  SELECT FROM unnest(o.columns) AS n(number)
   WHERE n.number > 0 AND NOT EXISTS (SELECT FROM columns c WHERE c.table_id = o.table_id AND c.number = n.number));

INSERT INTO objects (phase, kind, name, ddl)
SELECT DISTINCT 1, 'schema', s.name, format('CREATE SCHEMA IF NOT EXISTS %I', s.name)
  FROM (SELECT schema FROM tables WHERE reason IS NULL
        UNION SELECT split_part(o.name, '.', 1) FROM objects o WHERE phase = 10 AND o.name !~ '"'
        UNION SELECT x.schema FROM extensions x WHERE x.schema <> 'pg_catalog') AS s(name)
 WHERE s.name NOT IN ('public', 'pg_catalog');

-- Extensions that types need, and those that only bring operator classes for indexes.
INSERT INTO objects (phase, kind, name, ddl)
SELECT 2, 'extension', x.name, format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', x.name, x.schema)
  FROM extensions x JOIN pg_catalog.pg_available_extensions a ON a.name = x.name
 WHERE x.name IN (SELECT unnest(c.extensions) FROM columns c) OR x.name IN ('pg_trgm', 'btree_gin', 'btree_gist', 'vector');

INSERT INTO objects (phase, table_id, kind, name, ddl)
SELECT 20, t.id, 'table', qualified(t.*),
  format('CREATE TABLE %s (%s)', qualified(t.*), (
    SELECT string_agg(format('%I %s%s%s', c.name, c.type,
             CASE WHEN c."collation" IS NOT NULL AND NOT c.as_text THEN ' COLLATE ' || c."collation" ELSE '' END,
             CASE WHEN c.not_null THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY c.number)
      FROM columns c WHERE c.table_id = t.id))
  FROM tables t WHERE t.reason IS NULL;

-- A collation of the source's system that is not here decides nothing but the
-- order of texts: without it.
INSERT INTO objects (phase, table_id, kind, name, ddl)
SELECT 21, t.id, 'table', qualified(t.*),
  format('CREATE TABLE IF NOT EXISTS %s (%s)', qualified(t.*), (
    SELECT string_agg(format('%I %s%s', c.name, c.type, CASE WHEN c.not_null THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY c.number)
      FROM columns c WHERE c.table_id = t.id))
  FROM tables t
 WHERE t.reason IS NULL AND EXISTS (SELECT FROM columns c WHERE c.table_id = t.id AND c."collation" IS NOT NULL);

INSERT INTO objects (phase, table_id, kind, name, ddl)
SELECT 80, t.id, 'statistics', qualified(t.*), format('ANALYZE %s', qualified(t.*))
  FROM tables t WHERE t.reason IS NULL AND NOT t.outside;
