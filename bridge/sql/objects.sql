-- At the source, with an empty search_path: what else the migration needs, as
-- the statements that make it. Types before tables (phase 10), the rest after
-- the rows: keys and indexes (40), foreign keys (50), checks (60), comments (70).
COPY (
  WITH RECURSIVE types AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ANY (:'tables'::oid[] || :'outside'::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type.oid
    FROM types p JOIN pg_catalog.pg_type t ON t.oid = p.oid,
      LATERAL (SELECT t.typelem AS oid WHERE t.typlen = -1
               UNION ALL SELECT t.typbasetype
               UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
               UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS inner_type
    WHERE inner_type.oid <> 0
  ), own AS (  -- neither PostgreSQL's nor an extension's
    SELECT t.*, pg_catalog.format('%I.%I', n.nspname, t.typname) AS name
    FROM types JOIN pg_catalog.pg_type t ON t.oid = types.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')
  ), indexes AS (
    SELECT i.*, pg_catalog.format('%I.%I', n.nspname, x.relname) AS name, m.amname,
      pg_catalog.pg_get_indexdef(i.indexrelid) AS def,
      ' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS condition,
      k.oid AS conid, k.conname, k.contype
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
    JOIN pg_catalog.pg_am m ON m.oid = x.relam
    LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
    WHERE i.indisvalid
      AND (i.indrelid = ANY (:'tables'::oid[])
        OR (i.indrelid = ANY (:'outside'::oid[]) AND EXISTS (SELECT FROM pg_catalog.pg_constraint f
             WHERE f.contype = 'f' AND f.conindid = i.indexrelid AND f.conrelid = ANY (:'tables'::oid[]))))
  ), objects AS (
    SELECT 10 AS phase, 1 AS n, NULL::oid AS table_id, NULL::oid AS other_id, NULL::int[] AS columns, 'collation' AS kind,
      pg_catalog.format('%I.%I', n.nspname, l.collname) AS name,
      pg_catalog.format('CREATE COLLATION %I.%I (provider = %s, locale = %L%s)', n.nspname, l.collname,
        CASE l.collprovider WHEN 'i' THEN 'icu' ELSE 'libc' END,
        coalesce(pg_catalog.to_jsonb(l) ->> 'colllocale', pg_catalog.to_jsonb(l) ->> 'colliculocale', l.collcollate),
        CASE WHEN pg_catalog.to_jsonb(l) ->> 'collisdeterministic' = 'false' THEN ', deterministic = false' ELSE '' END) AS ddl
    FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
    WHERE n.nspname <> 'pg_catalog' AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = ANY (:'tables'::oid[]) AND a.attcollation = l.oid)
    UNION ALL
    SELECT 10, 2, NULL, NULL, NULL, 'type', t.name,
      CASE t.typtype
        WHEN 'e' THEN (SELECT pg_catalog.format('CREATE TYPE %s AS ENUM (%s)', t.name,
                                pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
                       FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
        WHEN 'd' THEN pg_catalog.format('CREATE DOMAIN %s AS %s%s', t.name,
                        pg_catalog.format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END)
        WHEN 'c' THEN (SELECT pg_catalog.format('CREATE TYPE %s AS (%s)', t.name,
                                coalesce(pg_catalog.string_agg(pg_catalog.format('%I %s', a.attname,
                                  pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum), ''))
                       FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
        WHEN 'r' THEN (SELECT pg_catalog.format('CREATE TYPE %s AS RANGE (SUBTYPE = %s)', t.name,
                                pg_catalog.format_type(r.rngsubtype, NULL))
                       FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
      END
    FROM own t
    WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND t.typrelid IN (
      SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind = 'c'))
    UNION ALL
    SELECT 60, 1, NULL, NULL, NULL, 'check of a domain', pg_catalog.format('%s of %s', k.conname, t.name),
      pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', t.name, k.conname, pg_catalog.pg_get_constraintdef(k.oid))
    FROM own t JOIN pg_catalog.pg_constraint k ON k.contypid = t.oid AND k.contype = 'c'
    UNION ALL
    SELECT 40, 1, k.conrelid, NULL, k.conkey::int[], 'key', k.conname::text,
      pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::pg_catalog.regclass, k.conname,
        pg_catalog.pg_get_constraintdef(k.oid))
    FROM indexes i JOIN pg_catalog.pg_constraint k ON k.oid = i.conid
    WHERE i.contype IN ('p', 'u')
    UNION ALL
    -- Of those that are not btrees only the definition counts (whether and as
    -- what they go to Convex): built over no rows.
    SELECT 40, 2, i.indrelid, NULL, i.indkey::int2[]::int[], 'index', i.name,
      CASE WHEN i.amname <> 'btree'
           THEN pg_catalog.left(i.def, pg_catalog.length(i.def) - coalesce(pg_catalog.length(i.condition), 0)) || ' WHERE false'
           ELSE i.def END
    FROM indexes i WHERE i.conid IS NULL
    UNION ALL
    SELECT 45, 1, i.indrelid, NULL, i.indkey::int2[]::int[], 'replica identity', i.name,
      pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', i.indrelid::pg_catalog.regclass,
        (SELECT x.relname FROM pg_catalog.pg_class x WHERE x.oid = i.indexrelid))
    FROM indexes i WHERE i.indisreplident
    UNION ALL
    SELECT 50, 1, k.conrelid, k.confrelid, k.conkey::int[], 'foreign key',
      pg_catalog.format('%s of %s', k.conname, k.conrelid::pg_catalog.regclass),
      pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', k.conrelid::pg_catalog.regclass, k.conname,
        pg_catalog.pg_get_constraintdef(k.oid),
        CASE WHEN k.confrelid = ANY (:'outside'::oid[]) AND k.convalidated THEN ' NOT VALID' ELSE '' END)
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (:'tables'::oid[])
    UNION ALL
    SELECT 60, 2, k.conrelid, NULL, k.conkey::int[], 'check', pg_catalog.format('%s of %s', k.conname, k.conrelid::pg_catalog.regclass),
      pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::pg_catalog.regclass, k.conname,
        pg_catalog.pg_get_constraintdef(k.oid))
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'c' AND k.conrelid = ANY (:'tables'::oid[])
    UNION ALL
    SELECT 70, 1, d.objoid, NULL, CASE WHEN d.objsubid > 0 THEN ARRAY[d.objsubid] END, 'comment', 'on ' || d.objoid::pg_catalog.regclass::text,
      CASE WHEN d.objsubid = 0 THEN pg_catalog.format('COMMENT ON TABLE %s IS %L', d.objoid::pg_catalog.regclass, d.description)
           ELSE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', d.objoid::pg_catalog.regclass,
             (SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = d.objoid AND a.attnum = d.objsubid), d.description) END
    FROM pg_catalog.pg_description d
    WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = ANY (:'tables'::oid[])
  )
  SELECT phase, table_id, other_id, columns, kind, name, ddl FROM objects
  WHERE ddl IS NOT NULL ORDER BY phase, n, table_id, name
) TO STDOUT;
