/**
 * Tables, documents and ordered indexes of the local Convex, all in memory.
 *
 * A document is kept as its JSON text, ready to be handed to a function, with
 * its index keys. An index is a B+ tree from key (ordering.mjs) to document,
built when it is first read: most indexes of a load are only written.
 * Only transaction.mjs changes documents; it can undo what it did, and since
 * transactions run one at a time readers never see half of one.
 */
import { isDeepStrictEqual } from "node:util";
import sortedBTree from "sorted-btree";
import { DeveloperError } from "./errors.mjs";
import { encodeId } from "./ids.mjs";
import { IndexCatalog } from "./index_catalog.mjs";
import { FIRST_USER_TABLE_NUMBER, MAX_USER_TABLES } from "./limits.mjs";
import { parseFieldPath } from "./names.mjs";
import { OneAtATime } from "./one_at_a_time.mjs";
import { indexKey, sortKey } from "./ordering.mjs";
import { checkDocument, emptySchema } from "./schema.mjs";

const BTree = sortedBTree.default ?? sortedBTree;

function compareKeys(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * @typedef {{id: string, json: string, size: number, creationTime: number, keys: (string | undefined)[]}} StoredDocument
 *   `json` includes the system fields; `keys` has the keys that were asked for, in the order of the table's indexes
 */

export class Index {
  /** @type {import("sorted-btree").default<string, StoredDocument>} */
  #tree = new BTree(undefined, compareKeys);

  /**
   * @param {Table} table
   * @param {number} position among the table's indexes; 0 is by_id
   * @param {string} name
   * @param {string[]} fields user fields and `_creationTime`; none for by_id
   */
  constructor(table, position, name, fields) {
    this.table = table;
    this.position = position;
    this.name = name;
    this.fields = fields;
    this.paths = fields.map(parseFieldPath);
    this.isBuilt = position === 0;
  }

  get tree() {
    if (!this.isBuilt) {
      this.isBuilt = true;
      this.table.byId.tree.forEachPair((_, document) => this.put(document));
    }
    return this.#tree;
  }

  /** @param {StoredDocument} document @returns {string} */
  keyOf(document) {
    return (document.keys[this.position] ??= indexKey(JSON.parse(document.json), this.paths));
  }

  /** @param {StoredDocument} document */
  put(document) {
    if (this.isBuilt) this.#tree.set(this.keyOf(document), document);
  }

  /** @param {StoredDocument} document */
  remove(document) {
    if (this.isBuilt) this.#tree.delete(this.keyOf(document));
  }
}

export class Table {
  /**
   * @param {string} name
   * @param {number} number
   * @param {import("./index_definitions.mjs").IndexDefinition[]} indexDefinitions of the schema
   */
  constructor(name, number, indexDefinitions) {
    this.name = name;
    this.number = number;
    this.setIndexes(indexDefinitions);
  }

  get size() {
    return this.byId.tree.size;
  }

  /** Replaces the user indexes. Not while a transaction runs. */
  setIndexes(definitions) {
    const documents = this.byId?.tree.valuesArray() ?? [];
    // Staged, search and vector indexes cannot be queried here.
    const queried = definitions.filter(({ spec, staged }) => spec.type === "database" && !staged);
    const all = [
      ["by_id", []],
      ["by_creation_time", ["_creationTime"]],
    ];
    for (const { name, spec } of queried) all.push([name, spec.fields]);
    this.indexes = all.map(([name, fields], position) => new Index(this, position, name, fields));
    [this.byId, this.byCreationTime] = this.indexes;
    for (const document of documents) {
      document.keys = [document.keys[0]];
      this.put(document);
    }
  }

  /** @param {string} name */
  index(name) {
    return this.indexes.find((index) => index.name === name);
  }

  /** Keys of a document with system fields in the indexes that are in use. */
  keysOf(document) {
    return this.indexes.map((index) => (index.isBuilt ? indexKey(document, index.paths) : undefined));
  }

  /** @param {StoredDocument} document */
  put(document) {
    for (const index of this.indexes) index.put(document);
  }

  /** @param {StoredDocument} document */
  remove(document) {
    for (const index of this.indexes) index.remove(document);
  }

  /** @param {string} id */
  get(id) {
    return this.byId.tree.get(sortKey(id));
  }

  /** @param {Uint8Array} internalId */
  idFor(internalId) {
    return encodeId(this.number, internalId);
  }
}

export class Database {
  /** @type {Map<string, Table>} */
  #tablesByName = new Map();
  /** @type {Map<number, Table>} */
  #tablesByNumber = new Map();
  #lastCommit = 0;

  /** @param {() => number} [now] milliseconds since 1970 */
  constructor(now = () => performance.timeOrigin + performance.now()) {
    this.now = now;
    /** Transactions, and what else must not see half of one. */
    this.alone = new OneAtATime();
    this.schema = emptySchema();
    this.indexes = new IndexCatalog();
    /** The schema that a push wants to make active: what does not fit fails the push, not the write.
     * @type {import("./schema_states.mjs").SchemaState | undefined} */
    this.schemaInProgress = undefined;
    /** Table number → name, as validators want it. */
    this.tableNameOf = (number) => this.#tablesByNumber.get(number)?.name;
  }

  /** Tables in the order of their numbers. */
  get tables() {
    return [...this.#tablesByNumber.values()].sort((a, b) => a.number - b.number);
  }

  table(name) {
    return this.#tablesByName.get(name);
  }

  tableByNumber(number) {
    return this.#tablesByNumber.get(number);
  }

  /** Makes a table with the lowest free number (crates/database/src/bootstrap_model/table.rs). */
  createTable(name) {
    if (this.#tablesByName.size >= MAX_USER_TABLES) {
      throw new DeveloperError("TooManyTables", `Number of tables cannot exceed ${MAX_USER_TABLES}.`);
    }
    let number = FIRST_USER_TABLE_NUMBER;
    while (this.#tablesByNumber.has(number)) number += 1;
    const table = new Table(name, number, this.schema.tables.get(name)?.indexes ?? []);
    this.#tablesByName.set(name, table);
    this.#tablesByNumber.set(number, table);
    return table;
  }

  dropTable(table) {
    this.#tablesByName.delete(table.name);
    this.#tablesByNumber.delete(table.number);
  }

  /**
   * Makes the tables of a schema that are missing, in alphabetical order
   * (crates/database/src/bootstrap_model/schema/mod.rs): all or, when that would be too many, none.
   * @param {import("./schema.mjs").Schema} schema
   */
  createTables(schema) {
    const missing = [...schema.tables.keys()].filter((name) => !this.#tablesByName.has(name));
    const made = [];
    try {
      for (const name of missing) made.push(this.createTable(name));
    } catch (error) {
      made.forEach((table) => this.dropTable(table));
      throw error;
    }
  }

  /** Activates a schema that documents match: from now on it is enforced, and its indexes exist. */
  setSchema(schema) {
    this.schema = schema;
    for (const table of this.tables) table.setIndexes(schema.tables.get(table.name)?.indexes ?? []);
  }

  /**
   * @param {import("./schema.mjs").Schema} schema
   * @returns {{tableName: string, error: string} | undefined} the first document that does not match
   */
  findMisfit(schema) {
    for (const table of this.tables) {
      if (!mustValidate(table.name, schema, this.schema)) continue;
      for (const document of table.byId.tree.values()) {
        const { _id, _creationTime, ...body } = JSON.parse(document.json);
        const problem = checkDocument(schema, table.name, body, this.tableNameOf);
        if (problem === undefined) continue;
        const error = `Document with ID "${_id}" in table "${table.name}" does not match the schema: ${problem}`;
        return { tableName: table.name, error };
      }
    }
    return undefined;
  }

  /** Deletes all documents and every table that the schema does not name. */
  clear() {
    for (const table of this.tables) this.dropTable(table);
    [...this.schema.tables.keys()].forEach((name) => this.createTable(name));
  }

  /** The time at which a transaction begins, later than the last commit (`begin_with_repeatable_ts`,
   * crates/database/src/database.rs). Milliseconds. */
  beginTime() {
    return Math.max(this.now(), nextFloat(this.#lastCommit));
  }

  /** A transaction commits now. */
  noteCommit() {
    this.#lastCommit = this.beginTime();
  }
}

/** Documents need no look when they already are as the new schema wants them (`must_revalidate_table`). */
function mustValidate(tableName, next, active) {
  const wanted = next.tables.get(tableName);
  if (!next.schemaValidation || wanted === undefined || wanted.documentType.kind === "any") return false;
  const enforced = active.schemaValidation ? active.tables.get(tableName) : undefined;
  return !isDeepStrictEqual(wanted.documentType, enforced?.documentType);
}

const floatScratch = new DataView(new ArrayBuffer(8));

/** The next larger double (`CreationTime::increment`, crates/common/src/document.rs). */
export function nextFloat(number) {
  floatScratch.setFloat64(0, number);
  floatScratch.setBigInt64(0, floatScratch.getBigInt64(0) + 1n);
  return floatScratch.getFloat64(0);
}
