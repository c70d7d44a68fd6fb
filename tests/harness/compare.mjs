/**
 * The proof that a migration is complete and exact: every row of every table is
 * fetched with its text output, turned into the document it must have become
 * (expected_values.mjs), and compared field by field with what Convex has.
 * Nothing of the extension is used: neither its encoder nor its id map. What a
 * test expects beyond the defaults (names, keys, which rows go) it says in the options.
 *
 * A row of a table without a key is known by its content alone: there must be as
 * many equal documents as equal rows.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import pg from "pg";
import { conversionOf, OUTPUT_SETTINGS } from "./expected_values.mjs";
import { readRelations } from "./relations.mjs";

/** Rows fetched at a time. */
const FETCH_ROWS = 10000;

/**
 * @typedef {object} Difference
 * @property {string} table the Convex table
 * @property {string} key the row's key in Postgres; without a key, its content
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
 * @param {"reject" | "null" | "keep"} [options.orphans] what is in the field of a reference without a document
 * @param {string[]} [options.excluded] tables (`schema.table`) that stay behind; references to them are values
 * @param {Record<string, string>} [options.rows] by `schema.table`, an SQL condition over `r`: the rows that must be there
 * @param {Record<string, string[]>} [options.keys] by `schema.table`, the key, where it is not the primary key
 * @param {Record<string, Record<string, string | null>>} [options.fields] by `schema.table` and the name that a field
 *   has by default (the column's, the reference's), the name that it must have; null: there must be none
 * @param {Record<string, { column: string, parent: string, parentColumn: string }[]>} [options.references]
 *   by `schema.table`, references that the database does not declare
 * @returns {Promise<{ documents: number, differences: Difference[] }>} how many documents there were, and what is wrong
 */
