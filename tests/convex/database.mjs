/**
 * The tables of the local Convex, all in memory. Only transaction.mjs changes documents; it can undo what it did, and
 * since transactions run one at a time readers never see half of one.
 */
import { isDeepStrictEqual } from "node:util";
import { DeveloperError } from "./errors.mjs";
import { IndexCatalog } from "./index_catalog.mjs";
import { FIRST_USER_TABLE_NUMBER, MAX_USER_TABLES } from "./limits.mjs";
import { OneAtATime } from "./one_at_a_time.mjs";
import { checkDocument, emptySchema } from "./schema.mjs";
import { Table } from "./table.mjs";

export class Database {
  /** @type {Map<string, Table>} */
  #tablesByName = new Map();
  /** @type {Map<number, Table>} */
  #tablesByNumber = new Map();
  /** Numbers of tables that nobody sees: being imported, left behind by an import, or replaced by one. @type {Set<number>} */
  #unseenNumbers = new Set();
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
    const table = new Table(name, this.#freeNumber(), this.schema.tables.get(name)?.indexes ?? []);
    this.#add(table);
    return table;
  }

  #freeNumber() {
    if (this.#tablesByName.size >= MAX_USER_TABLES) {
      throw new DeveloperError("TooManyTables", `Number of tables cannot exceed ${MAX_USER_TABLES}.`);
    }
    let number = FIRST_USER_TABLE_NUMBER;
    while (this.#tablesByNumber.has(number) || this.#unseenNumbers.has(number)) number += 1;
    return number;
  }

  #add(table) {
    this.#tablesByName.set(table.name, table);
    this.#tablesByNumber.set(table.number, table);
  }

  /**
   * Makes a table for an import, which nobody sees (`insert_table_for_import`). It has the enabled indexes of the table
   * that it will replace; staged ones are not copied (`copy_indexes_to_table`).
   * @param {string} name
   * @param {number} [number] of its own, even one that another table has
   */
  createHiddenTable(name, number) {
    const free = this.#freeNumber();
    const definitions = this.table(name)?.indexDefinitions ?? [];
    const enabled = definitions.filter(({ staged }) => !staged);
    const table = new Table(name, number ?? free, enabled);
    this.#unseenNumbers.add(table.number);
    return table;
  }

  /**
   * Shows hidden tables and takes away those that they replace, and others, all at once. The numbers of tables that are
   * gone stay taken until the server cleans up, which takes days.
   * @param {Table[]} hidden
   * @param {Table[]} deleted
   */
  showTables(hidden, deleted) {
    const replaced = hidden.map(({ name }) => this.table(name)).filter((table) => table !== undefined);
    for (const table of [...deleted, ...replaced]) {
      this.dropTable(table);
      this.#unseenNumbers.add(table.number);
    }
    for (const table of hidden) {
      this.#add(table);
      this.indexes.forgetStaged(table.name);
    }
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
    this.#unseenNumbers.clear();
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
