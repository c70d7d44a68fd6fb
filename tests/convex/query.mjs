/**
 * Database queries: the JSON of `convex/server`'s query builder → a stream of
 * documents, or a page of it (crates/database/src/query/, crates/common/src/query.rs).
 */
import { createHash } from "node:crypto";
import { DeveloperError } from "./errors.mjs";
import { compileExpression, toBoolean } from "./expression.mjs";
import { compileRange, wholeIndex } from "./index_range.mjs";
import {
  DEFAULT_QUERY_PREFETCH,
  MAX_QUERY_FETCH,
  MAX_QUERY_OPERATORS,
  TRANSACTION_LIMITS,
  softLimit,
} from "./limits.mjs";
import { checkIdentifier } from "./names.mjs";

/** @typedef {import("./transaction.mjs").Transaction} Transaction */
/** @typedef {import("./table.mjs").StoredDocument} StoredDocument */

function splitIndexName(text) {
  const parts = text.split(".");
  if (parts.length !== 2) throw new Error(`Insufficient components in index name ${text}`);
  parts.forEach(checkIdentifier);
  return parts;
}

function isDescending(order) {
  if (order === null || order === undefined || order === "asc") return false;
  if (order === "desc") return true;
  throw new Error('expected "asc" or "desc"');
}

function refuseSystemTable(tableName) {
  if (tableName.startsWith("_")) {
    throw new DeveloperError("SystemTable", `The system table ${tableName} is not kept by the local Convex.`);
  }
}

/** Finds the index and the part of it that a query's source names; no index when the table is missing. */
function compileSource(database, source) {
  if (source.type === "FullTableScan") {
    checkIdentifier(source.tableName);
    refuseSystemTable(source.tableName);
    const index = database.table(source.tableName)?.byCreationTime;
    return { index, range: wholeIndex(), descending: isDescending(source.order) };
  }
  if (source.type !== "IndexRange") {
    throw new DeveloperError("SearchNotSupported", "Search indexes are not supported by the local Convex.");
  }
  const [tableName, indexName] = splitIndexName(source.indexName);
  refuseSystemTable(tableName);
  const descending = isDescending(source.order);
  const index = database.table(tableName)?.index(indexName);
  if (index === undefined) throw database.indexes.whyUnreadable(source.indexName);
  return { index, range: compileRange(source, index), descending };
}

/** Reads documents of an index range in order, a batch at a time, and counts what it hands out. */
class IndexStream {
  #buffer = [];
  #isExhausted = false;
  #initial;

  /**
   * @param {{index?: import("./table.mjs").Index, range: {start: string, end: string | null}, descending: boolean}} source
   * @param {{maximumRows?: number, maximumBytes?: number, until?: string | null}} bounds
   */
  constructor({ index, range, descending }, bounds) {
    this.index = index;
    this.descending = descending;
    this.bounds = bounds;
    this.#initial = { ...range };
    this.unfetched = { ...range };
    this.rowsFetched = 0;
    this.bytesReturned = 0;
    /** Key of the last document handed out; null at the end of the range. */
    this.position = undefined;
    this.returnedKeys = [];
  }

