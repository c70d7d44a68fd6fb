/**
 * Random texts with edge cases favoured, and texts as SQL.
 */

/** Code points that programs get wrong: ends of ranges, escapes, direction marks, joiners, noncharacters. */
const ODD_CHARACTERS = [
  ...Array.from({ length: 0x20 }, (_, code) => code + 1), 0x22, 0x24, 0x27, 0x2c, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0x85,
  0x9f, 0xa0, 0xad, 0xdf, 0x130, 0x301, 0x7ff, 0x800, 0x1e9e, 0x200b, 0x200d, 0x2028, 0x2029, 0x202e, 0xd7ff, 0xe000,
  0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f468, 0x1f1e9, 0x1ffff, 0x2f800, 0xe0001, 0x10fffd, 0x10ffff,
];

const ODD_TEXTS = [
  "", " ", "null", "NULL", "NaN", "Infinity", "undefined", "true", "0", "-0", "\\", '"', "'", "\\u0000", "\\N", "\\.",
  "{}", "[]", "()", "{NULL}", "$integer", '{"$bytes":"AAAA"}', "__proto__", "a\r\nb\r\n", "\u0001\u001f\u007f",
  "e\u0301", "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}",
];

/** @param {import("./random.mjs").Random} random @returns {string} without U+0000, which PostgreSQL cannot hold */
export function randomText(random, maximumLength = 30) {
  if (random.chance(0.2)) return random.pick(ODD_TEXTS);
  const character = random.pick([
    () => random.between(0x20, 0x7e), () => random.between(0x20, 0x7e), () => random.pick(ODD_CHARACTERS),
    () => anyCharacter(random),
  ]);
  return random.times(random.below(maximumLength + 1), () => String.fromCodePoint(character())).join("");
}

/** Any code point that UTF-8 has: no surrogates, no U+0000. */
function anyCharacter(random) {
  const code = random.between(1, 0x10ffff - 0x800);
  return code < 0xd800 ? code : code + 0x800;
}

/** A text as a literal of SQL that can be read and copied, with escapes for all but printable ASCII. */
export function sqlText(text) {
  const escaped = Array.from(text, (character) => {
    const code = character.codePointAt(0);
    if (character === "'" || character === "\\") return `\\${character}`;
    if (code >= 0x20 && code < 0x7f) return character;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }).join("");
  return escaped === text ? `'${text}'` : `E'${escaped}'`;
}

/** A number in hexadecimal, of so many digits. */
export function hex(code, digits) {
  return code.toString(16).padStart(digits, "0");
}
