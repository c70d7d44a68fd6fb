/**
 * Random numbers of PostgreSQL's types.
 */
import { literals } from "./type.mjs";

/** Numbers that a column with this choice takes; any now and then. */
function chosen(random, { choice, bad }, number) {
  return choice === "boolean" && !(bad && random.chance(0.2)) ? random.below(2) : number();
}

/** smallint and integer. */
export function integers(sql, bits) {
  const limit = 2n ** BigInt(bits - 1);
  const number = (random) =>
    random.chance(0.3) ? random.pick([0n, 1n, -1n, limit - 1n, -limit]) : random.integer(bits - 1);
  return literals(sql, (random, options) => chosen(random, options, () => number(random)), [
    "number",
    "int64",
    "boolean",
  ]);
}

const EXACT = 2n ** 53n;

export function bigints(sql) {
  const number = (random, bad) => {
    if (bad && random.chance(0.6))
      return random.pick([2n ** 63n - 1n, -(2n ** 63n), EXACT + 1n, -EXACT - 1n, EXACT + 2n, random.integer(63)]);
    return random.chance(0.2) ? random.pick([0n, -1n, EXACT, -EXACT, EXACT - 1n, 1n - EXACT]) : random.integer(53);
  };
  return literals(sql, (random, options) => chosen(random, options, () => number(random, options.bad)), [
    "number",
    "int64",
    "boolean",
  ]);
}

/** A double or real of any bits. */
function randomFloat(random, bytes) {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random.bits());
  view.setUint32(4, random.bits());
  return bytes === 8 ? view.getFloat64(0) : view.getFloat32(0);
}

const ODD_DOUBLES = [
  "NaN", "Infinity", "-Infinity", "-0", "0", "5e-324", "-5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
  "0.1", "0.30000000000000004", "1e21", "1e-7", "9007199254740993", "123456789012345680000", "5e15", "1e23",
];
const ODD_REALS = [
  "NaN", "Infinity", "-Infinity", "-0", "0", "1e-45", "1.17549435e-38", "3.4028235e38", "0.1", "16777217", "1e21",
  "1e-7",
];

export const float4 = literals(
  "float4",
  (random) => (random.chance(0.3) ? random.pick(ODD_REALS) : randomFloat(random, 4)),
  ["number"],
);
export const float8 = literals(
  "float8",
  (random) => (random.chance(0.3) ? random.pick(ODD_DOUBLES) : randomFloat(random, 8)),
  ["number"],
);

/** numeric with a declaration: digits with a scale, and the extremes of the precision. */
export function decimals(sql, precision, scale) {
  const number = (random) => {
    if (random.chance(0.05)) return "NaN";
    const digits = random.chance(0.15)
      ? random.pick(["9".repeat(precision), "1", "0", `1${"0".repeat(precision - 1)}`])
      : random.times(random.between(1, precision), () => random.below(10)).join("");
    return `${random.chance(0.5) ? "-" : ""}${digits}e${-scale}`;
  };
  return literals(sql, number, ["number", "int64"]);
}

const ODD_NUMERICS = [
  "NaN", "Infinity", "-Infinity", "0", "0.000", "1.10", "1e308", "-1e22", "1e23", "5e-324", "0.1", "7.000", "-5.0",
  "100000000000000000000000", "9223372036854775807", "-9223372036854775808", "9007199254740992",
];
/** Beyond doubles, Int64, or both; halfway between two doubles. */
const BAD_NUMERICS = [
  "1e-400", "1e400", "4.9e-324", "9007199254740993", "1e16383", "1e-1000", "0.1000000000000000055511151231257827",
  "9223372036854775808", "-9223372036854775809", "0.5", "5708990770823839.5", "1125899906842624.125",
  "9007199254740991.5",
];

function anyDecimal(random, { bad, choice }) {
  const digits = () => random.times(random.between(1, 20), () => random.below(10)).join("");
  if (bad && random.chance(0.7))
    return random.pick([
      () => random.pick(BAD_NUMERICS),
      () => `${digits()}.${digits()}`,
      () => nearPowerOfTwo(random),
    ])();
  if (choice === "int64") return random.integer(63);
  return random.chance(0.3)
    ? random.pick(ODD_NUMERICS)
    : random.chance(0.3)
      ? halfway(random)
      : String(Number(random.integer(40)) / 100);
}

/** A decimal of 16 or 17 digits, right or next to halfway between two doubles. */
function halfway(random) {
  const bits = random.between(43, 52);
  const whole = (1n << BigInt(bits)) + BigInt(Math.floor(random.below(2 ** 32) * 2 ** (bits - 33)));
  const fractions = { 52: ["5"], 51: ["25", "75"], 50: ["125", "375"] }[bits] ?? ["5", "25", "125", "0625"];
  return `${whole}.${random.pick(fractions)}`;
}

/** A power of two as JavaScript prints it, or next to that: the doubles below it are closer than those above. */
export function nearPowerOfTwo(random) {
  const text = String(2 ** random.between(-1074, 1023));
  if (random.chance(0.5)) return text;
  return text.replace(/\d(?=e|$)/, (digit) => (Number(digit) + random.pick([1, 9])) % 10);
}

export const anyNumeric = literals("numeric", anyDecimal, ["number", "int64"]);
