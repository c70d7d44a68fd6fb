/**
 * Random values of every type: an SQL expression each, and why Convex cannot
 * have it, by the rules of docs/contract.md.
 *
 *   const type = random.pick(COLUMN_TYPES);
 *   const { sql, refusals } = type.value(random, { int8: "number", numeric: "auto", timestamps: "ms" });
 *
 * @typedef {{ sql: string, refusals: string[] }} Cell refusals: codes of reasons; empty when the value goes
 * @typedef {{ int8: string, numeric: string, timestamps: string }} Mappings the server's options
 * @typedef {{ sql: string, value(random: import("./random.mjs").Random, mappings: Mappings, depth?: number): Cell }} Type
 */
import { isDisputed, isExact, randomJson, randomText, sqlText } from "./texts.mjs";

/** Types that the tables of a test use; they are in the schema of the tables. */
export const TYPES_SQL = `
CREATE TYPE property.odd AS ENUM ('', ' ', 'it''s', '"', '\\', '{a,b}', 'NULL', 'ä😀', E'\\t', '${"x".repeat(63)}');
CREATE DOMAIN property.big AS bigint;
CREATE DOMAIN property.price AS numeric(10,2) CHECK (VALUE <> 13);
CREATE DOMAIN property.word AS text;
CREATE DOMAIN property.word_of_words AS property.word;
CREATE DOMAIN property.numbers AS int[];
CREATE DOMAIN property.moment AS timestamptz(3);
CREATE TYPE property.pair AS (a int, b text, c timestamptz);`;

/** A value that goes. */
const goes = (sql) => ({ sql, refusals: [] });
/** A value that goes unless there is a code. */
const unless = (code, sql) => ({ sql, refusals: code === null ? [] : [code] });

/** A type whose values are texts that its input function reads. */
function ofLiterals(sql, literal) {
  return { sql, value: (random) => goes(`${sqlText(String(literal(random)))}::${sql}`) };
}

function integers(sql, bits) {
  const limit = 2n ** BigInt(bits - 1);
  return ofLiterals(sql, (random) => (random.chance(0.3) ? random.pick([0n, 1n, -1n, limit - 1n, -limit]) : random.integer(bits - 1)));
}

const EXACT_INTEGER = 2n ** 53n;

function bigints(sql) {
  const value = (random, { int8 }) => {
    const number = random.chance(0.1) ? random.pick([2n ** 63n - 1n, -(2n ** 63n), EXACT_INTEGER + 1n, -EXACT_INTEGER - 1n, random.integer(63)])
      : random.chance(0.2) ? random.pick([0n, EXACT_INTEGER, -EXACT_INTEGER, EXACT_INTEGER - 1n]) : random.integer(53);
    const exact = number <= EXACT_INTEGER && number >= -EXACT_INTEGER;
    return unless(int8 === "number" && !exact ? "number_not_exact" : null, `'${number}'::${sql}`);
  };
  return { sql, value };
}

/** A double or real of any bits. */
function randomFloat(random, bytes) {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random.bits());
  view.setUint32(4, random.bits());
  return bytes === 8 ? view.getFloat64(0) : view.getFloat32(0);
}

const ODD_DOUBLES = ["NaN", "Infinity", "-Infinity", "-0", "0", "5e-324", "-5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
  "0.1", "0.30000000000000004", "1e21", "1e-7", "9007199254740993", "123456789012345680000"];
const ODD_REALS = ["NaN", "Infinity", "-Infinity", "-0", "0", "1e-45", "1.17549435e-38", "3.4028235e38", "0.1", "16777217", "1e21", "1e-7"];

/** Digits with a scale, and the extremes of the precision; every text is what PostgreSQL stores. */
function decimals(sql, precision, scale, reach = scale) {
  const value = (random, { numeric }) => {
    if (random.chance(0.05)) return goes(`'NaN'::${sql}`);
    const digits = random.chance(0.15) ? random.pick(["9".repeat(precision), "1", "0", `1${"0".repeat(precision - 1)}`])
      : random.times(random.between(1, precision), () => random.below(10)).join("");
    const padded = digits.padStart(scale + 1, "0");
    const text = `${random.chance(0.5) ? "-" : ""}${padded.slice(0, padded.length - scale)}${reach > 0 ? "." : ""}${padded.slice(padded.length - scale)}`;
    const asNumber = numeric === "number" && precision > 15;
    if (asNumber && isDisputed(text)) return value(random, { numeric });
    return unless(asNumber && !isExact(text) ? "number_not_exact" : null, `'${text}'::${sql}`);
  };
  return { sql, value };
}

const ODD_NUMERICS = ["NaN", "Infinity", "-Infinity", "0", "0.000", "1.10", "1e-400", "1e400", "1e308", "-1e22", "1e23", "5e-324", "4.9e-324", "0.1",
  "9007199254740993", "1e16383", "1e-1000", "100000000000000000000000", "0.1000000000000000055511151231257827"];

