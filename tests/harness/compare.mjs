/**
 * The proof that a migration is complete and exact: every row of every table is
 * fetched with its text output, turned into the document it must have become
 * (expected_values.mjs), and compared field by field with what Convex has.
 * Nothing of the extension is used: neither its encoder nor its id map.
 */
import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import { conversionOf, OUTPUT_SETTINGS } from "./expected_values.mjs";
import { readRelations } from "./relations.mjs";

/** Rows fetched at a time. */
const FETCH_ROWS = 10000;

/**
 * @typedef {object} Difference
 * @property {string} table the Convex table
 * @property {string} key the row's key in Postgres
 * @property {string | null} field null when the whole document is missing, extra or repeated
 * @property {unknown} expected from Postgres; undefined when there must be none
 * @property {unknown} found in Convex; undefined when there is none
 */

/**
 * Compares all tables of a database with the documents of a deployment.
 * @param {pg.Client} client
 * @param {{ tableData(table: string): Promise<Record<string, unknown>[]> }} convex
 * @param {object} [options] what the server's options were, if not the defaults
 * @param {string[]} [options.schemas]
 * @param {Record<string, string>} [options.targets] Convex tables by `schema.table`, where not camel case of the table
 * @param {string} [options.keyField]
 * @param {"omit" | "null"} [options.nulls]
 * @param {"number" | "int64" | "string"} [options.int8]
 * @param {"auto" | "number" | "string"} [options.numeric]
 * @param {"ms" | "iso"} [options.timestamps]
 * @returns {Promise<{ documents: number, differences: Difference[] }>} how many documents there were, and what is wrong
 */
export async function compareDocuments(client, convex, options = {}) {
  const settings = {
    schemas: ["public"], targets: {}, keyField: "supabaseId", nulls: "omit",
    int8: "number", numeric: "auto", timestamps: "ms", ...options,
  };
  const relations = await readRelations(client, settings.schemas);
  const targetOf = ({ schema, name }) => settings.targets[`${schema}.${name}`] ?? camelCase(name);
  const differences = [];
  /** By relation's oid: its documents by key. */
  const documentsByRelation = new Map();
  let documents = 0;

  // All documents first: a table may refer to one that comes later, or to itself.
  for (const relation of relations) {
    const table = targetOf(relation);
    const found = await convex.tableData(table);
    documents += found.length;
    documentsByRelation.set(relation.oid, indexByKey(found, settings.keyField, table, differences));
  }
  const idOf = (relation, key) => documentsByRelation.get(relation.oid).get(key)?._id;
  for (const relation of relations) {
    const byKey = documentsByRelation.get(relation.oid);
    const table = targetOf(relation);
    const reader = rowReader(relation, relations, idOf, settings);
    for await (const row of fetchRows(client, reader.query)) {
      const { key, fields } = reader.expected(row);
      const document = byKey.get(key);
      compareOne(table, key, fields, document, differences);
      // Later tables still ask for this table's ids: mark it, do not take it out.
      if (document !== undefined) document[SEEN] = true;
    }
    for (const [key, document] of byKey) {
      if (!document[SEEN]) differences.push({ table, key, field: null, expected: undefined, found: document });
    }
  }
  return { documents, differences };
}

/** Marks a document that a row was found for. */
const SEEN = Symbol("seen");