  /** @param {Transaction} transaction @param {number} [hint] documents the reader still wants */
  next(transaction, hint = DEFAULT_QUERY_PREFETCH) {
    const { maximumBytes, maximumRows } = this.bounds;
    if (maximumBytes !== undefined && this.bytesReturned >= maximumBytes) {
      throw new DeveloperError(
        "QueryScannedTooMuchDataError",
        `Query scanned too much data (fetched ${this.bytesReturned} bytes).`,
      );
    }
    if (this.index === undefined) return this.#finish();
    if (this.#buffer.length === 0 && !this.#isExhausted) {
      if (maximumRows !== undefined && this.rowsFetched >= maximumRows) {
        throw new DeveloperError(
          "QueryScannedTooManyDocumentsError",
          `Query scanned too many documents (fetched ${this.rowsFetched}).`,
        );
      }
      this.#fetch(Math.min(Math.max(hint, 1), MAX_QUERY_FETCH, (maximumRows ?? Infinity) - this.rowsFetched));
    }
    const entry = this.#buffer.shift();
    if (entry === undefined) {
      transaction.recordInterval(this.index, this.#initial.start, this.#initial.end);
      return this.#finish();
    }
    const [key, document] = entry;
    transaction.recordDocument(document);
    this.position = key;
    this.returnedKeys.push(key);
    if (this.descending) transaction.recordInterval(this.index, key, this.#initial.end);
    else transaction.recordInterval(this.index, this.#initial.start, `${key}\0`);
    this.bytesReturned += document.size;
    return document;
  }

  #finish() {
    this.position = null;
    return undefined;
  }

  #fetch(count) {
    const { tree } = this.index;
    const { start, end } = this.unfetched;
    if (end !== null && end <= start) {
      this.#isExhausted = true;
      return;
    }
    const entries = this.descending
      ? readDescending(tree, start, end, count)
      : readAscending(tree, start, end, count);
    this.#buffer = entries;
    this.rowsFetched += entries.length;
    if (entries.length < count) this.#isExhausted = true;
    else if (this.descending) this.unfetched.end = entries[entries.length - 1][0];
    else this.unfetched.start = `${entries[entries.length - 1][0]}\0`;
  }
}

function readAscending(tree, start, end, count) {
  const entries = [];
  for (const entry of tree.entries(start, [])) {
    const [key, document] = entry;
    if (end !== null && key >= end) break;
    entries.push([key, document]);
    if (entries.length === count) break;
  }
  return entries;
}

function readDescending(tree, start, end, count) {
  const entries = [];
  for (const [key, document] of tree.entriesReversed(end ?? undefined, [], true)) {
    if (key < start) break;
    entries.push([key, document]);
    if (entries.length === count) break;
  }
  return entries;
}

/** A compiled query: its index stream and the operators on it. */
export class Query {
  #operators;

  /**
   * @param {import("./database.mjs").Database} database
   * @param {any} json `{source, operators}` of the query builder
   * @param {{start?: string | null, until?: string | null, maximumRows?: number, maximumBytes?: number}} [page]
   * @throws {Error} when the JSON is no query
   */
  constructor(database, json, page = {}) {
    const source = compileSource(database, json.source);
    if (json.operators.length > MAX_QUERY_OPERATORS) {
      throw new Error(`Query has too many operators (maximum ${MAX_QUERY_OPERATORS})`);
    }
    this.fields = source.index?.fields ?? [];
    this.stream = new IndexStream(restrict(source, page), {
      until: page.until,
      maximumRows: page.until === undefined ? page.maximumRows : undefined,
      maximumBytes: page.until === undefined ? page.maximumBytes : undefined,
    });
    this.#operators = json.operators.map(compileOperator);
  }

  /**
   * @param {Transaction} transaction
   * @param {number} [hint]
   * @returns {StoredDocument | undefined}
   */
  next(transaction, hint) {
    return this.#pull(this.#operators.length - 1, transaction, hint);
  }

  /** Pulls a document through operator number i. */
  #pull(i, transaction, hint) {
    if (i < 0) return this.stream.next(transaction, hint);
    const operator = this.#operators[i];
    if (operator.limit !== undefined) {
      if (operator.emitted >= operator.limit) return undefined;
      const wanted = Math.min(hint ?? DEFAULT_QUERY_PREFETCH, operator.limit - operator.emitted);
      const document = this.#pull(i - 1, transaction, wanted);
      if (document !== undefined) operator.emitted += 1;
      return document;
    }
    for (;;) {
      const document = this.#pull(i - 1, transaction, hint);
      if (document === undefined || toBoolean(operator.filter(JSON.parse(document.json)))) return document;
    }
  }
}

function compileOperator(json) {
  if (json.filter !== undefined) return { filter: compileExpression(json.filter) };
  if (!Number.isInteger(json.limit) || json.limit < 0) throw new Error("invalid value for a query's limit");
  return { limit: json.limit, emitted: 0 };
}

/** The part of a source's range after one cursor and up to another. */
function restrict(source, { start, until }) {
  let { range } = source;
  if (start === null) range = { start: "", end: "" };
  else if (start !== undefined && source.descending) range = { ...range, end: start };
  else if (start !== undefined) range = { ...range, start: `${start}\0` };
  if (typeof until === "string" && source.descending) range = { ...range, start: until };
  else if (typeof until === "string") range = { ...range, end: `${until}\0` };
  return { ...source, range };
}

