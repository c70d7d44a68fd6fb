/**
 * Convex values. Inside the local Convex a value is kept in the *canonical JSON
 * form*: parsed JSON in the internal codec (crates/value/src/json/mod.rs), where
 * `{"$integer"}`, `{"$bytes"}`, `{"$float"}` stand for Int64, Bytes and the
 * floats that JSON cannot write. Nothing is decoded that need not be: documents
 * are stored, compared and sent to functions as this JSON.
 *
 * `canonicalize` is the only way in: after it a value is legal, has one
 * spelling, and its size is known.
 */
import { DeveloperError, MalformedJsonError, formatBinarySize } from "./errors.mjs";
import { MAX_ARRAY_LENGTH, MAX_OBJECT_FIELDS, MAX_VALUE_NESTING, MAX_VALUE_SIZE } from "./limits.mjs";
import { checkFieldName } from "./names.mjs";

const DOLLAR = 36;
const LONE_SURROGATE = /\p{Surrogate}/u;
const SPECIAL_KEYS = new Set(["$integer", "$bytes", "$float"]);

/** The special key of an object that stands for a scalar, else null. */
export function specialKey(object) {
  for (const key in object) return key.charCodeAt(0) === DOLLAR && Object.hasOwn(object, key) ? key : null;
  return null;
}

/** "Null", "Int64", "Float64", "Boolean", "String", "Bytes", "Array" or "Object" (crates/value/src/walk.rs). */
export function typeName(value) {
  if (value === null) return "Null";
  switch (typeof value) {
    case "number":
      return "Float64";
    case "string":
      return "String";
    case "boolean":
      return "Boolean";
    default:
  }
  if (Array.isArray(value)) return "Array";
  switch (specialKey(value)) {
    case "$integer":
      return "Int64";
    case "$float":
      return "Float64";
    case "$bytes":
      return "Bytes";
    default:
      return "Object";
  }
}

/** A plain object, not one that stands for a scalar. */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && specialKey(value) === null;
}

/** Float64 value of a canonical Float64. */
export function toFloat(value) {
  return typeof value === "number" ? value : Buffer.from(value.$float, "base64").readDoubleLE();
}

/** Canonical form of a float. */
export function fromFloat(number) {
  if (Number.isFinite(number) && !Object.is(number, -0)) return number;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(number);
  return { $float: bytes.toString("base64") };
}

/** BigInt of a canonical Int64. */
export function toBigInt(value) {
  return Buffer.from(value.$integer, "base64").readBigInt64LE();
}

/** Canonical form of an Int64. */
export function fromBigInt(integer) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(integer);
  return { $integer: bytes.toString("base64") };
}

/**
 * base64 with or without padding, but with no stray bits (the decoder of
 * crates/value/src/json/bytes.rs). Returns the padded spelling.
 */
function canonicalBase64(text) {
  if (typeof text !== "string") throw new Error(`invalid type: expected a string`);
  const body = text.replace(/={1,2}$/, "");
  const bytes = Buffer.from(body, "base64");
  const encoded = bytes.toString("base64");
  if (!/^[A-Za-z0-9+/]*$/.test(body) || encoded.replace(/=+$/, "") !== body) {
    throw new Error(`Invalid base64 value`);
  }
  return { encoded, bytes };
}

/** Checks what stands behind a special key. */
function canonicalizeSpecial(object, key) {
  const { encoded, bytes } = canonicalBase64(object[key]);
  if (key === "$bytes") {
    measuredSize = bytes.length + 2;
    checkSize(measuredSize);
    return { $bytes: encoded };
  }
  measuredSize = 9;
  if (key === "$integer") {
    if (bytes.length !== 8) throw new Error("Int64 must be exactly eight bytes");
    return { $integer: encoded };
  }
  if (bytes.length !== 8) throw new Error("Float64 must be exactly eight bytes");
  const number = bytes.readDoubleLE();
  if (Number.isFinite(number) && number !== 0)
    throw new Error(`Float64 ${number} should be encoded as a number`);
  return Object.is(number, 0) ? 0 : { $float: encoded };
}

