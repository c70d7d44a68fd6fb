-- At the source, with an empty search_path: the columns of the tables, and
-- those of tables outside that are referred to. A type needs an extension when
-- its elements, its base or its fields do.
COPY (
  WITH RECURSIVE wanted AS (
    SELECT a.attrelid, a.attnum, a.atttypid
    FROM pg_catalog.pg_attribute a
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND (a.attrelid = ANY (:'tables'::oid[])
        OR (a.attrelid = ANY (:'outside'::oid[]) AND EXISTS (
              SELECT FROM pg_catalog.pg_constraint k
              WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = a.attrelid
                AND a.attnum = ANY (k.confkey) AND k.conrelid = ANY (:'tables'::oid[]))))
  ), parts AS (
    SELECT attrelid, attnum, atttypid AS part FROM wanted
    UNION
    SELECT p.attrelid, p.attnum, inner_type.oid
    FROM parts p JOIN pg_catalog.pg_type t ON t.oid = p.part,
      LATERAL (SELECT t.typelem AS oid WHERE t.typlen = -1
               UNION ALL SELECT t.typbasetype
               UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
               UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS inner_type
    WHERE inner_type.oid <> 0
  )
  SELECT a.attrelid, a.attnum, a.attname,
    CASE WHEN reg.is THEN 'text' ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
    CASE WHEN a.attcollation <> t.typcollation THEN l.name END,
    a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
      WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND a.attnum = ANY (k.conkey) AND NOT k.convalidated),
    reg.is,
    coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> '',
    (SELECT pg_catalog.array_agg(DISTINCT x.extname ORDER BY x.extname)
       FROM parts p
       JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = p.part
         AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
       JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
      WHERE p.attrelid = a.attrelid AND p.attnum = a.attnum)
  FROM wanted w
  JOIN pg_catalog.pg_attribute a ON a.attrelid = w.attrelid AND a.attnum = w.attnum
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN LATERAL (
    SELECT pg_catalog.format('%I.%I', n.nspname, l.collname) AS name
    FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
    WHERE l.oid = a.attcollation) l ON true,
  LATERAL (SELECT a.atttypid::pg_catalog.regtype::text IN ('regclass', 'regproc', 'regprocedure', 'regoper',
    'regoperator', 'regtype', 'regrole', 'regnamespace', 'regconfig', 'regdictionary', 'regcollation',
    'aclitem', 'aclitem[]', 'regclass[]', 'regtype[]', 'regproc[]') AS is) reg
  ORDER BY a.attrelid, a.attnum
) TO STDOUT;
