/**
 * Random JSON texts, most of which Convex can hold.
 */
import { nearPowerOfTwo } from "./numbers.mjs";
import { hex, randomText, sqlText } from "./texts.mjs";

const NUMBERS = [
  "0", "-0", "-0.0", "0e0", "0E-5", "1e5", "1E+2", "1.50", "0.1", "0.30000000000000004", "9007199254740991",
  "9007199254740992", "1e308", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "-1e-7", "1e21",
  "123456789012345680000", "1e23",
];
/** What no double holds, what is halfway between two, and what JavaScript prints otherwise. */
const BAD_NUMBERS = [
  "9007199254740993", "123456789012345678", "1e309", "-1e400", "4.9e-324", "1e-400",
  "0.1000000000000000055511151231257827", "3.141592653589793238", "9007199254740992.5", "2.5e-324",
  "5708990770823839.5", "1125899906842624.125", "9223372036854775807",
];

const KEYS = [
  "", "a", "b", "id", "_id", "_x", " ", "1", "01", "constructor", "toString", "a.b", "a[0]", 'a"b\\c', "x$", "~!@#",
  "x".repeat(1024),
];
const BAD_KEYS = ["$", "$integer", "\u00e4", "\u{1F600}", "a\tb", "\u007f", "__proto__", "x".repeat(1025)];

/** What json can hold, and jsonb cannot. */
const BAD_TEXTS = ["\u0000", "\ud800", "a\udc00b"];

/**
 * @param {import("./random.mjs").Random} random
 * @param {{ binary: boolean, bad: boolean }} options `binary`: for jsonb; `bad`: some of it is nothing for Convex
 * @returns {string}
 */
export function randomJson(random, { binary, bad }) {
  const spaced = random.chance(0.1);
  const space = () => (spaced ? random.pick(["", " ", "\n", "\t", "\r\n"]) : "");
  // One thing at most, or it would hide what is said of the others.
  let mayBeBad = bad;
  const isBad = () => {
    if (!mayBeBad || !random.chance(0.25)) return false;
    mayBeBad = false;
    return true;
  };

  /** @param {number} room how deep it may still go */
  const value = (room) => {
    const kind = random.below(room > 0 ? 12 : 8);
    const text =
      kind < 2 ? random.pick(["null", "true", "false"])
      : kind < 5 ? number()
      : kind < 8 ? string(!binary && isBad() ? random.pick(BAD_TEXTS) : randomText(random, 12))
      : kind < 10 ? array(room) : object(room);
    return `${space()}${text}${space()}`;
  };
  const number = () => {
    if (isBad()) return random.chance(0.3) ? nearPowerOfTwo(random) : random.pick(BAD_NUMBERS);
    return random.chance(0.4) ? random.pick(NUMBERS) : String(Number(random.integer(53)) / 10 ** random.below(6));
  };
  const string = (text) => {
    const form = random.below(10);
    if (form > 1) return JSON.stringify(text);
    const escaped = (unit) =>
      unit === "/" ? "\\/" : `\\u${form === 0 ? hex(unit.charCodeAt(0), 4) : hex(unit.charCodeAt(0), 4).toUpperCase()}`;
    return `"${text.replace(/[^]/g, escaped)}"`;
  };
  const array = (room) => `[${random.times(random.below(5), () => value(room - 1)).join(",")}${space()}]`;
  const object = (room) => {
    const keys = new Set();
    const freshKey = () => {
      const key = random.pick(isBad() ? BAD_KEYS : KEYS);
      return keys.has(key) ? `k${keys.size}` : key;
    };
    const fields = random.times(random.below(5), () => {
      const key = !binary && keys.size > 0 && isBad() ? random.pick([...keys]) : freshKey();
      keys.add(key);
      return `${space()}${string(key)}${space()}:${value(room - 1)}`;
    });
    return `{${fields.join(",")}${space()}}`;
  };
  return bad && random.chance(0.7) ? object(3) : value(random.pick([0, 1, 2, 4]));
}

/** json or jsonb; now and then as long, as broad or as deep as Convex allows, or more. */
export function jsons(sql) {
  const value = (random, options) => {
    const edge = options.bad ? 1 : 0;
    if (random.chance(0.004)) {
      const count = 8192 + random.below(2) * edge;
      return `(SELECT ${sql}_agg(i) FROM generate_series(1, ${count}) AS i)`;
    }
    if (random.chance(0.004)) {
      const count = 1024 + random.below(2) * edge;
      return `(SELECT ${sql}_object_agg('k' || i, i) FROM generate_series(1, ${count}) AS i)`;
    }
    if (random.chance(0.03)) {
      const levels = random.between(11, 15 + random.below(3) * edge);
      const [opening, closing] = random.pick([
        ["[", "]"],
        ['{"a":', "}"],
      ]);
      return `(repeat('${opening}', ${levels}) || '1' || repeat('${closing}', ${levels}))::${sql}`;
    }
    return `${sqlText(randomJson(random, { binary: sql === "jsonb", bad: options.bad }))}::${sql}`;
  };
  return { sql, value, choices: ["string", "any", "json"] };
}
