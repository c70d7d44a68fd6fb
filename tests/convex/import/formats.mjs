/**
 * What an uploaded file has: tables with their rows, read when they are asked for
 * (crates/application/src/snapshot_import/parse.rs).
 */
import { DeveloperError } from "../errors.mjs";
import { decodeId, describeBadId } from "../ids.mjs";
import { MAX_JSON_ARRAY_SIZE } from "../limits.mjs";
import { checkIdentifier } from "../names.mjs";
import { formatBinarySize } from "../errors.mjs";
import { ImportError, notSupported } from "./errors.mjs";
import { parseJson, parseRow } from "./json_rows.mjs";
import { notUtf8, readCsv, readLines, refuseBom } from "./text.mjs";
import { readZip } from "./zip.mjs";

export const TABLES_TABLE = "_tables";
export const STORAGE_TABLE = "_storage";

const DOCUMENTS = /^(.*\/)?([^/]+)\/documents\.jsonl$/;
const GENERATED_SCHEMA = /^(.*\/)?([^/]+)\/generated_schema\.jsonl$/;
const STORAGE_FILE = /(.*\/)?_storage\/([^/.]+)(?:\.[^/]+)?$/;
const COMPONENT = /^(.*\/)?_components\/([^/]+)\/$/;

/** Servers before this day do not know "uniform" (`GeneratedSchema::Uniform`). */
const UNIFORM_SINCE = "2026-03-11";

/**
 * A table in a file. Its rows are parsed JSON, whole numbers of a "uniform" one marked as Int64.
 * @typedef {{name: string, isUniform: boolean, rows: () => AsyncIterable<unknown> | Iterable<unknown>}} TableInFile
 */

/**
 * @param {string} format
 * @param {string | undefined} tableName
 * @param {Buffer} bytes
 * @param {{serverDate?: string}} server
 * @returns {Promise<TableInFile[]>}
 * @throws {DeveloperError} for a file that cannot be read at all
 */
export async function parseFile({ format, tableName: name }, bytes, server) {
  switch (format) {
    case "csv":
      return [{ name, isUniform: false, rows: () => readCsv(bytes) }];
    case "jsonLines":
      return [{ name, isUniform: false, rows: () => readJsonLines(bytes) }];
    case "jsonArray":
      return [{ name, isUniform: false, rows: arrayRows(bytes) }];
    default:
      return await parseZip(await readZip(bytes), server);
  }
}

function* readJsonLines(bytes) {
  refuseBom(bytes);
  let row = 0;
  for (const line of readLines(bytes, notUtf8)) yield parseRow(line, (row += 1), false);
}

function arrayRows(bytes) {
  if (bytes.length > MAX_JSON_ARRAY_SIZE) {
    // One byte more than the limit is read, and said to be the size.
    const message = `Import is too large for JSON (${MAX_JSON_ARRAY_SIZE + 1} bytes > maximum ${formatBinarySize(MAX_JSON_ARRAY_SIZE)}). Consider converting data to JSONLines`;
    throw new ImportError("JsonArrayTooLarge", message);
  }
  refuseBom(bytes);
  const array = readWholeJson(bytes);
  if (!Array.isArray(array)) throw new ImportError("NotJsonArray", "Not a JSON array");
  return () => array;
}

function readWholeJson(bytes) {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ImportError("NotJson", `Not valid JSON: ${error.message}`);
  }
}

async function parseZip(entries, server) {
  const tables = [];
  const uniform = new Set();
  for (const entry of entries) {
    const documents = matchTable(entry.name, DOCUMENTS);
    if (documents !== undefined) {
      if (isRead(documents)) tables.push({ name: documents, entry });
      continue;
    }
    const described = matchTable(entry.name, GENERATED_SCHEMA);
    if (described === undefined) continue;
    await checkGeneratedSchema(entry, server);
    uniform.add(described);
  }
  entries.forEach(refuseStoredFile);
  return tables.map(({ name, entry }) => {
    // Numbers of tables are read as they are.
    const isUniform = uniform.has(name) && name !== TABLES_TABLE;
    return { name, isUniform, rows: () => readZipLines(entry, isUniform) };
  });
}

