/**
 * How much is written in a second, documents and indexes (`WriteThroughputLimiter`,
 * crates/database/src/write_throughput_limiter.rs). Looked at before a mutation runs, never while it runs or commits: a
 * mutation may write more than the limit, and then the next has to wait.
 */
import { HttpError, formatBytes } from "./errors.mjs";
import { WRITE_RATE_WINDOW_MS } from "./limits.mjs";

/** Sizes of `DocumentLogEntry` and `PersistenceIndexEntry` besides value and key (crates/common/src/persistence.rs). */
const TIMESTAMP_SIZE = 8;
const INTERNAL_ID_SIZE = 16;
const DOCUMENT_ID_SIZE = 2 * INTERNAL_ID_SIZE;

export class WriteRate {
  #commits = [];
  #total = 0;

  /** @param {number} limit bytes in a window @param {() => number} [now] milliseconds */
  constructor(limit, now = () => performance.now()) {
    this.limit = limit;
    this.now = now;
  }

  #forgetOld() {
    const oldest = this.now() - WRITE_RATE_WINDOW_MS;
    while (this.#commits.length > 0 && this.#commits[0].at < oldest)
      this.#total -= this.#commits.shift().bytes;
  }

  /** @throws {HttpError} 429 while more than the limit was written in the last window */
  check() {
    this.#forgetOld();
    if (this.#total <= this.limit) return;
    const message = `Too many writes per second. Your deployment is limited to ${formatBytes(this.limit)} bytes written per 1 second. Reduce your write rate or upgrade to a larger deployment.`;
    throw new HttpError(429, "TooManyWrites", message);
  }

  /** @param {number} bytes of a commit */
  record(bytes) {
    this.#forgetOld();
    this.#commits.push({ at: this.now(), bytes });
    this.#total += bytes;
  }
}

/**
 * What the server counts of a transaction's writes: each document as it is in the end, each index key that goes or comes.
 * @param {import("./transaction.mjs").LogEntry[]} log
 * @returns {number} bytes
 */
export function countBytes(log) {
  const changes = new Map();
  for (const { table, before, after } of log) {
    const { id } = after ?? before ?? {};
    if (id === undefined) continue;
    changes.set(id, { table, before: changes.has(id) ? changes.get(id).before : before, after });
  }
  let bytes = 0;
  for (const { table, before, after } of changes.values()) {
    bytes +=
      TIMESTAMP_SIZE + DOCUMENT_ID_SIZE + (after?.size ?? 0) + (before === undefined ? 0 : TIMESTAMP_SIZE);
    for (const index of table.indexes) bytes += countIndexBytes(index, before, after);
  }
  return bytes;
}

/** `IndexRegistry::index_updates` (crates/indexing/src/index_registry.rs): a key that stays is one entry. */
function countIndexBytes(index, before, after) {
  const oldKey = before && index.keyOf(before);
  const newKey = after && index.keyOf(after);
  let bytes = 0;
  if (oldKey !== undefined && oldKey !== newKey) bytes += TIMESTAMP_SIZE + INTERNAL_ID_SIZE + oldKey.length;
  if (newKey !== undefined) bytes += TIMESTAMP_SIZE + INTERNAL_ID_SIZE + newKey.length + DOCUMENT_ID_SIZE;
  return bytes;
}