/** workspace_members → workspaceMembers */
function camelCase(name) {
  return name.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

function indexByKey(documents, keyField, table, differences) {
  const byKey = new Map();
  for (const document of documents) {
    const key = document[keyField];
    if (byKey.has(key)) differences.push({ table, key, field: null, expected: undefined, found: document });
    else byKey.set(key, document);
  }
  return byKey;
}

function compareOne(table, key, expected, document, differences) {
  if (document === undefined) {
    differences.push({ table, key, field: null, expected: Object.fromEntries(expected), found: undefined });
    return;
  }
  for (const [field, value] of expected) {
    const found = document[field];
    if (!isDeepStrictEqual(value, found)) differences.push({ table, key, field, expected: value, found });
  }
  for (const [field, found] of Object.entries(document)) {
    const ours = expected.has(field) || field === "_id" || field === "_creationTime";
    if (!ours) differences.push({ table, key, field, expected: undefined, found });
  }
}

/**
 * How to read a table: a query that gives each row with the keys of the rows it
 * refers to (joined by PostgreSQL itself), and what a row becomes.
 */
function rowReader(relation, relations, idOf, settings) {
  if (relation.key.length === 0) throw new Error(`${relation.schema}.${relation.name} has no primary key to compare by`);
  const references = relation.foreignKeys
    .map((foreignKey) => ({ ...foreignKey, parent: relations.find(({ oid }) => oid === foreignKey.parent) }))
    .filter(({ parent }) => parent !== undefined)
    .map((reference) => ({ ...reference, field: referenceField(relation, reference) }));
  const values = relation.columns
    .filter(({ name }) => !references.some(({ field }) => field === name) && !isIdKey(relation, name))
    .map(({ name, type }) => ({ name, convert: conversionOf(type, settings) }));

  const selected = [
    ...relation.key.map((name) => keyColumn("r", name)),
    ...values.map(({ name }) => column("r", name)),
    ...references.flatMap(({ parent }, i) => parent.key.map((name) => keyColumn(`p${i}`, name))),
  ];
  const joins = references.map(({ parent, columns, parentColumns }, i) => {
    const conditions = columns.map((name, k) => `${column(`p${i}`, parentColumns[k])} = ${column("r", name)}`);
    return `LEFT JOIN ${tableName(parent)} p${i} ON ${conditions.join(" AND ")}`;
  });
  const query = `SELECT ${selected.join(", ")} FROM ${tableName(relation)} r ${joins.join(" ")}`;

  /** @param {(string | null)[]} row @returns {{ key: string, fields: Map<string, unknown> }} */
  const expected = (row) => {
    let next = 0;
    const take = (count) => row.slice(next, (next += count));
    const key = keyText(take(relation.key.length));
    const fields = new Map([[settings.keyField, key]]);
    const set = (field, value) => {
      if (value !== null || settings.nulls === "null") fields.set(field, value);
    };
    for (const { name, convert } of values) {
      const [text] = take(1);
      // A JSON null is a value: only NULL is left out.
      if (text === null) set(name, null);
      else fields.set(name, convert(text));
    }
    for (const { parent, field } of references) {
      const parentKey = take(parent.key.length);
      if (parentKey.includes(null)) set(field, null);
      else fields.set(field, idOf(parent, keyText(parentKey)) ?? `the id of ${keyText(parentKey)}`);
    }
    return { key, fields };
  };
  return { query, expected };
}

/** A key column named "id" is the key field alone, no field of its own. */
function isIdKey(relation, name) {
  return name === "id" && relation.key.includes(name);
}

/**
 * The field of a reference: the column's own; for a key column named "id" and
 * for a foreign key of several columns `<parent>_id`, or the constraint's name
 * when there is such a column already.
 */
function referenceField(relation, { name, columns, parent }) {
  if (columns.length === 1 && !isIdKey(relation, columns[0])) return columns[0];
  const field = `${parent.name}_id`;
  return relation.columns.some((other) => other.name === field) ? name : field;
}

/** The key as text; of several columns a JSON array of texts, spaced as PostgreSQL prints one. */
function keyText(texts) {
  return texts.length === 1 ? texts[0] : `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;
}

function column(alias, name) {
  return `${alias}.${pg.escapeIdentifier(name)}`;
}

/** Cast, since a key is what SQL calls its text: of char(4) and bool that is not what is printed. */
function keyColumn(alias, name) {
  return `${column(alias, name)}::text`;
}

function tableName({ schema, name }) {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}

/** Rows of a query as arrays of text, a part at a time. */
async function* fetchRows(client, query) {
  const fetch = { text: `FETCH ${FETCH_ROWS} FROM compared`, rowMode: "array", types: { getTypeParser: () => (text) => text } };
  await client.query("BEGIN READ ONLY");
  try {
    for (const [name, value] of Object.entries(OUTPUT_SETTINGS)) {
      await client.query("SELECT set_config($1, $2, true)", [name, value]);
    }
    await client.query(`DECLARE compared NO SCROLL CURSOR FOR ${query}`);
    for (;;) {
      const { rows } = await client.query(fetch);
      if (rows.length === 0) break;
      yield* rows;
    }
  } finally {
    await client.query("COMMIT");
  }
}
