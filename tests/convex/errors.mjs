/**
 * The kinds of error of the local Convex, and the sizes printed in them.
 *
 * - `DeveloperError`: the caller's or the function's fault. Inside a function it
 *   is an ordinary Error that can be caught (`is_deterministic_user_error`,
 *   crates/errors/src/lib.rs); outside it becomes HTTP 200 `status:"error"`.
 * - `FunctionError`: a function run ended with an error; never catchable by that run.
 * - `HttpError`: the request itself failed: a status and `{code, message}`.
 */

export class DeveloperError extends Error {
  /**
   * @param {string} code short code as in convex-backend, e.g. "TooManyWrites"
   * @param {string} message text that the user sees
   * @param {unknown} [data] JSON form of a ConvexError's data
   */
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /** A limit that a page of a query may hit without failing (`is_pagination_limit`). */
  get isPaginationLimit() {
    return PAGINATION_LIMITS.has(this.code);
  }
}

const PAGINATION_LIMITS = new Set([
  "TooManyWrites",
  "TooManyBytesWritten",
  "TooManyDocumentsRead",
  "TooManyBytesRead",
  "TooManyReads",
  "QueryScannedTooManyDocumentsError",
  "QueryScannedTooMuchDataError",
]);

/** JSON that JavaScript's parser takes and the server's (serde_json) does not. */
export class MalformedJsonError extends Error {}

export class FunctionError extends Error {
  /**
   * @param {string} message first lines of the error text
   * @param {{data?: unknown, frames?: string[], isThrown?: boolean}} [details] ConvexError data (JSON form),
   *   stack lines, and whether user code threw it
   */
  constructor(message, { data, frames = [], isThrown = false } = {}) {
    super(message);
    this.data = data;
    this.frames = frames;
    this.isThrown = isThrown;
  }

  /** `Display` of JsError: message and frames, each line ended (crates/common/src/errors.rs). */
  toText() {
    return [this.message, ...this.frames].map((line) => `${line}\n`).join("");
  }
}

export class HttpError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} code short code; empty together with message for an answer without body
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** humansize `BINARY`: "1.50 MiB", whole numbers without decimals. */
export function formatBinarySize(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(2)} ${units[unit]}`;
}

const BYTE_UNITS = [
  [2 ** 30, "GiB"],
  [1e9, "GB"],
  [2 ** 20, "MiB"],
  [1e6, "MB"],
  [2 ** 10, "KiB"],
  [1e3, "KB"],
];

/** `format_bytes` (crates/common/src/fmt.rs): the largest unit that divides exactly. */
export function formatBytes(bytes) {
  for (const [size, name] of BYTE_UNITS) {
    if (bytes < size) continue;
    if (bytes % size === 0) return `${bytes / size} ${name}`;
    if ((bytes * 10) % size === 0) return `${(bytes / size).toFixed(1)} ${name}`;
  }
  return `${bytes} bytes`;
}
