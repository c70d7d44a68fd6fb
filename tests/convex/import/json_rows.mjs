/**
 * Rows of JSON and how their numbers are read. Parsed without more, every number is a Float64. In a table that the ZIP
 * file calls "uniform" a number without point and exponent is an Int64 (`from_clean_lossless`,
 * crates/value/src/export.rs); JSON.parse() no longer knows which was which, so the text is changed before.
 */
import { MalformedJsonError } from "../errors.mjs";
import { checkFieldName } from "../names.mjs";
import { canonicalize, fromBigInt } from "../values.mjs";
import { ImportError } from "./errors.mjs";

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** What JSON.parse() takes and the server's parser does not: worth a look only where the text may have it. */
const SUSPICIOUS = /\\u[dD][89a-fA-F]|\d[eE]|\d{308}/;

function markInteger(token) {
  if (!INTEGER.test(token)) return token;
  const integer = BigInt(token);
  const fits = integer >= MIN_INT64 && integer <= MAX_INT64;
  return fits ? `{"$integer":"${fromBigInt(integer).$integer}"}` : token;
}

/** @param {string} text @returns {string} the same JSON with whole numbers as the internal encoding has them */
function markIntegers(text) {
  return text.replace(TOKENS, (token) => (token[0] === '"' ? token : markInteger(token)));
}

function refuseMalformed(value) {
  if (typeof value === "string" && /\p{Surrogate}/u.test(value))
    throw new MalformedJsonError("lone leading surrogate in hex escape");
  if (typeof value === "number" && !Number.isFinite(value))
    throw new MalformedJsonError("number out of range");
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    refuseMalformed(key);
    refuseMalformed(inner);
  }
}

/** @param {string} text @throws {Error} when the server's parser does not take it */
export function parseJson(text) {
  const value = JSON.parse(text);
  if (SUSPICIOUS.test(text)) refuseMalformed(value);
  return value;
}

/**
 * @param {string} text a line
 * @param {number} row from 1
 * @param {boolean} isUniform
 * @throws {ImportError} when it is no JSON
 */
export function parseRow(text, row, isUniform) {
  try {
    const value = parseJson(text);
    return isUniform ? JSON.parse(markIntegers(text)) : value;
  } catch (error) {
    throw new ImportError("JsonInvalidRow", `Row ${row} wasn't valid JSON: ${error.message}`);
  }
}

/** Without "uniform" nothing stands for an Int64, or for bytes: such an object has an illegal field. */
function refuseSpecial(value) {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) Object.keys(value).forEach(checkFieldName);
  Object.values(value).forEach(refuseSpecial);
}

/**
 * A row as a Convex object (`GeneratedSchema::apply`, crates/shape_inference/src/export_context.rs).
 * @param {unknown} parsed
 * @param {number} row from 1
 * @param {boolean} isUniform
 * @returns {ReturnType<typeof canonicalize>}
 * @throws {ImportError} when it is none
 */
export function toConvexObject(parsed, row, isUniform) {
  try {
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
      throw new Error(`expected object, received ${shorten(JSON.stringify(parsed))}`);
    if (!isUniform) refuseSpecial(parsed);
    const converted = canonicalize(parsed);
    if (converted.nesting > 0) return converted;
  } catch (error) {
    throw new ImportError("InvalidConvexValue", `Row ${row} wasn't a valid Convex value: ${error.message}`);
  }
  throw new ImportError("NotAnObject", `Row ${row} wasn't an object`);
}

const SHOWN = 100;

function shorten(text) {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}
