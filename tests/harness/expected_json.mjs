/**
 * JSON read without losing anything: numbers keep their text, objects their
 * repeated keys. And what Convex makes of it: as the value of a json or jsonb
 * column, as a line of an import file, or as JSON text to be compared.
 */
import { Base64 } from "convex/values";

const TOKEN = /[ \t\r\n]*(?:([[\]{},:])|("(?:[^"\\]|\\.)*")|([-+.\deE]+)|(true|false|null))[ \t\r\n]*/y;

export class JsonNumber {
  constructor(text) {
    this.text = text;
  }
}

export class JsonObject {
  /** @param {[string, unknown][]} entries */
  constructor(entries) {
    this.entries = entries;
  }
}

/**
 * @param {string} text
 * @returns {unknown} null, a boolean, a string, an array, a JsonNumber or a JsonObject
 */
export function readJson(text) {
  let position = 0;
  const next = () => {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not JSON at ${position}: ${text.slice(position, position + 40)}`);
    position = TOKEN.lastIndex;
    return match;
  };
  const peek = () => text[position];
  const list = (end, item) => {
    const items = [];
    if (peek() === end) return next(), items;
    for (;;) {
      items.push(item());
      const [, punctuation] = next();
      if (punctuation === end) return items;
      if (punctuation !== ",") throw new Error(`not JSON before ${position}`);
    }
  };
  const field = () => {
    const [, , name] = next();
    const [, colon] = next();
    if (name === undefined || colon !== ":") throw new Error(`no field before ${position}`);
    return [JSON.parse(name), value()];
  };
  const value = () => {
    const [, punctuation, string, number, word] = next();
    if (punctuation === "[") return list("]", value);
    if (punctuation === "{") return new JsonObject(list("}", field));
    if (string !== undefined) return JSON.parse(string);
    if (number !== undefined) return new JsonNumber(number);
    if (word !== undefined) return { true: true, false: false, null: null }[word];
    throw new Error(`not JSON before ${position}`);
  };
  const result = value();
  if (position !== text.length) throw new Error(`more than a value: ${text.slice(position, position + 40)}`);
  return result;
}

/**
 * Whether a decimal number is what JavaScript prints of it, so that nothing is lost.
 * @param {string} text as numeric or JSON print one, without NaN and infinities
 */
export function isExact(text) {
  const double = Number(text);
  return Number.isFinite(double) && plainDecimal(text) === plainDecimal(String(double));
}

/** A decimal number in a form that equal numbers share: significant digits and the power of ten of the last one. */
function plainDecimal(text) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  const all = `${whole}${fraction}`.replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  return digits === "" ? "0" : `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
/** crates/convex/sync_types/src/identifier.rs; and JavaScript has its own idea of __proto__. */
const KEY = /^(?!\$)(?!__proto__$)[ -~]{0,1024}$/;

/**
 * The value of a json or jsonb column.
 * @param {unknown} json of readJson()
 * @param {import("./expected_place.mjs").Place} place
 */
export function valueOfJson(json, place) {
  if (!place.limited) return json;
  if (typeof json === "string") return checkedText(json, place);
  if (json instanceof JsonNumber) {
    if (!isExact(json.text)) place.refuse("number_not_exact");
    return Number(json.text);
  }
  if (Array.isArray(json)) {
    place.checkArray(json.length);
    return json.map((element, i) => valueOfJson(element, place.element(i)));
  }
  if (json instanceof JsonObject) {
    place.checkObject(json.entries.length);
    const names = json.entries.map(([name]) => checkedText(name, place));
    if (new Set(names).size < names.length) place.refuse("illegal_json");
    names.forEach((name) => checkKey(name, place));
    return Object.fromEntries(json.entries.map(([name, value]) => [name, valueOfJson(value, place.field(name))]));
  }
  return json;
}

function checkedText(text, place) {
  if (text.includes("\0") || LONE_SURROGATE.test(text)) place.refuse("illegal_json");
  return text;
}

/** Whether Convex and JavaScript take the name of a field that comes from data. */
export function checkKey(name, place) {
  if (!place.limited || KEY.test(name)) return;
  const length = Buffer.byteLength(name);
  place.refuse("illegal_key", ...(length > 1024 ? [length, 1024] : []));
}

/**
 * The value in an import file (crates/value/src/export.rs): a number without point and exponent is an Int64, -0
 * stands as it is, what JSON does not have is in an object with a single key.
 * @param {unknown} json of readJson()
 */
export function valueOfImport(json) {
  if (json instanceof JsonNumber) return /[.e]/i.test(json.text) ? Number(json.text) : BigInt.asIntN(64, BigInt(json.text));
  if (Array.isArray(json)) return json.map(valueOfImport);
  if (!(json instanceof JsonObject)) return json;
  const [[name, value] = []] = json.entries;
  if (name === "$bytes") return Uint8Array.from(Base64.toByteArray(value)).buffer;
  if (name === "$float") return specialFloat(value);
  if (json.entries.some(([other]) => other.startsWith("$"))) throw new Error(`${name} is nothing that an import file has`);
  return Object.fromEntries(json.entries.map(([other, inner]) => [other, valueOfImport(inner)]));
}

/** NaN or an infinity: all others have a text. */
function specialFloat(base64) {
  const bytes = Uint8Array.from(Base64.toByteArray(base64));
  const value = new DataView(bytes.buffer).getFloat64(0, true);
  if (bytes.length !== 8 || Number.isFinite(value)) throw new Error(`{"$float": ${base64}} must be a bare number`);
  return value;
}

/**
 * A text that two JSON texts share when they say the same, whatever their spaces and forms of numbers; the order of
 * fields counts for nothing.
 * @param {unknown} json of readJson()
 */
export function canonicalJson(json) {
  if (json instanceof JsonNumber) return canonicalNumber(json.text);
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join(",")}]`;
  if (json instanceof JsonObject) {
    return `{${json.entries.map(([name, value]) => `${JSON.stringify(name)}:${canonicalJson(value)}`).sort().join(",")}}`;
  }
  return JSON.stringify(json);
}

/** Of a double there are several texts; of a whole number, which may be an Int64, all digits count. */
function canonicalNumber(text) {
  if (Number(text) === 0) return text.startsWith("-") ? "-0" : "0";
  return plainDecimal(/[.e]/i.test(text) && Number.isFinite(Number(text)) ? String(Number(text)) : text);
}

/** A value of Convex as readJson() gives what its JSON text says: what JSON does not have is a text. */
export function jsonOfValue(value) {
  if (typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value))) {
    return new JsonNumber(Object.is(value, -0) ? "-0" : String(value));
  }
  if (typeof value === "number") return String(value);
  if (value instanceof JsonNumber || value instanceof JsonObject) return value;
  if (value instanceof ArrayBuffer) return `\\x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(jsonOfValue);
  if (typeof value !== "object" || value === null) return value;
  return new JsonObject(Object.entries(value).map(([name, inner]) => [name, jsonOfValue(inner)]));
}
