/** Rows of an import as documents: in batches, with the ids and times that they bring. */
import { DeveloperError } from "../errors.mjs";
import { decodeId } from "../ids.mjs";
import { TRANSACTION_LIMITS } from "../limits.mjs";
import { toFloat, typeName } from "../values.mjs";
import { toConvexObject } from "./json_rows.mjs";

/** Half of what a transaction may write; more is only found when it is there. */
const BATCH_BYTES = TRANSACTION_LIMITS.bytesWritten / 2;
const BATCH_ROWS = TRANSACTION_LIMITS.documentsWritten / 2;

/**
 * @param {import("./formats.mjs").TableInFile} table
 * @param {number} skipped rows that are in already
 * @param {(row: object) => object} change of a parsed row
 * @returns {AsyncGenerator<{bodies: ReturnType<typeof toConvexObject>[], count: number, isLast: boolean}>} count: rows
 *   before the last of the batch, or all of the table
 */
export async function* readBatches(table, skipped, change) {
  let count = 0;
  let bodies = [];
  let size = 0;
  for await (const parsed of table.rows()) {
    if (count >= skipped) {
      const body = toConvexObject(change(parsed), count + 1, table.isUniform);
      bodies.push(body);
      size += body.size;
      if (size > BATCH_BYTES || bodies.length > BATCH_ROWS) {
        yield { bodies, count, isLast: false };
        bodies = [];
        size = 0;
      }
    }
    count += 1;
  }
  yield { bodies, count, isLast: true };
}

/** @throws {DeveloperError} when an id is there twice */
export function refuseDuplicates(tableName, bodies) {
  const ids = bodies.map(({ value }) => value._id).filter((id) => id !== undefined);
  if (new Set(ids.map((id) => JSON.stringify(id))).size < ids.length)
    throw new DeveloperError("DuplicateId", `Objects in table "${tableName}" have duplicate _id fields`);
}

/**
 * What a row says of itself (`ImportFacingModel::insert`, crates/database/src/bootstrap_model/import_facing.rs).
 * @param {import("../table.mjs").Table} table
 * @param {ReturnType<typeof toConvexObject>} body
 */
export function broughtBy(table, body) {
  const { _id, _creationTime } = body.value;
  return {
    body,
    internalId: typeof _id === "string" ? internalIdOf(table, _id) : undefined,
    creationTime:
      typeName(_creationTime ?? null) === "Float64" ? checkTime(toFloat(_creationTime)) : undefined,
  };
}

function internalIdOf({ name, number }, id) {
  const decoded = decodeId(id);
  if (decoded === null) throw new DeveloperError("InvalidId", `invalid _id '${id}'`);
  if (decoded.tableNumber === number) return decoded.internalId;
  throw new DeveloperError(
    "ImportConflict",
    `_id ${id} cannot be imported into '${name}' because it came from a different deployment and conflict with preexisting tables in this deployment. Try deleting preexisting tables or importing into an empty
                         deployment.`,
  );
}

/** The server takes these for a mistake of its own, and tries again and again. */
function checkTime(time) {
  if (!Number.isFinite(time)) throw new Error(`Invalid creation time ${time}`);
  if (time < 0 || Object.is(time, -0)) throw new Error("Condition failed: `!ts_ms.is_sign_negative()`");
  return time;
}
