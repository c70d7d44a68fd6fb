/**
 * What a Postgres value must be in Convex, worked out from its text output
 * alone and without any code of the extension: the table of types of the
 * README, written a second time. Used by compare.mjs.
 *
 * The text is that of the settings in `OUTPUT_SETTINGS`.
 */
import pg from "pg";

/** @typedef {{ int8: "number" | "int64" | "string", numeric: "auto" | "number" | "string", timestamps: "ms" | "iso" }} TypeOptions */

/** Session settings that the text of values depends on. */
export const OUTPUT_SETTINGS = {
  DateStyle: "ISO, YMD", IntervalStyle: "iso_8601", TimeZone: "UTC", extra_float_digits: "1", bytea_output: "hex",
};

/** The most decimal digits that every Float64 keeps. */
const FLOAT64_DIGITS = 15;

/** After so many years the Gregorian calendar repeats, and how long they are. */
const ERA_YEARS = 400;
const ERA_MILLISECONDS = 146_097n * 86_400_000n;

/**
 * Chooses the conversion for a column, by its type.
 * @param {{ name: string, kind: string, modifier: number, element: object | null }} type
 *   name as in pg_type, domains already replaced by their base type; kind is
 *   pg_type.typtype; `element` is the type of an array's elements
 * @param {TypeOptions} options the server's options
 * @returns {(text: string) => unknown}
 */
export function conversionOf(type, options) {
  if (type.element !== null) {
    const convertElement = conversionOf(type.element, options);
    return (text) => pg.types.arrayParser.create(text, convertElement).parse();
  }
  switch (type.name) {
    case "bool": return (text) => text === "t";
    case "int2": case "int4": case "float4": case "float8": return Number;
    case "int8": return { number: Number, int64: BigInt, string: String }[options.int8];
    case "numeric": return numericAsNumber(type, options) ? Number : String;
    case "timestamptz": case "timestamp": return options.timestamps === "ms" ? milliseconds : isoTime;
    case "json": case "jsonb": return JSON.parse;
    case "bytea": return (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")).buffer;
    case "hstore": case "vector": throw new Error(`the comparison does not know how ${type.name} is carried`);
  }
  return String;
}

function numericAsNumber({ modifier }, { numeric }) {
  if (numeric !== "auto") return numeric === "number";
  // pg_attribute.atttypmod of numeric(p,s): p in the upper half, above a header of 4.
  const precision = modifier < 0 ? Infinity : ((modifier - 4) >> 16) & 0xffff;
  return precision <= FLOAT64_DIGITS;
}

/**
 * A time as milliseconds since 1970. Microseconds are the fraction: the nearest
 * Float64 to the exact decimal number.
 */
function milliseconds(text) {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  const { year, rest, fraction } = partsOf(text);
  const [month, day, hour, minute, second] = rest.match(/\d\d/g).map(Number);
  const era = Math.floor(year / ERA_YEARS);
  const withinEra = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999. Nor the year itself: a Date ends in 275760, PostgreSQL's timestamps in 294276.
  withinEra.setUTCFullYear(year - era * ERA_YEARS, month - 1, day);
  withinEra.setUTCHours(hour, minute, second);
  const wholeMilliseconds = BigInt(withinEra.getTime()) + BigInt(era) * ERA_MILLISECONDS;
  const microseconds = wholeMilliseconds * 1000n + BigInt(fraction.padEnd(6, "0"));
  const sign = microseconds < 0n ? "-" : "";
  const digits = String(microseconds < 0n ? -microseconds : microseconds).padStart(4, "0");
  return Number(`${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`);
}

/**
 * A time as ISO 8601, `timestamp` being read as UTC: `2024-01-01T00:00:37.123457Z`;
 * a year that has not four digits in the expanded form of JavaScript, `-000043` for 44 BC.
 */
function isoTime(text) {
  if (text.endsWith("infinity")) return text;
  const { year, rest, fraction } = partsOf(text);
  const plain = year >= 1 && year <= 9999;
  const digits = String(Math.abs(year)).padStart(plain ? 4 : 6, "0");
  return `${plain ? "" : year < 0 ? "-" : "+"}${digits}-${rest.replace(" ", "T")}${fraction && `.${fraction}`}Z`;
}

/** Of a time in UTC the year (0 is 1 BC), what stands from the month to the seconds, and the digits of the fraction. */
function partsOf(text) {
  const parts = /^(\d+)-(\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00)?( BC)?$/.exec(text);
  if (parts === null) throw new Error(`not a time in UTC: ${text}`);
  const [, year, rest, fraction = "", beforeChrist] = parts;
  return { year: beforeChrist ? 1 - Number(year) : Number(year), rest, fraction };
}