/** Other system tables are passed over. */
function isRead(name) {
  return !name.startsWith("_") || name === TABLES_TABLE || name === STORAGE_TABLE;
}

function matchTable(fileName, pattern) {
  const match = pattern.exec(fileName);
  if (match === null) return undefined;
  const [, folder = "", name] = match;
  try {
    checkIdentifier(name);
  } catch (error) {
    throw new DeveloperError("InvalidTableName", `table name '${name}' invalid: ${error.message}`);
  }
  refuseComponent(folder);
  return name;
}

function refuseComponent(folder) {
  if (COMPONENT.test(folder)) throw notSupported("Importing into a component");
}

function refuseStoredFile({ name }) {
  const match = STORAGE_FILE.exec(name);
  if (match === null || match[2] === "documents") return;
  const [, folder = "", id] = match;
  if (decodeId(id) === null)
    throw new DeveloperError("InvalidStorageId", `_storage id '${id}' invalid: ${describeBadId(id)}`);
  refuseComponent(folder);
  throw notSupported("File storage");
}

/** A blank file has no first line, and its end is no JSON. */
async function checkGeneratedSchema({ name, read }, { serverDate }) {
  const [first = ""] = readLines(await read(), notUtf8);
  const marker = parseRow(first, 1, false);
  if (typeof marker !== "string") {
    const message = "Row 1 wasn't a valid Convex value: first line of generated_schema must be a string";
    throw new ImportError("InvalidConvexValue", message);
  }
  if (marker !== "uniform") throw notSupported("A generated_schema.jsonl of before March 2026");
  if (serverDate !== undefined && serverDate < UNIFORM_SINCE)
    throw new DeveloperError("InvalidGeneratedSchema", `cannot parse ${name}: unrecognized shape: uniform`);
}

async function* readZipLines(entry, isUniform) {
  const bytes = await entry.read();
  const invalid = () => new DeveloperError("InvalidZip", "invalid zip file");
  let row = 0;
  for (const line of readLines(bytes, invalid)) yield parseRow(line, (row += 1), isUniform);
}

/**
 * The tables that `_tables` lists (`parse_tables_table`, crates/application/src/snapshot_import/mod.rs).
 * @param {TableInFile} table
 * @returns {AsyncGenerator<{name: string, number: number}>}
 */
export async function* readTablesTable(table) {
  let row = 0;
  for await (const listed of table.rows()) {
    row += 1;
    const name = readTableName(listed, row);
    const number = Math.trunc(Number(listed.id));
    if (typeof listed.id !== "number" || !(number >= 1))
      throw invalidRow(row, `table requires id (received ${describeJson(listed.id)})`);
    yield { name, number: Math.min(number, 2 ** 32 - 1) };
  }
}

/** @param {unknown} listed a row of `_tables` @param {number} row from 1 @returns {string} */
export function readTableName(listed, row) {
  if (typeof listed !== "object" || listed === null || Array.isArray(listed))
    throw new ImportError("NotAnObject", `Row ${row} wasn't an object`);
  if (typeof listed.name !== "string") throw invalidRow(row, "table requires name");
  try {
    checkIdentifier(listed.name);
  } catch (error) {
    const message = `${JSON.stringify(listed.name)} isn't a valid table name: ${error.message}`;
    throw new ImportError("InvalidName", message);
  }
  return listed.name;
}

function invalidRow(row, problem) {
  return new ImportError("InvalidConvexValue", `Row ${row} wasn't a valid Convex value: ${problem}`);
}

/** Rust's `{:?}` of an `Option<&serde_json::Value>`, for the values that are likely here. */
function describeJson(value) {
  if (value === undefined) return "None";
  if (typeof value === "string") return `Some(String(${JSON.stringify(value)}))`;
  return `Some(${typeof value === "number" ? `Number(${value})` : JSON.stringify(value)})`;
}
