/**
 * Sort keys: a value as a string of bytes (one character a byte) whose order
 * under `<` is the order of Convex values (crates/value/src/sorting.rs), and
 * index keys made of them (`IndexKey`, crates/common/src/index.rs).
 */
import { specialKey, toBigInt, toFloat } from "./values.mjs";

const UNDEFINED_TAG = "\x01";
const NULL_TAG = "\x03";
const ZERO_INT64_TAG = 0x08;
const FLOAT64_TAG = "\x0d";
const FALSE_TAG = "\x0e";
const TRUE_TAG = "\x0f";
const STRING_TAG = "\x10";
const BYTES_TAG = "\x11";
const ARRAY_TAG = "\x12";
const OBJECT_TAG = "\x15";
const TERMINATOR = "\0";

const ASCII_WITHOUT_NUL = /^[\x01-\x7f]*$/;
const scratch = Buffer.alloc(8);

function escaped(latin1) {
  return latin1.replace(/\0/g, "\0\xff") + TERMINATOR;
}

function stringKey(text) {
  if (ASCII_WITHOUT_NUL.test(text)) return text + TERMINATOR;
  return escaped(Buffer.from(text, "utf8").toString("latin1"));
}

function floatKey(number) {
  scratch.writeDoubleBE(number);
  if (scratch[0] & 0x80) {
    for (let i = 0; i < 8; i += 1) scratch[i] ^= 0xff;
  } else {
    scratch[0] |= 0x80;
  }
  return FLOAT64_TAG + scratch.latin1Slice(0, 8);
}

const INTEGER_WIDTHS = [1, 2, 4, 8];

function integerKey(integer) {
  if (integer === 0n) return String.fromCharCode(ZERO_INT64_TAG);
  const widthIndex = INTEGER_WIDTHS.findIndex((width) => BigInt.asIntN(width * 8, integer) === integer);
  const tag = integer < 0n ? ZERO_INT64_TAG - widthIndex - 1 : ZERO_INT64_TAG + widthIndex + 1;
  scratch.writeBigInt64BE(integer);
  return String.fromCharCode(tag) + scratch.latin1Slice(8 - INTEGER_WIDTHS[widthIndex], 8);
}

function objectKey(object) {
  let key = OBJECT_TAG;
  for (const field of Object.keys(object).sort()) {
    // An empty name would look like the terminator.
    key += (field === "" ? "\0\xff" : stringKey(field)) + sortKey(object[field]);
  }
  return key + TERMINATOR;
}

/**
 * @param {unknown} value canonical value, or undefined for a missing field (sorts first)
 * @returns {string} one character (0–255) a byte
 */
export function sortKey(value) {
  switch (typeof value) {
    case "undefined":
      return UNDEFINED_TAG;
    case "string":
      return STRING_TAG + stringKey(value);
    case "number":
      return floatKey(value);
    case "boolean":
      return value ? TRUE_TAG : FALSE_TAG;
    default:
  }
  if (value === null) return NULL_TAG;
  if (Array.isArray(value)) return ARRAY_TAG + value.map(sortKey).join("") + TERMINATOR;
  switch (specialKey(value)) {
    case "$integer":
      return integerKey(toBigInt(value));
    case "$float":
      return floatKey(toFloat(value));
    case "$bytes":
      return BYTES_TAG + escaped(Buffer.from(value.$bytes, "base64").toString("latin1"));
    default:
      return objectKey(value);
  }
}

/** The value at a field path, or undefined. */
export function valueAtPath(object, path) {
  let value = object;
  for (const field of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, field)) return undefined;
    value = value[field];
  }
  return value;
}

/**
 * @param {Record<string, unknown>} document with system fields
 * @param {string[][]} paths the index's fields, `_creationTime` included, `_id` not
 * @returns {string} the index key; ends with the id, so it is unique
 */
export function indexKey(document, paths) {
  let key = "";
  for (const path of paths) key += sortKey(valueAtPath(document, path));
  return key + sortKey(document._id);
}

/** The first key after every key that begins with prefix; null when there is none (`End::after_prefix`). */
export function afterPrefix(prefix) {
  for (let i = prefix.length - 1; i >= 0; i -= 1) {
    const byte = prefix.charCodeAt(i);
    if (byte < 0xff) return prefix.slice(0, i) + String.fromCharCode(byte + 1);
  }
  return null;
}
