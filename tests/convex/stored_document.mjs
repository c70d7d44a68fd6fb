/** The stored form of a document, after all that the server looks at before a write (crates/common/src/document.rs). */
import { displayFloat, displayObject, displayValue } from "./display.mjs";
import { DeveloperError, formatBinarySize } from "./errors.mjs";
import { MAX_DOCUMENT_NESTING, MAX_DOCUMENT_SIZE } from "./limits.mjs";
import { checkDocument } from "./schema.mjs";
import { checkFieldCount, sortFields, toFloat, typeName } from "./values.mjs";

/** `_creationTime` in a document: its name, a separator and nine bytes; `_id` likewise, with a string. */
const CREATION_TIME_SIZE = "_creationTime".length + 1 + 9;
const ID_FIELD_SIZE = "_id".length + 1 + 2;

/** Creation times are below it (`MAX_EXACT_F64_INT`). */
const MAX_EXACT_INTEGER = 2 ** 53;

/**
 * System fields set, limits and schema checked.
 * @param {{table: import("./table.mjs").Table, id: string, creationTime: number, before?: StoredDocument}} place
 * @param {{value: Record<string, unknown>, size: number, nesting: number}} body from `canonicalize`
 * @param {{schema: import("./schema.mjs").Schema, tableNameOf: (tableNumber: number) => string | undefined}} rules
 * @returns {{document: StoredDocument, userFields: Record<string, unknown>}} `before` itself when nothing changes:
 *   such a write does not happen
 * @typedef {import("./table.mjs").StoredDocument} StoredDocument
 */
export function buildDocument({ table, id, creationTime, before }, body, { schema, tableNameOf }) {
  const { _id, _creationTime, ...userFields } = body.value;
  checkSystemFields(body.value, id, creationTime);
  const whole = sortFields({ ...userFields, _creationTime: creationTime, _id: id });
  checkFieldCount(Object.keys(whole).length);
  checkShape(whole, userFields, Math.max(1, body.nesting));
  const json = JSON.stringify(whole);
  if (before !== undefined && before.json === json) return { document: before, userFields };
  const problem = checkDocument(schema, table.name, userFields, tableNameOf);
  if (problem !== undefined) {
    throw new DeveloperError(
      "SchemaEnforcementError",
      `Failed to insert or update a document in table "${table.name}" because it does not match the schema: ${problem}`,
    );
  }
  const size = body.size + sizeOfAdded(body.value, id);
  checkSize(size);
  return { document: { id, json, size, creationTime, keys: table.keysOf(whole) }, userFields };
}

function checkSystemFields(value, id, creationTime) {
  const { _id, _creationTime } = value;
  if (_id !== undefined && _id !== id) {
    throw new DeveloperError(
      "InvalidIdError",
      `Provided document ID ${displayValue(id)} doesn't match '_id' field ${displayValue(_id)}`,
    );
  }
  if (_creationTime === undefined) return;
  if (typeName(_creationTime) !== "Float64" || toFloat(_creationTime) !== creationTime) {
    throw new DeveloperError(
      "InvalidCreationTimeError",
      `Provided creation time ${displayFloat(creationTime)} doesn't match '_creationTime' field in ${displayObject({ ...value, _id: id })}`,
    );
  }
}

/** Bytes of the system fields that the body did not have. */
function sizeOfAdded({ _id, _creationTime }, id) {
  const idSize = _id === undefined ? ID_FIELD_SIZE + id.length : 0;
  return idSize + (_creationTime === undefined ? CREATION_TIME_SIZE : 0);
}

function checkSize(size) {
  if (size <= MAX_DOCUMENT_SIZE) return;
  throw new DeveloperError(
    "ValueTooLargeError",
    `Value is too large (${formatBinarySize(size)} > maximum size ${formatBinarySize(MAX_DOCUMENT_SIZE)})`,
  );
}

/** Rust's `{}` of a float: whole numbers have no point, large ones no exponent. */
function displayRoundFloat(number) {
  return Number.isInteger(number) ? String(BigInt(number)) : displayFloat(number);
}

/** Levels and top-level names of a document (`ResolvedDocument::validate`, crates/common/src/document.rs). */
function checkShape(whole, userFields, nesting) {
  const violations = [];
  if (nesting > MAX_DOCUMENT_NESTING) {
    violations.push(
      `Document is too nested (nested ${nesting} levels deep > maximum nesting ${MAX_DOCUMENT_NESTING})`,
    );
  }
  const creationTime = whole._creationTime;
  if (!(creationTime > 0 && creationTime < MAX_EXACT_INTEGER)) {
    violations.push(
      `The '_creationTime' field should be a timestamp in milliseconds, is ${displayRoundFloat(creationTime)}`,
    );
  }
  for (const field of Object.keys(userFields)) {
    if (field.startsWith("_")) {
      violations.push(
        `Field '${field}' starts with an underscore, which is only allowed for system fields like '_id'`,
      );
    }
  }
  if (violations.length === 0) return;
  const text = violations.join("\n ");
  throw new DeveloperError(
    "InvalidDocumentError",
    `Document(value: ${displayObject(whole)}) isn't a valid document: ${text}`,
  );
}