/** numeric without precision. */
const anyNumeric = {
  sql: "numeric",
  value(random, { numeric }) {
    const digits = () => random.times(random.between(1, 20), () => random.below(10)).join("");
    const text = random.chance(0.3) ? random.pick(ODD_NUMERICS) : random.chance(0.2) ? `${digits()}.${digits()}` : String(Number(random.integer(40)) / 100);
    const special = /[yN]$/.test(text);
    if (isDisputed(text)) return this.value(random, { numeric });
    return unless(numeric === "number" && !special && !isExact(text) ? "number_not_exact" : null, `'${text}'::numeric`);
  },
};

const DAY = 86_400_000_000n;
/** 400 years of the Gregorian calendar, in microseconds. */
const ERA = 146_097n * DAY;
/** The first and last microseconds since 1970 of a timestamp: 4713 BC and 294276. */
const FIRST_TIME = -210_866_803_200_000_000n;
const LAST_TIME = 9_224_318_015_999_999_999n - 1n;

/** Microseconds since 1970 as PostgreSQL reads them. */
function timeText(microseconds) {
  const era = microseconds >= 0n ? microseconds / ERA : -((-microseconds + ERA - 1n) / ERA);
  const within = microseconds - era * ERA;
  const date = new Date(Number(within / 1000n));
  const year = date.getUTCFullYear() + 400 * Number(era);
  const fraction = String(within % 1_000_000n).padStart(6, "0");
  const rest = date.toISOString().slice(4, 19).replace("T", " ");
  return `${String(year > 0 ? year : 1 - year).padStart(4, "0")}${rest}.${fraction}+00${year > 0 ? "" : " BC"}`;
}

/** The last microsecond since 1970 of 64 bits, in 294247: what comes later (PostgreSQL counts from 2000) never goes as a number. */
const LAST_COUNTED = 2n ** 63n - 1n;

/** Whether whoever reads the milliseconds finds the microseconds again. */
function isExactTime(microseconds) {
  if (microseconds > LAST_COUNTED) return false;
  const magnitude = microseconds < 0n ? -microseconds : microseconds;
  const digits = String(magnitude).padStart(4, "0");
  const milliseconds = Number(`${digits.slice(0, -3)}.${digits.slice(-3)}`);
  return BigInt(Math.round(milliseconds * 1000)) === magnitude;
}

function times(sql, unit) {
  const value = (random, { timestamps }) => {
    if (random.chance(0.1)) return goes(`'${random.pick(["infinity", "-infinity"])}'::${sql}`);
    const near = () => BigInt(random.between(-2_000_000, 2_000_000)) * 1_000_000_000n + BigInt(random.below(1_000_000_000));
    const anywhere = () => BigInt(random.between(-210_866_803, 9_224_318_015)) * 1_000_000_000n + BigInt(random.below(1_000_000_000));
    const first = random.chance(0.2) ? random.pick([0n, -1n, 1n, -1000n, FIRST_TIME, LAST_TIME, DAY, -62_135_596_800_000_000n, -62_135_596_800_000_001n])
      : random.chance(0.1) ? anywhere() : random.chance(0.2) ? anywhere() / DAY * DAY : near();
    const bounded = first > LAST_TIME ? LAST_TIME : first < FIRST_TIME ? FIRST_TIME : first;
    const microseconds = bounded - (((bounded % unit) + unit) % unit);
    const refused = timestamps === "ms" && !isExactTime(microseconds);
    return unless(refused ? "timestamp_not_exact" : null, `'${timeText(microseconds < FIRST_TIME ? FIRST_TIME : microseconds)}'::${sql}`);
  };
  return { sql, value };
}

function clock(random) {
  const part = (limit) => String(random.below(limit)).padStart(2, "0");
  return random.chance(0.2) ? random.pick(["00:00:00", "24:00:00", "23:59:59.999999"]) : `${part(24)}:${part(60)}:${part(60)}.${random.below(1_000_000)}`;
}

function bits(random, length) {
  return random.times(length, () => random.below(2)).join("");
}

