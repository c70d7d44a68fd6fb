/**
 * What a Postgres value must be in Convex, worked out from its text output
 * alone and without any code of the extension: the table of types of the
 * contract, written a second time. Used by compare.mjs.
 *
 * The text is that of the settings in `OUTPUT_SETTINGS`.
 */
import { attributeFields, readArray, readComposite, readHstore } from "./expected_containers.mjs";
import { canonicalJson, checkKey, isExact, JsonNumber, jsonOfValue, readJson, valueOfJson } from "./expected_json.mjs";
import { isoTime, milliseconds } from "./expected_times.mjs";

/**
 * @typedef {{ int8: "number" | "int64" | "string", numeric: "auto" | "number" | "string", timestamps: "ms" | "iso",
 *   nulls: "omit" | "null" }} TypeOptions
 * @typedef {import("./relations.mjs").TypeInfo} TypeInfo
 * @typedef {(text: string, place: import("./expected_place.mjs").Place) => unknown} Convert
 *   tells `place` what Convex does not take; what it returns then counts for nothing
 */

/** Session settings that the text of values depends on. */
export const OUTPUT_SETTINGS = {
  DateStyle: "ISO, YMD", IntervalStyle: "iso_8601", TimeZone: "UTC", extra_float_digits: "1", bytea_output: "hex",
};

/** The most decimal digits that every Float64 keeps, and the largest scale of a numeric that is a number by itself. */
const FLOAT64_DIGITS = 15;
const NUMBER_SCALE = 200;

const EXACT_INTEGER = 2n ** 53n;

/** What goes as JSON text goes as it is, whatever the server's options. @type {TypeOptions} */
const JSON_OPTIONS = { int8: "exact", numeric: "exact", timestamps: "iso", nulls: "null" };

/**
 * Chooses the conversion for a column, by its type.
 * @param {TypeInfo} type
 * @param {TypeOptions} options the server's options
 * @param {string | null} [choice] of convex_columns.type
 * @returns {Convert}
 */
export function conversionOf(type, options, choice = null) {
  if (choice === "string" || (choice === "json" && isJson(type))) return measured(type, (text) => text);
  if (goesAsJsonText(type, choice)) return jsonText(conversionOf(type, JSON_OPTIONS, "any"));
  if (type.element !== null) return arrayOf(type, options, choice);
  if (type.attributes !== null) return objectOf(type, options, choice);
  return measured(type, scalar(type, options, choice));
}

/**
 * What comes from Convex in the form that conversionOf() gives.
 * @returns {(value: unknown) => unknown}
 */
export function receivedOf(type, choice) {
  if (!goesAsJsonText(type, choice)) return (value) => value;
  return (value) => (typeof value === "string" ? canonicalJson(readJson(value)) : value);
}

/** Whether values become JSON texts, of which there are several that say the same: their length is not known. */
export function goesAsJsonText(type, choice) {
  return choice === "json" && !isJson(type);
}

function isJson({ name }) {
  return name === "json" || name === "jsonb";
}

/** Types whose size in PostgreSQL is that of their text, or follows from it. */
function measured({ name }, convert) {
  const sizeOf = {
    text: Buffer.byteLength, varchar: Buffer.byteLength, bpchar: Buffer.byteLength, json: Buffer.byteLength,
    bytea: (text) => (text.length - 2) / 2,
  }[name];
  if (sizeOf === undefined) return convert;
  return (text, place) => {
    place.checkSize(sizeOf(text));
    return convert(text, place);
  };
}

/** The value's JSON text, whatever its spaces, as a value without limits says it. */
function jsonText(convert) {
  return (text, place) => canonicalJson(jsonOfValue(convert(text, place.inText())));
}

/** @returns {Convert} for a type that is made of no others */
function scalar(type, options, choice) {
  switch (type.name) {
    case "bool": return (text) => text === "t";
    case "int2": case "int4": return integer("number", choice);
    case "int8": return integer(options.int8, choice);
    case "float4": case "float8": return Number;
    case "numeric": return numeric(type, options, choice);
    case "date": return choice === "ms" ? milliseconds : isoTime;
    case "timestamptz": case "timestamp":
      return (choice === "iso" || choice === "ms" ? choice : options.timestamps) === "iso" ? isoTime : milliseconds;
    case "json": case "jsonb": return (text, place) => valueOfJson(readJson(text), place);
    case "bytea": return (text) => bytesOf(text.slice(2), "hex");
    case "uuid": return choice === "bytes" ? (text) => bytesOf(text.replaceAll("-", ""), "hex") : String;
    case "text": case "varchar": case "bpchar": return textual(choice);
    case "hstore": return objectOfTexts;
    case "vector": case "halfvec": return (text, place) => vector(JSON.parse(text), place);
    case "sparsevec": return sparseVector;
  }
  return String;
}

