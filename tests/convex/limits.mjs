/**
 * Every limit that the local Convex enforces, with the constant of
 * convex-backend that it copies. Sizes are bytes unless the name says otherwise.
 * Used by values.mjs, transaction.mjs, schema.mjs, functions.mjs and http.mjs.
 */

const MIB = 1 << 20;

/** A stored document with `_id` and `_creationTime` (`MAX_USER_SIZE`, crates/common/src/document.rs). */
export const MAX_DOCUMENT_SIZE = MIB;
/** Levels of a stored document, itself included (`MAX_DOCUMENT_NESTING`, crates/common/src/document.rs). */
export const MAX_DOCUMENT_NESTING = 16;
/** Any value (`MAX_SIZE`, `MAX_NESTING`, crates/value/src/size.rs). */
export const MAX_VALUE_SIZE = 32 * MIB;
export const MAX_VALUE_NESTING = 64;
/** Fields of an object (`MAX_OBJECT_FIELDS`, crates/value/src/object.rs). */
export const MAX_OBJECT_FIELDS = 1024;
/** Elements of an array (`MAX_ARRAY_LEN`, crates/value/src/array.rs). */
export const MAX_ARRAY_LENGTH = 8192;
/** Names (`MAX_FIELD_NAME_LENGTH`, `MAX_IDENTIFIER_LEN`, crates/convex/sync_types/src/identifier.rs). */
export const MAX_FIELD_NAME_LENGTH = 1024;
export const MAX_IDENTIFIER_LENGTH = 64;

/** Tables and indexes (crates/database/src/bootstrap_model/table.rs, crates/common/src/schemas/mod.rs,
 * crates/common/src/bootstrap_model/index/mod.rs). */
export const FIRST_USER_TABLE_NUMBER = 10001;
export const MAX_USER_TABLES = 10000;
export const MAX_INDEXES_PER_TABLE = 64;
/** The `_creationTime` that ends every index included. */
export const MAX_INDEX_FIELDS = 16;
/** Filter fields of a search or vector index (crates/common/src/bootstrap_model/index/mod.rs). */
export const MAX_FILTER_FIELDS = 16;
/** Length of vectors (crates/common/src/bootstrap_model/index/vector_index/dimensions.rs). */
export const MIN_VECTOR_DIMENSIONS = 2;
export const MAX_VECTOR_DIMENSIONS = 4096;

/** Function files of a push without `_deps/`, and the size of its body, decompressed (`MAX_USER_MODULES`,
 * `MAX_PUSH_BYTES`, crates/common/src/knobs.rs). */
export const MAX_USER_MODULES = 4096;
export const MAX_PUSH_SIZE = 200_000_000;

/** One transaction (`TRANSACTION_MAX_…`, crates/common/src/knobs.rs). */
export const TRANSACTION_LIMITS = {
  documentsWritten: 16000,
  bytesWritten: 16 * MIB,
  documentsRead: 32000,
  bytesRead: 16 * MIB,
  databaseQueries: 4096,
  functionsScheduled: 1000,
  scheduledFunctionArgsBytes: 16 * MIB,
};

/** Looking at one module of a push (`ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS`, crates/common/src/knobs.rs). */
export const ANALYZE_TIME_LIMIT_MS = 4000;

/** System documents that a transaction writes, such as a push (`TRANSACTION_MAX_SYSTEM_NUM_WRITES`,
 * crates/common/src/knobs.rs). */
export const MAX_SYSTEM_WRITES = 40_000;

/** One function call (`FUNCTION_MAX_ARGS_SIZE`, `FUNCTION_MAX_RESULT_SIZE`, `DATABASE_UDF_USER_TIMEOUT_SECONDS`,
 * `DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS`, `MAX_REACTOR_CALL_DEPTH`, crates/common/src/knobs.rs). */
export const MAX_ARGUMENTS_SIZE = 16 * MIB;
export const MAX_RESULT_SIZE = 16 * MIB;
export const USER_TIME_LIMIT_MS = 1000;
export const SYSTEM_TIME_LIMIT_MS = 15_000;
/** Objects of user code, and array buffers (`ISOLATE_MAX_USER_HEAP_SIZE`, `ISOLATE_MAX_ARRAY_BUFFER_TOTAL_SIZE`,
 * crates/common/src/knobs.rs). */