/** Cursors are opaque to the user: position and fingerprint of the query they belong to. */
function encodeCursor(position, fingerprint) {
  const after = position === null ? null : Buffer.from(position, "latin1").toString("base64");
  return Buffer.from(JSON.stringify([after, fingerprint])).toString("base64url");
}

function decodeCursor(text, fingerprint) {
  let parsed;
  try {
    parsed = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    throw new DeveloperError("InvalidCursor", "Failed to parse cursor");
  }
  const [after, madeFor] = parsed;
  if (madeFor !== fingerprint) {
    throw new DeveloperError(
      "InvalidCursor",
      "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is from a different query.",
      { isConvexSystemError: true, paginationError: "InvalidCursor" },
    );
  }
  return after === null ? null : Buffer.from(after, "base64").toString("latin1");
}

/**
 * `paginate()`: one page (`query_page`, crates/isolate/src/environment/udf/async_syscall.rs).
 * @param {Transaction} transaction
 * @param {{query: any, cursor?: string, endCursor?: string, pageSize: number, maximumRowsRead?: number, maximumBytesRead?: number}} args
 */
export function readPage(transaction, args) {
  const { database } = transaction;
  checkPageArguments(args);
  const { fields } = new Query(database, args.query);
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([args.query, fields]))
    .digest("base64url");
  const decode = (cursor) =>
    cursor === null || cursor === undefined ? undefined : decodeCursor(cursor, fingerprint);
  const until = decode(args.endCursor);
  const query = new Query(database, args.query, {
    start: decode(args.cursor),
    until,
    maximumRows: args.maximumRowsRead ?? undefined,
    maximumBytes: args.maximumBytesRead ?? undefined,
  });
  const { page, isCutShort } = collectPage(
    transaction,
    query,
    until === undefined ? args.pageSize : Infinity,
  );
  const position = until === undefined ? query.stream.position : until;
  const { returnedKeys } = query.stream;
  const middle = returnedKeys.length > 2 ? returnedKeys[Math.floor(returnedKeys.length / 2)] : undefined;
  return {
    page,
    isDone: position === null,
    continueCursor: encodeCursor(position, fingerprint),
    splitCursor: middle === undefined ? null : encodeCursor(middle, fingerprint),
    pageStatus: pageStatus(query.stream, page.length, isCutShort, args),
  };
}

function checkPageArguments({ pageSize, maximumRowsRead, maximumBytesRead }) {
  if (pageSize === 0) {
    throw new DeveloperError("NoDocumentsForPagination", "Must request at least 1 document while paginating");
  }
  if (!Number.isInteger(pageSize))
    throw new DeveloperError(
      "InvalidArgument",
      `Invalid arguments for \`queryPage\`: invalid page size ${pageSize}`,
    );
  if (pageSize > TRANSACTION_LIMITS.documentsRead) {
    throw new DeveloperError("PageSizeTooLarge", `Requested too many items: ${pageSize}`);
  }
  if (maximumRowsRead === 0 || maximumBytesRead === 0) {
    throw new DeveloperError(
      "InvalidPaginationLimit",
      "maximumRowsRead and maximumBytesRead must be greater than 0",
    );
  }
}

/** Documents until the page is full, the query ends, or a limit is reached. */
function collectPage(transaction, query, pageSize) {
  const page = [];
  while (page.length < pageSize) {
    const hint = pageSize === Infinity ? undefined : pageSize - page.length;
    try {
      const document = query.next(transaction, hint);
      if (document === undefined) break;
      page.push(document);
    } catch (error) {
      if (
        !(error instanceof DeveloperError && error.isPaginationLimit) ||
        query.stream.position === undefined
      )
        throw error;
      return { page, isCutShort: true };
    }
  }
  return { page, isCutShort: false };
}

function pageStatus(stream, pageLength, isCutShort, { maximumRowsRead, maximumBytesRead }) {
  if (isCutShort) return "SplitRequired";
  const softRows = softLimit(Math.min(maximumRowsRead ?? Infinity, TRANSACTION_LIMITS.documentsRead));
  const softBytes = softLimit(Math.min(maximumBytesRead ?? Infinity, TRANSACTION_LIMITS.bytesRead));
  const isLarge =
    stream.rowsFetched > softRows || stream.bytesReturned > softBytes || pageLength > softLimit(8192);
  return isLarge ? "SplitRecommended" : null;
}
