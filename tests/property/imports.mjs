/**
 * Compares documents with convex_document(row, server, 'import') of their rows:
 * the other dialect must say the same. Ids that references carry aside, which
 * such a file has not got.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import { getDocumentSize } from "convex/values";
import { readJson, valueOfImport } from "../harness/expected_json.mjs";

/** Documents of a table that are looked at. */
const SAMPLE = 6;

/** Fields and bytes that references may add. */
const ROOM_FIELDS = 20;
const ROOM_BYTES = 4096;

/**
 * Whether the line of a row could be over a limit of documents: it has the old key of a reference to a row that is
 * not there, which a run may leave out.
 */
function isAtLimit({ references }, document) {
  const size = () => getDocumentSize(document);
  return references.length > 0 && (Object.keys(document).length > 1024 - ROOM_FIELDS || size() > 1024 * 1024 - ROOM_BYTES);
}

/** Some of the documents, from all over the table. */
export function sampleOf(documents) {
  const step = Math.max(1, Math.ceil(documents.length / SAMPLE));
  return documents.filter((_, i) => i % step === 0).map((document) => ({ ...document }));
}

/**
 * @param {import("pg").Client} client
 * @param {import("./tables.mjs").Table[]} tables
 * @param {Map<string, Record<string, unknown>[]>} samples documents by table
 * @returns {Promise<string | null>} what is wrong
 */
export async function differentImports(client, tables, samples) {
  for (const table of tables) {
    const documents = samples.get(table.name).filter((document) => !isAtLimit(table, document));
    const { rows } = await client.query(
      `SELECT n, public.convex_document(t, 'convex', 'import') AS line FROM property.${table.name} t WHERE n = ANY ($1)`,
      [documents.map(({ n }) => n)],
    );
    for (const document of documents) {
      const lines = rows.filter(({ n }) => n === document.n).map(({ line }) => line);
      const difference = differenceOf(table, document, lines);
      if (difference !== null) return `${table.name}: ${difference}`;
    }
  }
  return null;
}

/** Rows with the same number are equal, or have keys of their own: then only the document's own line counts. */
function differenceOf(table, document, lines) {
  const values = fieldsOf(table, document);
  const imported = lines.map((line) => valueOfImport(readJson(line)));
  if (imported.some((other) => isDeepStrictEqual(fieldsOf(table, other), values))) return null;
  const [left, right] = [imported, values].map((value) => inspect(value, { depth: 6, maxStringLength: 1000 }));
  return `the import file would say ${left}, the document is ${right}`;
}

/** The fields that columns have; the key of a row without one is a hash and its ordinal among equal rows. */
function fieldsOf({ columns, key, references }, document) {
  const pointers = references
    .filter((reference) => reference.columns.length === 1)
    .flatMap((reference) => reference.columns);
  const names = [
    ...(key.length > 0 ? ["supabaseId"] : []),
    "n",
    ...columns.map(({ name }) => name).filter((name) => !pointers.includes(name)),
  ];
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(document, name)).map((name) => [name, document[name]]),
  );
}
