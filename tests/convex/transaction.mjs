/**
 * One transaction: what a query or mutation reads and writes, counted against
 * the limits as crates/database/src/{reads,writes,transaction}.rs and
 * crates/database/src/bootstrap_model/user_facing.rs do.
 *
 * Writes go to the tables at once and are noted in an undo log; nobody else
 * reads until the transaction has ended, because functions run one at a time.
 */
import { nextFloat } from "./database.mjs";
import { DeveloperError, formatBytes } from "./errors.mjs";
import { mintInternalId } from "./ids.mjs";
import { IntervalSet } from "./intervals.mjs";
import { TRANSACTION_LIMITS } from "./limits.mjs";
import { afterPrefix, sortKey } from "./ordering.mjs";
import { checkDocument } from "./schema.mjs";
import { buildDocument } from "./stored_document.mjs";

const OVER_LIMIT_HELP =
  "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.";

/** @typedef {import("./table.mjs").StoredDocument} StoredDocument */

/** What `canonicalize` gives of a document. @typedef {{value: Record<string, unknown>, size: number, nesting: number}} Body */

/** A write: a document before and after it, or a table that was made.
 * @typedef {{kind: string, table: import("./table.mjs").Table, before?: StoredDocument, after?: StoredDocument,
 *   fail?: () => void}} LogEntry */

export class Transaction {
  /** @type {LogEntry[]} */
  #log = [];
  /** @type {Map<import("./table.mjs").Index, IntervalSet>} */
  #intervals = new Map();
  #intervalCount = 0;
  #documentsRead = 0;
  #bytesRead = 0;
  #documentsWritten = 0;
  #bytesWritten = 0;

  /**
   * @param {import("./database.mjs").Database} database
   * @param {number} [startedAt] milliseconds, from `beginTime`. Documents count their creation times from it, so that
   *   those of transactions which overlap are interleaved, or equal
   */
  constructor(database, startedAt = database.beginTime()) {
    this.database = database;
    this.startedAt = startedAt;
    this.nextCreationTime = startedAt;
  }

  /**
   * Counts a range of an index as read.
   * @param {import("./table.mjs").Index} index
   * @param {string} start
   * @param {string | null} end
   */
  recordInterval(index, start, end) {
    const before = this.#intervalsOf(index).size;
    this.#intervalsOf(index).add(start, end);
    // Ranges that writes noted are in the set but not in the count, exactly as in `record_indexed_directly`.
    this.#intervalCount = Math.max(0, this.#intervalCount - before) + this.#intervalsOf(index).size;
    if (this.#intervalCount > TRANSACTION_LIMITS.databaseQueries) {
      throw new DeveloperError(
        "TooManyReads",
        `Too many reads in a single function execution (limit: ${TRANSACTION_LIMITS.databaseQueries}). ${OVER_LIMIT_HELP}`,
      );
    }
  }