function textual(choice) {
  return { boolean: textBoolean, bytes: (text) => bytesOf(text, "utf8") }[choice] ?? String;
}

function bytesOf(text, encoding) {
  return new Uint8Array(Buffer.from(text, encoding)).buffer;
}

function integer(option, choice) {
  if (choice === "boolean") return integerBoolean;
  switch (choice === "number" || choice === "int64" ? choice : option) {
    case "int64": return BigInt;
    case "string": return String;
    case "exact": return exactNumber;
  }
  return (text, place) => {
    const number = BigInt(text);
    if (number > EXACT_INTEGER || number < -EXACT_INTEGER) place.refuse("number_not_exact");
    return Number(number);
  };
}

/** A number of JSON, with all its digits; what JSON does not have is a text later. */
function exactNumber(text) {
  return /[yN]$/.test(text) ? Number(text) : new JsonNumber(text);
}

function integerBoolean(text, place) {
  if (text !== "0" && text !== "1") place.refuse("not_boolean");
  return text === "1";
}

/** As PostgreSQL reads a text as a boolean. */
function textBoolean(text, place) {
  const match = /^[ \t\n\r\v\f]*(?:(t|tr|tru|true|y|ye|yes|on|1)|f|fa|fal|fals|false|n|no|of|off|0)[ \t\n\r\v\f]*$/i.exec(text);
  if (match === null) place.refuse("not_boolean");
  return match?.[1] !== undefined;
}

function numeric({ modifier }, options, choice) {
  if (choice === "int64") return numericInt64;
  if (choice !== "number" && options.numeric === "string") return String;
  if (options.numeric === "exact") return exactNumber;
  // pg_attribute.atttypmod of numeric(p,s), above a header of 4: p in the upper half, s in 11 bits with a sign.
  const precision = modifier < 0 ? Infinity : ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  if (precision <= FLOAT64_DIGITS && Math.abs(scale) <= NUMBER_SCALE) return Number;
  if (choice !== "number" && options.numeric !== "number") return String;
  return (text, place) => {
    if (!/[yN]$/.test(text) && !isExact(text)) place.refuse("number_not_exact");
    return Number(text);
  };
}

function numericInt64(text, place) {
  const [, whole] = /^(-?\d+)(?:\.0+)?$/.exec(text) ?? [];
  const fits = whole !== undefined && BigInt.asIntN(64, BigInt(whole)) === BigInt(whole);
  if (!fits) place.refuse("number_not_exact");
  return fits ? BigInt(whole) : null;
}

function objectOfTexts(text, place) {
  const entries = readHstore(text);
  place.checkObject(entries.length);
  entries.forEach(([name]) => checkKey(name, place));
  return Object.fromEntries(entries);
}

function vector(numbers, place) {
  place.checkArray(numbers.length);
  return numbers;
}

/** `{1:0.5,3:2}/4`: positions from 1 on, and how many there are. */
function sparseVector(text, place) {
  const [elements, count] = text.split("/");
  const numbers = new Array(Number(count)).fill(0);
  for (const [, position, number] of elements.matchAll(/(\d+):([^,}]+)/g)) numbers[position - 1] = Number(number);
  return vector(numbers, place);
}

function arrayOf({ element: type }, options, choice) {
  const convertElement = conversionOf(type, options, choice);
  const convert = (element, place) => {
    if (Array.isArray(element)) return elements(element, place);
    if (element !== null) return convertElement(element, place);
    if (choice !== "any" && choice !== "array_nullable") place.refuse("null_element");
    return null;
  };
  const elements = (list, place) => {
    place.checkArray(list.length);
    return list.map((element, i) => convert(element, place.element(i)));
  };
  return (text, place) => {
    const list = readArray(text, type.delimiter);
    const dimensions = dimensionsOf(list);
    if (dimensions > 1 && choice !== "any") place.refuse("array_dimensions", dimensions);
    return elements(list, place);
  };
}

function dimensionsOf(list) {
  return Array.isArray(list) ? 1 + dimensionsOf(list[0]) : 0;
}

function objectOf({ attributes }, options, choice) {
  const fields = attributeFields(attributes.map(({ name }) => name));
  // a choice is about the column, but "any" reaches to any depth
  const conversions = attributes.map(({ type }) => conversionOf(type, options, choice === "any" ? choice : null));
  return (text, place) => {
    const texts = readComposite(text);
    const present = texts.map((_, i) => i).filter((i) => texts[i] !== null || options.nulls === "null");
    place.checkObject(present.length);
    return Object.fromEntries(present.map((i) =>
      [fields[i], texts[i] === null ? null : conversions[i](texts[i], place.field(fields[i]))]));
  };
}
