/**
 * Convex values as the server prints them inside error messages
 * (`Display for ConvexValue`, crates/value/src/lib.rs). Values are in the
 * canonical JSON form of values.mjs.
 */

/** Rust's `{:?}` of a float: "5.0", "1e16", "inf". */
export function displayFloat(number) {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  if (number === 0) return Object.is(number, -0) ? "-0.0" : "0.0";
  const magnitude = Math.abs(number);
  if (magnitude < 1e-4 || magnitude >= 1e16) return number.toExponential().replace("e+", "e");
  const text = String(number);
  return text.includes(".") ? text : `${text}.0`;
}

const ESCAPES = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\0", "\\0"],
]);
// What Rust's Debug escapes as \u{…}: control, format, unassigned and private characters,
// separators other than the space, and lone marks.
const UNPRINTABLE =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\p{Mn}\p{Me}]/u;

function escapeCharacter(character) {
  const escape = ESCAPES.get(character);
  if (escape !== undefined) return escape;
  return UNPRINTABLE.test(character) ? `\\u{${character.codePointAt(0).toString(16)}}` : character;
}

/** Rust's `{:?}` of a string. */
function displayString(text) {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) return `"${text}"`;
  let out = "";
  let first = true;
  for (const character of text) {
    // A combining mark is printed as it is unless it begins the text.
    const isInnerMark = !first && /\p{M}/u.test(character);
    out += isInnerMark ? character : escapeCharacter(character);
    first = false;
  }
  return `"${out}"`;
}

/** Rust's `{:?}` of a char. */
export function displayChar(character) {
  if (character === "'") return "'\\''";
  return character === '"' ? `'"'` : `'${escapeCharacter(character)}'`;
}

/**
 * @param {unknown} value canonical JSON form
 * @returns {string}
 */
export function displayValue(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return displayFloat(value);
  if (typeof value === "string") return displayString(value);
  if (Array.isArray(value)) return `[${value.map(displayValue).join(", ")}]`;
  if (value.$integer !== undefined) return Buffer.from(value.$integer, "base64").readBigInt64LE().toString();
  if (value.$float !== undefined) return displayFloat(Buffer.from(value.$float, "base64").readDoubleLE());
  if (value.$bytes !== undefined) return `b"${value.$bytes}"`;
  return displayObject(value);
}

/** `{key: value, …}` in the order of the keys' bytes. */
export function displayObject(object) {
  const fields = Object.keys(object).sort();
  return `{${fields.map((field) => `${field}: ${displayValue(object[field])}`).join(", ")}}`;
}
