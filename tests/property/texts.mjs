/**
 * Random texts and JSON texts with edge cases favoured, for values.mjs.
 */

/** A key of an object that Convex does not take is refused with this code (docs/contract.md). */
const ILLEGAL_JSON = "illegal_json";

/** Levels of a stored document, itself included (crates/common/src/document.rs). */
const MAX_NESTING = 16;

/** Code points that programs get wrong: ends of ranges, escapes, direction marks, joiners, noncharacters. */
const ODD_CHARACTERS = [
  ...Array.from({ length: 0x20 }, (_, code) => code + 1), 0x22, 0x24, 0x27, 0x2c, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0x85, 0x9f, 0xa0,
  0xad, 0xdf, 0x130, 0x301, 0x7ff, 0x800, 0x1e9e, 0x200b, 0x200d, 0x2028, 0x2029, 0x202e, 0xd7ff, 0xe000, 0xfdd0, 0xfeff,
  0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f468, 0x1f1e9, 0x1ffff, 0x2f800, 0xe0001, 0x10fffd, 0x10ffff,
];

const ODD_TEXTS = [
  "", " ", "null", "NULL", "NaN", "Infinity", "undefined", "true", "0", "-0", "\\", "\"", "'", "\\u0000", "\\N", "\\.", "{}", "[]",
  "$integer", "{\"$bytes\":\"AAAA\"}", "__proto__", "a\r\nb\r\n", "\u0001\u001f\u007f", "e\u0301", "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}",
];

/** @param {import("./random.mjs").Random} random @returns {string} without U+0000, which PostgreSQL cannot hold */
export function randomText(random, maximumLength = 30) {
  if (random.chance(0.2)) return random.pick(ODD_TEXTS);
  const character = random.pick([
    () => random.between(0x20, 0x7e), () => random.between(0x20, 0x7e), () => random.pick(ODD_CHARACTERS), () => anyCharacter(random),
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

function hex(code, digits) {
  return code.toString(16).padStart(digits, "0");
}

/**
 * Whether a decimal number is what a Float64's shortest text says, so that nothing is lost.
 * @param {string} text as numeric or JSON print one, without NaN and infinities
 */
export function isExact(text) {
  const double = Number(text);
  return Number.isFinite(double) && sameDecimal(text, String(double));
}

/**
 * Whether JavaScript and PostgreSQL disagree on the shortest text of the nearest Float64: where JavaScript's has more
 * than 15 digits and is halfway between two doubles, PostgreSQL's is another. Such numbers prove nothing.
 */
export function isDisputed(text) {
  const double = Math.abs(Number(text));
  if (!Number.isFinite(double)) return false;
  const { digits, exponent } = plainDecimal(String(double));
  if (digits.length <= 15) return false;
  const scaled = BigInt(digits) * 10n ** 20n;
  return [scaled - 1n, scaled + 1n].some((near) => Number(`${near}e${exponent - 20}`) !== double);
}

function sameDecimal(left, right) {
  const [a, b] = [plainDecimal(left), plainDecimal(right)];
  return a.digits === b.digits && (a.digits === "" || (a.exponent === b.exponent && a.negative === b.negative));
}

/** The significant digits and the power of ten of the last one. */
function plainDecimal(text) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  const all = `${whole}${fraction}`.replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  return { negative: sign === "-", digits, exponent: Number(exponent) - fraction.length + all.length - digits.length };
}

const ODD_NUMBERS = [
  "0", "-0", "-0.0", "0e0", "0E-5", "1e5", "1E+2", "1.50", "0.1", "0.30000000000000004", "9007199254740991", "9007199254740992", "9007199254740993",
  "123456789012345678", "1e23", "1e308", "1.7976931348623157e308", "1e309", "5e-324", "4.9e-324", "1e-400", "2.2250738585072014e-308",
  "0.1000000000000000055511151231257827", "-1e-7", "1e21", "123456789012345680000", "3.141592653589793238",
];

/**
 * A random JSON text, and why Convex refuses it.
 * @param {import("./random.mjs").Random} random
 * @param {object} options
 * @param {boolean} options.binary for jsonb, which holds less than json: no \u0000, no halves of surrogate pairs
 * @param {number} options.depth nesting of what the value stands in
 * @returns {{ text: string, refusals: string[] }}
 */
export function randomJson(random, { binary, depth }) {
  const refusals = [];
  const space = random.chance(0.1) ? () => random.pick(["", " ", "\n", "\t", "\r\n"]) : () => "";
  const refuse = (code) => refusals.push(code);

  /** @param {number} level nesting of the value's parent @param {number} room how deep it may still go */
  const value = (level, room) => {
    const kind = random.below(room > 0 ? 12 : 8);
    const text =
      kind < 2 ? random.pick(["null", "true", "false"])
      : kind < 5 ? number()
      : kind < 8 ? jsonString(anyText())
      : kind < 10 ? array(level, room) : object(level, room);
    return `${space()}${text}${space()}`;
  };
  const number = () => {
    const text = random.chance(0.4) ? random.pick(ODD_NUMBERS) : String(Number(random.integer(53)) / 10 ** random.below(6));
    if (!isExact(text)) {
      if (!random.chance(0.05)) return "7";
      refuse("number_not_exact");
    }
    return text;
  };
  const anyText = () => {
    if (binary || !random.chance(0.002)) return randomText(random, 12);
    refuse(ILLEGAL_JSON);
    return random.pick(["\u0000", "\ud800", "a\udc00b"]);
  };
  const jsonString = (text) => {
    if (!random.chance(0.1)) return JSON.stringify(text);
    return `"${text.replace(/[^]/g, (unit) => (unit === "/" ? "\\/" : `\\u${hex(unit.charCodeAt(0), 4)}`))}"`;
  };
  const array = (level, room) => {
    if (level + 1 > MAX_NESTING) refuse("nested_too_deeply");
    return `[${random.times(random.below(5), () => value(level + 1, room - 1)).join(",")}${space()}]`;
  };
  const object = (level, room) => {
    if (level + 1 > MAX_NESTING) refuse("nested_too_deeply");
    const keys = new Set();
    const fields = random.times(random.below(5), () => {
      let key = random.chance(0.01) ? badKey() : goodKey();
      const repeated = keys.has(key);
      if (repeated && (binary || !random.chance(0.1))) key = `k${keys.size}`;
      else if (repeated) refuse(ILLEGAL_JSON);
      keys.add(key);
      return `${space()}${jsonString(key)}${space()}:${value(level + 1, room - 1)}`;
    });
    return `{${fields.join(",")}${space()}}`;
  };
  const goodKey = () => random.pick(["", "a", "b", "id", "_id", "_x", " ", "1", "01", "constructor", "toString", "a.b", "a\"b\\c", "x$", "~!@#", "x".repeat(1024)]);
  const badKey = () => {
    refuse(ILLEGAL_JSON);
    return random.pick(["$", "$integer", "\u00e4", "\u{1F600}", "a\tb", "\u007f", "__proto__", "x".repeat(1025)]);
  };

  const text = value(depth, random.pick([0, 1, 2, 4]));
  return { text, refusals };
}
