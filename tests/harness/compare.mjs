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
import { nameOf, rowReader } from "./expected_rows.mjs";
import { OUTPUT_SETTINGS } from "./expected_values.mjs";
import { readRelations } from "./relations.mjs";

/** Rows fetched at a time. */
const FETCH_ROWS = 10000;

/**
 * @typedef {object} Refusal a row that cannot go as it is
 * @property {string} table the Convex table
 * @property {string} key as of a Difference
 * @property {import("./expected_place.mjs").Problem[]} problems any of which may be the reason
 * @property {boolean} inPart its document is there all the same, without the references that are the problems
 *
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
 * @param {Record<string, Record<string, string>>} [options.choices] by `schema.table` and column, its type in convex_columns
 * @param {Record<string, string[]>} [options.deferred] by Convex table, the fields that the second pass sets
 * @param {boolean} [options.mayRefuse] that some rows cannot go, orphans among them, is no difference
 * @returns {Promise<{ documents: number, differences: Difference[], refusals: Refusal[] }>} how many documents there
 *   were, what is wrong, and which rows must have been rejected
 */
export async function compareDocuments(client, convex, options = {}) {
  const settings = {
    schemas: ["public"], targets: {}, keyField: "supabaseId", nulls: "omit",
    int8: "number", numeric: "auto", timestamps: "ms", orphans: "reject",
    excluded: [], rows: {}, keys: {}, fields: {}, references: {}, choices: {}, deferred: {}, mayRefuse: false, ...options,
  };
  const relations = await configuredRelations(client, settings);
  const targetOf = ({ schema, name }) => settings.targets[`${schema}.${name}`] ?? camelCase(name);
  const differences = [];
  const refusals = [];
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
    const reader = rowReader(relation, relations, idOf, { ...settings, deferred: settings.deferred[table] ?? [] });
    const goes = (key, { problems, inPart }) => {
      if (problems.length === 0) return true;
      if (settings.mayRefuse) refusals.push({ table, key, problems, inPart });
      else differences.push({ table, key, field: problems[0].path, expected: problems, found: undefined });
      return inPart;
    };
    reader.normalize([...byKey.values()]);
    if (relation.key.length === 0) {
      await compareContents(client, reader, goes, table, [...byKey.values()], settings.keyField, differences);
      continue;
    }
    for await (const row of fetchRows(client, reader.query)) {
      const { key, fields, ...refusal } = reader.expected(row);
      if (!goes(key, refusal)) continue;
      const document = byKey.get(key);
      compareOne(table, key, fields, document, differences);
      // Later tables still ask for this table's ids: mark it, do not take it out.
      if (document !== undefined) document[SEEN] = true;
    }
    for (const [key, document] of byKey) {
      if (!document[SEEN]) differences.push({ table, key, field: null, expected: undefined, found: document });
    }
  }
  return { documents, differences, refusals };
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

/** Compares a table without a key: each row with any document of the same content. */
async function compareContents(client, reader, goes, table, documents, keyField, differences) {
  const byContent = new Map();
  for (const document of documents) {
    const { _id, _creationTime, [keyField]: key, ...fields } = document;
    const content = contentOf(Object.entries(fields));
    byContent.set(content, [...(byContent.get(content) ?? []), document]);
  }
  for await (const row of fetchRows(client, reader.query)) {
    const { fields, ...refusal } = reader.expected(row);
    fields.delete(keyField);
    const content = contentOf(fields);
    if (!goes(content, refusal)) continue;
    const found = byContent.get(content)?.pop();
    if (found === undefined) {
      differences.push({ table, key: content, field: null, expected: Object.fromEntries(fields), found });
    }
  }
  for (const [content, extra] of byContent) {
    for (const found of extra) differences.push({ table, key: content, field: null, expected: undefined, found });
  }
}

/** Fields as one text, on one line: where lines end would depend on the order of the fields. */
function contentOf(fields) {
  return inspect(Object.fromEntries(fields), {
    sorted: true, depth: null, maxArrayLength: null, maxStringLength: null, compact: true, breakLength: Infinity,
  });
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
