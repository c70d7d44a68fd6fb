/**
 * Convex values as the JSON text of an answer, in each value of `format`
 * (crates/value/src/export.rs). Floats always carry a point or an exponent, as
 * serde_json prints them.
 */
import { specialKey, toBigInt, toFloat } from "./values.mjs";

/** `format` → how scalars without a JSON form are written. */
const FORMATS = new Map([
  ["convex_encoded_json", "encoded"],
  ["convex_json", "encoded"],
  ["json", "clean"],
  ["convex_clean_json", "clean"],
  ["export_json", "export"],
]);

/**
 * @param {string | undefined} format of the request
 * @returns {"encoded" | "clean" | "export" | undefined} undefined for an unknown format
 */
export function parseFormat(format) {
  return FORMATS.get(format);
}

/** A finite float as ryu prints it: shortest digits, decimal from 1e-5 up to 1e16. */
function floatText(number) {
  const magnitude = Math.abs(number);
  if (magnitude !== 0 && (magnitude < 1e-5 || magnitude >= 1e16))
    return number.toExponential().replace("e+", "e");
  if (Object.is(number, -0)) return "-0.0";
  const text = String(number);
  if (text.includes("e")) return number.toFixed(20).replace(/0+$/, "");
  return text.includes(".") ? text : `${text}.0`;
}

const PLAIN_STRING = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function stringText(text) {
  return PLAIN_STRING.test(text) ? `"${text}"` : JSON.stringify(text);
}

function specialText(value, key, format) {
  if (format === "encoded") return `{"${key}":"${value[key]}"}`;
  switch (key) {
    case "$integer":
      return format === "clean" ? `"${toBigInt(value)}"` : String(toBigInt(value));
    case "$bytes":
      return format === "clean" ? `"${value.$bytes}"` : `{"$bytes":"${value.$bytes}"}`;
    default:
      return specialFloatText(value, format);
  }
}

function specialFloatText(value, format) {
  const number = toFloat(value);
  if (Number.isFinite(number)) return floatText(number);
  return format === "clean" ? `"${number}"` : `{"$float":"${value.$float}"}`;
}

/**
 * @param {unknown} value canonical
 * @param {"encoded" | "clean" | "export"} format
 * @returns {string} JSON text
 */
export function exportText(value, format) {
  switch (typeof value) {
    case "string":
      return stringText(value);
    case "number":
      return floatText(value);
    case "boolean":
      return value ? "true" : "false";
    default:
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map((element) => exportText(element, format)).join(",")}]`;
  const key = specialKey(value);
  if (key !== null) return specialText(value, key, format);
  const fields = Object.keys(value).map((name) => `${stringText(name)}:${exportText(value[name], format)}`);
  return `{${fields.join(",")}}`;
}
