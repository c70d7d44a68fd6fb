/**
 * The text of one member of a JSON object, as it was sent. Functions get their
 * arguments as the client wrote them (`RawValue` in crates/udf/src/helpers.rs):
 * order of fields, `-0.0` and all, which parsing and printing again would lose.
 */

const WHITESPACE = /[ \t\n\r]*/y;
const SCALAR = /[^,}\] \t\n\r]+/y;

function skip(pattern, text, position) {
  pattern.lastIndex = position;
  pattern.exec(text);
  return Math.max(pattern.lastIndex, position);
}

/** Position after the string that begins here. */
function skipString(text, position) {
  let end = position;
  for (;;) {
    end = text.indexOf('"', end + 1);
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

const STRUCTURE = /["{}[\]]/g;

/** Position after the object or array that begins here. */
function skipContainer(text, position) {
  let depth = 0;
  STRUCTURE.lastIndex = position;
  for (;;) {
    const { 0: character, index } = STRUCTURE.exec(text);
    if (character === '"') STRUCTURE.lastIndex = skipString(text, index);
    else depth += character === "{" || character === "[" ? 1 : -1;
    if (depth === 0) return index + 1;
  }
}

function skipValue(text, position) {
  const first = text[position];
  if (first === '"') return skipString(text, position);
  if (first === "{" || first === "[") return skipContainer(text, position);
  return skip(SCALAR, text, position);
}

/**
 * @param {string} text of a JSON object, known to be well-formed
 * @param {string} name of a member
 * @returns {string | undefined} the member's text; of its last occurrence, as JSON.parse takes it
 */
export function rawMember(text, name) {
  let found;
  let position = skip(WHITESPACE, text, text.indexOf("{") + 1);
  while (text[position] === '"') {
    const keyEnd = skipString(text, position);
    const key = JSON.parse(text.slice(position, keyEnd));
    const start = skip(WHITESPACE, text, text.indexOf(":", keyEnd) + 1);
    const end = skipValue(text, start);
    if (key === name) found = text.slice(start, end);
    position = skip(WHITESPACE, text, end);
    if (text[position] === ",") position = skip(WHITESPACE, text, position + 1);
  }
  return found;
}