function checkSize(size) {
  if (size > MAX_VALUE_SIZE) {
    throw new DeveloperError(
      "ValueTooLargeError",
      `Value is too large (${formatBinarySize(size)} > maximum size ${formatBinarySize(MAX_VALUE_SIZE)})`,
    );
  }
}

function checkNesting(depth) {
  if (depth > MAX_VALUE_NESTING) {
    throw new DeveloperError(
      "TooNestedError",
      `Value is too nested (nested ${depth} levels deep > maximum nesting ${MAX_VALUE_NESTING})`,
    );
  }
}

/** @param {number} count */
export function checkFieldCount(count) {
  if (count > MAX_OBJECT_FIELDS) {
    throw new DeveloperError(
      "TooManyFieldsError",
      `Object has too many fields (${count} > maximum number ${MAX_OBJECT_FIELDS})`,
    );
  }
}

const SHORT_STRING = 32;

/** Bytes of a string in UTF-8. */
function utf8Length(text) {
  if (text.length > SHORT_STRING) return Buffer.byteLength(text);
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) > 127) return Buffer.byteLength(text);
  }
  return text.length;
}

// Results of the walk below besides the value; module variables because the
// walk visits every scalar of every batch and must not allocate for each.
let measuredSize = 0;
let measuredNesting = 0;

function canonicalizeString(text) {
  const length = utf8Length(text);
  if (length !== text.length && LONE_SURROGATE.test(text)) {
    throw new MalformedJsonError("lone leading surrogate in hex escape");
  }
  measuredSize = length + 2;
  checkSize(measuredSize);
  return text;
}

function canonicalizeArray(array, depth) {
  checkNesting(depth);
  let size = 2;
  for (let i = 0; i < array.length; i += 1) {
    array[i] = walk(array[i], depth + 1);
    size += measuredSize;
  }
  if (array.length > MAX_ARRAY_LENGTH) {
    throw new DeveloperError(
      "ArrayTooLong",
      `Array length is too long (${array.length} > maximum length ${MAX_ARRAY_LENGTH})`,
    );
  }
  checkSize(size);
  measuredSize = size;
  return array;
}

function canonicalizeObject(object, depth) {
  const keys = Object.keys(object);
  if (keys.length === 1 && SPECIAL_KEYS.has(keys[0])) return canonicalizeSpecial(object, keys[0]);
  checkNesting(depth);
  let size = 2;
  let sorted = true;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i];
    checkFieldName(key);
    const value = walk(object[key], depth + 1);
    if (value !== object[key]) setField(object, key, value);
    size += key.length + 1 + measuredSize;
    if (i > 0 && key < keys[i - 1]) sorted = false;
  }
  checkFieldCount(keys.length);
  checkSize(size);
  measuredSize = size;
  return sorted ? object : sortFields(object, keys);
}

/** Sets an own field whatever its name is, `__proto__` too. */
function setField(object, key, value) {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

/** The same object with its keys in byte order, as the server keeps them. */
export function sortFields(object, keys = Object.keys(object)) {
  const sorted = {};
  for (const key of keys.sort()) setField(sorted, key, object[key]);
  return sorted;
}

function walk(value, depth) {
  switch (typeof value) {
    case "string":
      return canonicalizeString(value);
    case "number":
      measuredSize = 9;
      if (!Number.isFinite(value)) throw new MalformedJsonError("number out of range");
      return Object.is(value, -0) ? fromFloat(value) : value;
    case "boolean":
      measuredSize = 1;
      return value;
    default:
  }
  if (value === null) {
    measuredSize = 1;
    return value;
  }
  const container = Array.isArray(value) ? canonicalizeArray(value, depth) : canonicalizeObject(value, depth);
  if (depth > measuredNesting && specialKey(container) === null) measuredNesting = depth;
  return container;
}

/**
 * Checks a parsed JSON value and gives it its one spelling (changes it in place).
 * @param {unknown} json
 * @returns {{value: unknown, size: number, nesting: number}} canonical value, its Convex size in bytes, its levels
 * @throws {Error} with the server's words, when it is not a Convex value
 */
export function canonicalize(json) {
  measuredNesting = 0;
  const value = walk(json, 1);
  return { value, size: measuredSize, nesting: measuredNesting };
}