function uuid(random) {
  if (random.chance(0.1)) return random.pick(["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]);
  return random.times(4, () => random.bits().toString(16).padStart(8, "0")).join("");
}

function dateText(random) {
  return random.chance(0.3) ? random.pick(["infinity", "-infinity", "0001-12-31 BC", "4714-11-24 BC", "5874897-12-31", "1970-01-01", "9999-12-31", "10000-01-01"])
    : `${random.between(1, 9999).toString().padStart(4, "0")}-0${random.between(1, 9)}-${random.between(10, 28)}`;
}

function interval(random) {
  return random.chance(0.3) ? random.pick(["0", "178000000 years", "-178000000 years", "-1 mon +2 days -03:04:05.000001", "1 us", "-1 us", "2147483647 days"])
    : `${random.between(-99, 99)} mons ${random.between(-999, 999)} days ${random.between(-99999, 99999)}.${random.below(1_000_000)} seconds`;
}

function address(random) {
  return random.pick([() => random.times(4, () => random.below(256)).join("."), () => `10.0.0.1/${random.below(33)}`, () => "::", () => "fe80::1/64", () => "::ffff:1.2.3.4"])();
}

/** Short texts, odd texts, a few huge ones; one that no document can hold. */
function texts(sql) {
  const value = (random) => {
    if (random.chance(0.001)) return { sql: `repeat('\u00e9', 600000)::${sql}`, refusals: ["document_too_large", "function_error", "transaction_limit"] };
    if (random.chance(0.01)) return goes(`repeat(${sqlText(randomText(random))}, ${random.between(100, 900)})::${sql}`);
    // What does not compress: stored out of line.
    if (random.chance(0.01)) return goes(`(SELECT string_agg(md5(i::text), '') FROM generate_series(1, ${random.between(100, 900)}) AS i)::${sql}`);
    return goes(`${sqlText(randomText(random))}::${sql}`);
  };
  return { sql, value };
}

function jsons(sql) {
  const value = (random, _mappings, depth = 1) => {
    const aggregate = sql === "json" ? "json" : "jsonb";
    if (random.chance(0.01)) {
      const count = random.pick([8192, 8193]);
      return unless(count > 8192 ? "array_too_long" : null, `(SELECT ${aggregate}_agg(i) FROM generate_series(1, ${count}) AS i)`);
    }
    if (random.chance(0.01)) {
      const count = random.pick([1024, 1025]);
      return unless(count > 1024 ? "illegal_json" : null, `(SELECT ${aggregate}_object_agg('k' || i, i) FROM generate_series(1, ${count}) AS i)`);
    }
    if (random.chance(0.03)) {
      const levels = random.between(13, 17);
      const [opening, closing] = random.pick([["[", "]"], ["{\"a\":", "}"]]);
      return unless(depth + levels > 16 ? "nested_too_deeply" : null, `(repeat('${opening}', ${levels}) || '1' || repeat('${closing}', ${levels}))::${sql}`);
    }
    const { text, refusals } = randomJson(random, { binary: sql === "jsonb", depth });
    return { sql: `${sqlText(text)}::${sql}`, refusals };
  };
  return { sql, value };
}

const bytes = {
  sql: "bytea",
  value: (random) => goes(random.chance(0.03) ? `decode(repeat('00ff7f80', ${random.between(100, 3000)}), 'hex')`
    : `'\\x${random.times(random.below(20), () => random.below(256).toString(16).padStart(2, "0")).join("")}'::bytea`),
};

/** Arrays of a type. */
function arraysOf(element) {
  const sql = `${element.sql}[]`;
  const value = (random, mappings, depth = 1) => {
    if (random.chance(0.1)) return goes(`'{}'::${sql}`);
    if (random.chance(0.01)) return unless("null_element", `ARRAY[NULL]::${sql}`);
    const first = element.value(random, mappings, depth + 1);
    if (random.chance(0.01)) return { sql: `ARRAY[ARRAY[${first.sql}]]::${sql}`, refusals: ["array_dimensions"] };
    // Short elements, so that the document stays below 1 MiB.
    if (random.chance(0.01) && /^'[^e']{0,20}'::/.test(first.sql)) {
      const count = random.pick([8191, 8193]);
      const refusals = count > 8192 ? ["array_too_long"] : first.refusals;
      return { sql: `array_fill(${first.sql}, ARRAY[${count}])::${sql}`, refusals };
    }
    // A lower bound that is not 1 has no meaning in Convex.
    if (random.chance(0.05)) return { sql: `array_fill(${first.sql}, ARRAY[2], ARRAY[${random.between(-3, 7)}])::${sql}`, refusals: first.refusals };
    const cells = [first, ...random.times(random.below(4), () => element.value(random, mappings, depth + 1))];
    return { sql: `ARRAY[${cells.map((cell) => cell.sql).join(", ")}]::${sql}`, refusals: cells.flatMap(({ refusals }) => refusals) };
  };
  return { sql, value };
}

const bool = ofLiterals("bool", (random) => random.pick(["true", "false"]));
const int2 = integers("int2", 16);
const int4 = integers("int4", 32);
const int8 = bigints("int8");
const float4 = ofLiterals("float4", (random) => (random.chance(0.3) ? random.pick(ODD_REALS) : randomFloat(random, 4)));
const float8 = ofLiterals("float8", (random) => (random.chance(0.3) ? random.pick(ODD_DOUBLES) : randomFloat(random, 8)));
const shortNumerics = [decimals("numeric(5,2)", 5, 2), decimals("numeric(15,0)", 15, 0), decimals("numeric(15,15)", 15, 15), decimals("numeric(15,4)", 15, 4)];
const longNumerics = [decimals("numeric(16,4)", 16, 4), decimals("numeric(18,0)", 18, 0), decimals("numeric(38,10)", 38, 10), anyNumeric];
const text = texts("text");
const char7 = ofLiterals("char(7)", (random) => randomText(random, 7));
const varchar20 = ofLiterals("varchar(20)", (random) => randomText(random, 20));
const uuids = ofLiterals("uuid", uuid);
const dates = ofLiterals("date", dateText);
const timestamp = times("timestamp", 1n);
const timestamptz = times("timestamptz", 1n);
const intervals = ofLiterals("interval", interval);
const json = jsons("json");
const jsonb = jsons("jsonb");
const odd = {
  sql: "property.odd",
  value: (random) => goes(`${sqlText(random.pick(["", " ", "it's", "\"", "\\", "{a,b}", "NULL", "ä😀", "\t", "x".repeat(63)]))}::property.odd`),
};
const price = decimals("property.price", 10, 2);
const big = bigints("property.big");
const pair = { sql: "property.pair", value: (random) => goes(`ROW(${random.between(-9, 9)}, ${sqlText(randomText(random, 6))}, ${timestamptz.value(random, { timestamps: "iso" }).sql})::property.pair`) };
const bit8 = ofLiterals("bit(8)", (random) => bits(random, 8));
const inet = ofLiterals("inet", address);
const int4range = ofLiterals("int4range", (random) => random.pick(["empty", "(,)", "[1,5)", `[${random.between(-9, 0)},${random.between(0, 9)}]`]));
const tstzrange = { sql: "tstzrange", value: (random) => goes(`tstzrange('${timeText(BigInt(random.between(-1e9, 1e9)) * 1_000_003n)}', NULL)`) };

/** Every type of a column that is no key. */
export const COLUMN_TYPES = [
  bool, int2, int4, int8, float4, float8, ...shortNumerics, ...longNumerics, text, text, char7, varchar20, uuids, dates, timestamp, timestamptz,
  times("timestamptz(3)", 1000n), times("timestamp(0)", 1_000_000n), times("property.moment", 1000n), intervals, json, jsonb, jsonb, bytes, odd, price, big, pair,
  texts("property.word"), texts("property.word_of_words"), bit8, inet, int4range, tstzrange,
  ofLiterals("time", clock), ofLiterals("timetz", (random) => `${clock(random)}${random.pick(["+00", "-12:34", "+15:59:59"])}`),
  ofLiterals("varbit", (random) => bits(random, random.below(20))), ofLiterals("cidr", (random) => `${random.below(256)}.0.0.0/8`),
  ofLiterals("macaddr", (random) => random.times(6, () => random.below(256).toString(16).padStart(2, "0")).join(":")),
  ofLiterals("\"char\"", (random) => String.fromCharCode(random.between(0x20, 0x7e))), ofLiterals("name", (random) => randomText(random, 10)),
  ofLiterals("point", (random) => `(${randomFloat(random, 4)},-0)`), ofLiterals("pg_lsn", () => "16/B374D848"),
  ofLiterals("int4multirange", (random) => random.pick(["{}", "{[1,3),[5,8)}", "{(,)}"])), ofLiterals("oid", (random) => random.bits()),
  ofLiterals("tsvector", (random) => random.pick(["", "a:1A b:2,3", "'it''s' 'a b'"])),
  { sql: "property.numbers", value: (random, mappings) => goes(`${arrayOfIntegers(random, mappings)}::property.numbers`) },
  ...[bool, int4, int8, float4, float8, shortNumerics[0], longNumerics[0], anyNumeric, text, varchar20, char7, uuids, dates, timestamp, timestamptz,
    intervals, json, jsonb, bytes, odd, price, big, pair, inet, int4range, tstzrange].map(arraysOf),
];

function arrayOfIntegers(random, mappings) {
  return `ARRAY[${random.times(random.below(5), () => int4.value(random, mappings).sql).join(", ")}]`;
}

/** Types of keys; `variant`: another text of an equal value. */
export const KEY_TYPES = [
  int2, int4, int8, int8, uuids, uuids, varchar20, char7, dates, timestamptz, timestamp, intervals, odd, bytes, float8, inet, bit8, int4range, big, price,
  ofLiterals("text", (random) => randomText(random, 20)), { ...anyNumeric, variant: (sql) => `(${sql} + 0.0000)` }, shortNumerics[3],
  float4, tstzrange, ofLiterals("name", (random) => randomText(random, 10)), { ...int4, variant: (sql) => `${sql}::int8`, variantType: "int8" },
];