export const MAX_HEAP_SIZE = 64 * MIB;
export const MAX_CALL_DEPTH = 8;
/** Log lines of a call and their length (crates/isolate/src/environment/helpers/mod.rs). */
export const MAX_LOG_LINES = 256;
export const MAX_LOG_LINE_LENGTH = 32768;
/** Text of an error thrown by user code (`MAX_ERROR_MESSAGE_LENGTH`, crates/common/src/errors.rs). */
export const MAX_ERROR_MESSAGE_LENGTH = 1 << 16;

/** What a plan allows by its class: functions of a kind at a time (`APPLICATION_MAX_CONCURRENT_…`), bytes written a
 * second (`MAX_BYTES_WRITTEN_PER_SECOND`, both crates/common/src/knobs.rs; for classes beyond the first
 * npm-packages/docs/docs/production/state/limits.mdx). */
export const CLASSES = {
  S16: { concurrency: 16, writeLimit: 4 * MIB },
  S256: { concurrency: 256, writeLimit: 8 * MIB },
  D1024: { concurrency: 512, writeLimit: 32 * MIB },
  D2048: { concurrency: 1024, writeLimit: 64 * MIB },
};
export const SMALLEST_CLASS = CLASSES.S16;
/** `WRITE_THROUGHPUT_WINDOW`, `APPLICATION_FUNCTION_RUNNER_SEMAPHORE_TIMEOUT`, `UDF_EXECUTOR_OCC_…`
 * (crates/common/src/knobs.rs). */
export const WRITE_RATE_WINDOW_MS = 1000;
export const PERMIT_WAIT_MS = 5000;
export const CONFLICT_MAX_RETRIES = 4;
export const CONFLICT_MIN_BACKOFF_MS = 100;
export const CONFLICT_MAX_BACKOFF_MS = 2000;

/** Bodies of other JSON routes (`DefaultBodyLimit` of axum). */
export const MAX_JSON_SIZE = 2 * MIB;

/** Imports: a file of one JSON array (`TRANSACTION_MAX_USER_WRITE_SIZE_BYTES`), how long one may take
 * (`MAX_IMPORT_AGE_SECONDS`, both crates/common/src/knobs.rs), how often and after how long the server tries again after
 * a failure of its own (crates/application/src/snapshot_import/{mod,worker}.rs). */
export const MAX_JSON_ARRAY_SIZE = 16 * MIB;
export const MAX_IMPORT_AGE_MS = 7 * 24 * 3600 * 1000;
export const MAX_IMPORT_FAILURES = 5;
export const IMPORT_RETRY_MS = 30_000;
export const MAX_IMPORT_BACKOFF_MS = 300_000;
/** How long an import waits, at most, while too much is written (`INITIAL_OVERLOADED_BACKOFF`,
 * `MAX_OVERLOADED_BACKOFF`, crates/database/src/database.rs). */
export const MIN_OVERLOADED_BACKOFF_MS = 10;
export const MAX_OVERLOADED_BACKOFF_MS = 30_000;
/** How long an export is kept, in nanoseconds (`DEFAULT_EXPORT_RETENTION`, crates/model/src/exports/mod.rs). */
export const EXPORT_RETENTION_NS = 14n * 24n * 3600n * 10n ** 9n;
/** How often a WebSocket is pinged (`HEARTBEAT_INTERVAL`, crates/local_backend/src/subs/mod.rs). */
export const HEARTBEAT_MS = 5000;
/** Parts of an upload to S3 (crates/aws_s3/src/{storage,types}.rs). */
export const MAX_S3_PARTS = 9999;
export const MIN_S3_PART_SIZE = 5 * MIB;

/** Rows fetched ahead by a query (`DEFAULT_QUERY_PREFETCH`, crates/common/src/knobs.rs;
 * `MAX_QUERY_FETCH`, crates/database/src/query/mod.rs). */
export const DEFAULT_QUERY_PREFETCH = 100;
export const MAX_QUERY_FETCH = 1024;
/** Operators of one query (`MAX_QUERY_OPERATORS`, crates/common/src/query.rs). */
export const MAX_QUERY_OPERATORS = 256;

/** Body of a function call (`MAX_BACKEND_PUBLIC_API_REQUEST_SIZE`, crates/common/src/knobs.rs). */
export const MAX_REQUEST_SIZE = 16 * MIB + 2000;

/** `soft_data_limit` (crates/database/src/query/index_range.rs): where a page is advised to be split. */
export function softLimit(hardLimit) {
  return Math.floor((hardLimit * 3) / 4);
}
