/**
 * What the comparison must know of the tables, read from PostgreSQL's catalogs:
 * columns with their types, keys and foreign keys. Used by compare.mjs.
 *
 * @typedef {{ name: string, type: TypeInfo }} Attribute
 * @typedef {{ name: string, kind: string, modifier: number, delimiter: string, element: TypeInfo | null, attributes: Attribute[] | null }} TypeInfo
 *   name as in pg_type, domains replaced by what they are made of, also in arrays; kind is pg_type.typtype; `delimiter`
 *   stands between elements of the type
 * @typedef {{ name: string, type: TypeInfo, notNull: boolean }} Column
 * @typedef {{ name: string, columns: string[], parent: number, partition: string | null, parentColumns: string[] }} ForeignKey
 *   `partition`: the only one of the parent that it points to, as SQL
 * @typedef {{ oid: number, schema: string, name: string, kind: string, columns: Column[], key: string[], foreignKeys: ForeignKey[] }} Relation
 */

/**
 * The ordinary, partitioned and foreign tables of the given schemas that belong to no
 * extension; partitions go with their table.
 * @param {import("pg").Client} client
 * @param {string[]} schemas
 * @returns {Promise<Relation[]>}
 */
export async function readRelations(client, schemas) {
  const { rows } = await client.query(`
    SELECT c.oid::int8::text AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
      coalesce((SELECT array_agg(a.attname::text ORDER BY k.position)
        FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, position)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary), '{}') AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 2, 3`, [schemas]);
  const types = await readTypes(client);
  const relations = [];
  for (const { oid, schema, name, kind, key } of rows) {
    const columns = await readColumns(client, oid, types);
    const foreignKeys = await readForeignKeys(client, oid);
    relations.push({ oid: Number(oid), schema, name, kind, key, columns, foreignKeys });
  }
  return relations;
}

async function readTypes(client) {
  const { rows } = await client.query(`
    SELECT oid::int8::text AS oid, typname AS name, typtype AS kind, typbasetype::int8::text AS base,
      typtypmod AS modifier, typdelim AS delimiter, typrelid::int8::text AS relation,
      CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END::int8::text AS element
    FROM pg_type`);
  const { rows: attributes } = await client.query(`
    SELECT c.oid::int8::text AS relation, a.attname AS name, a.atttypid::int8::text AS type, a.atttypmod AS modifier
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`);
  const types = new Map(rows.map((row) => [row.oid, { ...row, attributes: [] }]));
  const byRelation = new Map(rows.map(({ relation, oid }) => [relation, types.get(oid)]));
  for (const { relation, ...attribute } of attributes) byRelation.get(relation).attributes.push(attribute);
  return types;
}

/** @returns {TypeInfo} */
function typeInfo(types, oid, modifier) {
  const { name, kind, base, modifier: domainModifier, delimiter, element, attributes } = types.get(oid);
  if (kind === "d") return typeInfo(types, base, domainModifier);
  return {
    name, kind, modifier, delimiter, element: element === "0" ? null : typeInfo(types, element, modifier),
    attributes: kind !== "c" ? null
      : attributes.map((attribute) => ({ name: attribute.name, type: typeInfo(types, attribute.type, attribute.modifier) })),
  };
}

async function readColumns(client, oid, types) {
  const { rows } = await client.query(`
    SELECT attname AS name, atttypid::int8::text AS type, atttypmod AS modifier, attnotnull AS "notNull"
    FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, [oid]);
  return rows.map(({ name, type, modifier, notNull }) => ({ name, type: typeInfo(types, type, modifier), notNull }));
}

/**
 * The foreign keys of a table that are references: temporal ones (since 18) ask for periods that overlap. The rows of a
 * partition are those of its root.
 */
async function readForeignKeys(client, oid) {
  const { rows } = await client.query(`
    SELECT con.conname AS name, coalesce(pg_partition_root(con.confrelid)::oid, con.confrelid)::int8::text AS parent,
      CASE WHEN (SELECT relispartition FROM pg_class WHERE oid = con.confrelid) THEN con.confrelid::regclass::text END AS partition,
      array_agg(child.attname::text ORDER BY k.position) AS columns,
      array_agg(parent.attname::text ORDER BY k.position) AS "parentColumns"
    FROM pg_constraint con CROSS JOIN unnest(con.conkey, con.confkey) WITH ORDINALITY k(child, parent, position)
    JOIN pg_attribute child ON child.attrelid = con.conrelid AND child.attnum = k.child
    JOIN pg_attribute parent ON parent.attrelid = con.confrelid AND parent.attnum = k.parent
    WHERE con.conrelid = $1 AND con.contype = 'f' AND con.conparentid = 0
      AND to_jsonb(con) ->> 'conperiod' IS DISTINCT FROM 'true'
    GROUP BY con.oid, con.conname, con.confrelid ORDER BY con.conname`, [oid]);
  return rows.map((row) => ({ ...row, parent: Number(row.parent) }));
}