  #intervalsOf(index) {
    let intervals = this.#intervals.get(index);
    if (intervals === undefined) {
      intervals = new IntervalSet();
      this.#intervals.set(index, intervals);
    }
    return intervals;
  }

  /** Counts a document as read. @param {StoredDocument} document */
  recordDocument(document) {
    this.#documentsRead += 1;
    this.#bytesRead += document.size;
    if (this.#documentsRead > TRANSACTION_LIMITS.documentsRead) {
      throw new DeveloperError(
        "TooManyDocumentsRead",
        `Too many documents read in a single function execution (limit: ${TRANSACTION_LIMITS.documentsRead}). ${OVER_LIMIT_HELP}`,
      );
    }
    if (this.#bytesRead > TRANSACTION_LIMITS.bytesRead) {
      throw new DeveloperError(
        "TooManyBytesRead",
        `Too many bytes read in a single function execution (limit: ${TRANSACTION_LIMITS.bytesRead} bytes). ${OVER_LIMIT_HELP}`,
      );
    }
  }

  /** `ctx.meta.getTransactionMetrics()`. */
  metrics() {
    const used = {
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      databaseQueries: this.#intervalCount,
      documentsRead: this.#documentsRead,
      documentsWritten: this.#documentsWritten,
      functionsScheduled: 0,
      scheduledFunctionArgsBytes: 0,
    };
    const entries = Object.entries(used).map(([name, count]) => {
      return [name, { used: count, remaining: TRANSACTION_LIMITS[name] - count }];
    });
    return Object.fromEntries(entries);
  }

  /**
   * A document by id, counted as one range and one document.
   * @param {import("./table.mjs").Table} table
   * @param {string} id
   * @returns {StoredDocument | undefined}
   */
  get(table, id) {
    const key = sortKey(id);
    this.recordInterval(table.byId, key, `${key}\0`);
    const document = table.byId.tree.get(key);
    if (document !== undefined) this.recordDocument(document);
    return document;
  }

  /**
   * @param {string} tableName a legal name of a user table
   * @param {Body} body
   * @returns {string} the new id
   */
  insert(tableName, body) {
    const internalId = mintInternalId();
    const creationTime = this.nextCreationTime;
    this.nextCreationTime = nextFloat(creationTime);
    // The table is made first and stays even when the document is refused, as in the server.
    const table = this.database.table(tableName) ?? this.#createTable(tableName);
    const document = this.#build({ table, id: table.idFor(internalId), creationTime }, body);
    const key = document.keys[0];
    this.#intervalsOf(table.byId).add(key, afterPrefix(key));
    this.#write({ kind: "insert", table, after: document });
    return document.id;
  }

  /**
   * Inserts documents of an import, into a table that may be hidden, with the ids and times that they bring
   * (`ImportFacingModel::insert`, crates/database/src/bootstrap_model/import_facing.rs). Whether an id is used is asked
   * last, as the server asks it when it commits.
   * @param {import("./table.mjs").Table} table
   * @param {{internalId?: Uint8Array, creationTime?: number, body: Body}[]} rows
   * @param {(tableNumber: number) => string | undefined} tableNameOf as it will be when the import is done
   */
  insertImported(table, rows, tableNameOf) {
    const documents = rows.map(({ internalId = mintInternalId(), creationTime, body }) => {
      const time = creationTime ?? this.nextCreationTime;
      if (creationTime === undefined) this.nextCreationTime = nextFloat(time);
      return this.#build({ table, id: table.idFor(internalId), creationTime: time }, body, tableNameOf);
    });
    documents.forEach(({ id }) => table.refuseUsed(id));
    for (const document of documents) this.#write({ kind: "insert", table, after: document });
  }

  /** @param {{table: import("./table.mjs").Table, id: string, creationTime: number, before?: StoredDocument}} place */
  #build(place, body, tableNameOf = this.database.tableNameOf) {
    const { schema } = this.database;
    const { document, userFields } = buildDocument(place, body, { schema, tableNameOf });
    if (document !== place.before) this.#checkSchemaInProgress(place.table, userFields, tableNameOf);
    return document;
  }

  /**
   * @param {import("./table.mjs").Table} table
   * @param {string} id
   * @param {(old: Record<string, unknown>) => {value: Record<string, unknown>, size: number, nesting: number} | undefined} merge
   *   makes the new body from the old document; undefined when nothing changes
   */
  patch(table, id, merge) {
    const before = this.#existing(table, id, "Update");
    const body = merge(JSON.parse(before.json));
    if (body !== undefined) this.#update("patch", table, before, body);
  }

  /** Like patch, with a whole new body. */
  replace(table, id, body) {
    this.#update("replace", table, this.#existing(table, id, "Replace"), body);
  }

  delete(table, id) {
    const before = this.#existing(table, id, "Delete");
    this.#write({ kind: "delete", table, before });
  }

  #existing(table, id, verb) {
    const document = this.get(table, id);
    if (document === undefined) {
      throw new DeveloperError("NonexistentDocument", `${verb} on nonexistent document ID ${id}`);
    }
    return document;
  }

  #update(kind, table, before, body) {
    const after = this.#build({ table, id: before.id, creationTime: before.creationTime, before }, body);
    if (after === before) return;
    this.#write({ kind, table, before, after });
  }

  #createTable(tableName) {
    const table = this.database.createTable(tableName);
    this.#log.push({ kind: "createTable", table });
    return table;
  }

  /** A write that a schema in progress refuses happens, and fails that schema (`enforce_with_table_mapping`). */
  #checkSchemaInProgress(table, userFields, tableNameOf) {
    const inProgress = this.database.schemaInProgress;
    if (!inProgress?.isInProgress) return;
    const problem = checkDocument(inProgress.schema, table.name, userFields, tableNameOf);
    if (problem === undefined) return;
    const error = `New document in table "${table.name}" does not match the schema: ${problem}`;
    this.#log.push({
      kind: "failSchema",
      table,
      fail: () => inProgress.fail({ tableName: table.name, error }),
    });
  }

  /** Counts a write before it happens; a write over the limit counts too, but does not happen. */
  #write(entry) {
    this.#documentsWritten += 1;
    this.#bytesWritten += entry.after?.size ?? 0;
    if (this.#documentsWritten > TRANSACTION_LIMITS.documentsWritten) {
      throw new DeveloperError(
        "TooManyWrites",
        `Too many writes in a single function execution (limit: ${TRANSACTION_LIMITS.documentsWritten})`,
      );
    }
    if (this.#bytesWritten > TRANSACTION_LIMITS.bytesWritten) {
      throw new DeveloperError(
        "TooManyBytesWritten",
        `Too many bytes written in a single function execution (limit: ${formatBytes(TRANSACTION_LIMITS.bytesWritten)})`,
      );
    }
    if (entry.before !== undefined) entry.table.remove(entry.before);
    if (entry.after !== undefined) entry.table.put(entry.after);
    this.#log.push(entry);
  }

  /** A point to which `rollbackTo` can return: where a nested mutation begins. */
  savepoint() {
    return { length: this.#log.length, documents: this.#documentsWritten, bytes: this.#bytesWritten };
  }

  /** Undoes all writes after a savepoint, and their counts; what was read stays counted. */
  rollbackTo(savepoint) {
    while (this.#log.length > savepoint.length) {
      const { kind, table, before, after } = this.#log.pop();
      if (kind === "createTable") this.database.dropTable(table);
      if (after !== undefined) table.remove(after);
      if (before !== undefined) table.put(before);
    }
    this.#documentsWritten = savepoint.documents;
    this.#bytesWritten = savepoint.bytes;
  }

  rollback() {
    this.rollbackTo({ length: 0, documents: 0, bytes: 0 });
  }

  /** @param {LogEntry} entry of another transaction @returns {boolean} whether it changed what this one has read */
  hasRead({ kind, table, before, after }) {
    return table.indexes.some((index) => {
      const intervals = this.#intervals.get(index);
      if (intervals === undefined) return false;
      const isRead = (document) => document !== undefined && intervals.has(index.keyOf(document));
      // Whoever touches a table has looked whether it exists.
      return kind === "createTable" || isRead(before) || isRead(after);
    });
  }

  /** Ends the transaction. @returns {LogEntry[]} the writes that happened */
  commit() {
    this.database.noteCommit();
    for (const { kind, table, before, fail } of this.#log) {
      if (kind === "delete") table.deletedIds.add(before.id);
      fail?.();
    }
    return this.#log;
  }
}