export async function compareDocuments(client, convex, options = {}) {
  const settings = {
    schemas: ["public"], targets: {}, keyField: "supabaseId", nulls: "omit",
    int8: "number", numeric: "auto", timestamps: "ms", orphans: "reject",
    excluded: [], rows: {}, keys: {}, fields: {}, references: {}, ...options,
  };
  const relations = await configuredRelations(client, settings);
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
    if (relation.key.length === 0) {
      await compareContents(client, reader, table, [...byKey.values()], settings.keyField, differences);
      continue;
    }
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

/** The relations that are migrated, with the keys and references that the options say. */
async function configuredRelations(client, { schemas, excluded, keys, references }) {
  const all = await readRelations(client, schemas);
  const byName = new Map(all.map((relation) => [nameOf(relation), relation]));
  for (const [name, key] of Object.entries(keys)) byName.get(name).key = key;
  for (const [name, declared] of Object.entries(references)) {
    for (const { column, parent, parentColumn } of declared) {
      byName.get(name).foreignKeys.push({
        name: `${column}_reference`, columns: [column], parent: byName.get(parent).oid, parentColumns: [parentColumn],
      });
    }
  }
  return all.filter((relation) => !excluded.includes(nameOf(relation)));
}

function nameOf({ schema, name }) {
  return `${schema}.${name}`;
}

/** Compares a table without a key: each row with any document of the same content. */
async function compareContents(client, reader, table, documents, keyField, differences) {
  const byContent = new Map();
  for (const document of documents) {
    const { _id, _creationTime, [keyField]: key, ...fields } = document;
    const content = contentOf(Object.entries(fields));
    byContent.set(content, [...(byContent.get(content) ?? []), document]);
  }
  for await (const row of fetchRows(client, reader.query)) {
    const { fields } = reader.expected(row);
    fields.delete(keyField);
    const content = contentOf(fields);
    const found = byContent.get(content)?.pop();
    if (found === undefined) {
      differences.push({ table, key: content, field: null, expected: Object.fromEntries(fields), found });
    }
  }
  for (const [content, extra] of byContent) {
    for (const found of extra) differences.push({ table, key: content, field: null, expected: undefined, found });
  }
}

/** Fields as one text: the same for the same content in any order. */
function contentOf(fields) {
  return inspect(Object.fromEntries(fields), { sorted: true, depth: null, maxArrayLength: null, maxStringLength: null });
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
  const names = settings.fields[nameOf(relation)] ?? {};
  const fieldOf = (name) => (Object.hasOwn(names, name) ? names[name] : name);
  const references = referencesOf(relation, relations)
    .map((reference) => ({ ...reference, field: fieldOf(reference.field) }))
    .filter(({ field }) => field !== null);
  const referenceFields = references.map(({ field }) => field);
  const values = relation.columns
    .filter(({ name }) => !isIdKey(relation, name))
    .map(({ name, type }) => ({ name, field: fieldOf(name), convert: conversionOf(type, settings) }))
    .filter(({ field }) => field !== null && !referenceFields.includes(field));
  const query = rowsQuery(relation, values, references, settings.rows[nameOf(relation)]);

  /** @param {(string | null)[]} row @returns {{ key: string, fields: Map<string, unknown> }} */
  const expected = (row) => {
    let next = 0;
    const take = (count) => row.slice(next, (next += count));
    const key = keyText(take(relation.key.length));
    const fields = new Map([[settings.keyField, key]]);
    const set = (field, value) => {
      if (value !== null || settings.nulls === "null") fields.set(field, value);
    };
    for (const { field, convert } of values) {
      const [text] = take(1);
      // A JSON null is a value: only NULL is left out.
      if (text === null) set(field, null);
      else fields.set(field, convert(text));
    }
    for (const { parent, columns, field } of references) {
      const own = take(columns.length);
      const parentKey = take(parent.key.length);
      const id = parentKey.includes(null) ? undefined : idOf(parent, keyText(parentKey));
      set(field, own.includes(null) ? null : (id ?? orphan(keyText(own), settings.orphans)));
    }
    return { key, fields };
  };
  return { query, expected };
}

/** What the field of a reference without a document must hold; for "reject" what no document can. */
function orphan(own, policy) {
  return { reject: `the id of ${own}`, null: null, keep: own }[policy];
}

/** Foreign keys to tables that are migrated, each with its field. */
function referencesOf(relation, relations) {
  const taken = new Set();
  return relation.foreignKeys
    .map((foreignKey) => ({ ...foreignKey, parent: relations.find(({ oid }) => oid === foreignKey.parent) }))
    .filter(({ parent }) => parent !== undefined)
    .map((reference) => {
      if (reference.parent.key.length === 0) {
        throw new Error(`${nameOf(relation)} refers to ${nameOf(reference.parent)}, which has no key to compare by`);
      }
      const field = referenceField(relation, reference, taken);
      taken.add(field);
      return { ...reference, field };
    });
}

/** A row: its key, its values, and of each reference the own columns and the key of the row it points to. */
function rowsQuery(relation, values, references, condition = "true") {
  const selected = [
    ...relation.key.map((name) => keyColumn("r", name)),
    ...values.map(({ name }) => column("r", name)),
    ...references.flatMap(({ columns, parent }, i) => [
      ...columns.map((name) => keyColumn("r", name)),
      ...parent.key.map((name) => keyColumn(`p${i}`, name)),
    ]),
  ];
  const joins = references.map(({ parent, columns, parentColumns }, i) => {
    const conditions = columns.map((name, k) => `${column(`p${i}`, parentColumns[k])} = ${column("r", name)}`);
    return `LEFT JOIN ${rowsOf(parent)} p${i} ON ${conditions.join(" AND ")}`;
  });
  return `SELECT ${selected.join(", ")} FROM ${rowsOf(relation)} r ${joins.join(" ")} WHERE ${condition}`;
}

/** A key column named "id" is the key field alone, no field of its own. */
function isIdKey(relation, name) {
  return name === "id" && relation.key.includes(name);
}

/**
 * The field of a reference: the column's own; for a key column named "id", a
 * foreign key of several columns and one whose column is another's field
 * already `<parent>_id`, or the constraint's name when that is taken.
 */
function referenceField(relation, { name, columns, parent }, taken) {
  if (columns.length === 1 && !isIdKey(relation, columns[0]) && !taken.has(columns[0])) return columns[0];
  const field = `${parent.name}_id`;
  return taken.has(field) || relation.columns.some((other) => other.name === field) ? name : field;
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

/** The rows of the table itself, without those of tables that inherit from it. */
function rowsOf({ schema, name, kind }) {
  return `${kind === "p" ? "" : "ONLY "}${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
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
