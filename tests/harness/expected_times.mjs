/**
 * What a date or timestamp of Postgres must be in Convex, from its ISO text in UTC.
 */

/** After so many years the Gregorian calendar repeats, and how long they are. */
const ERA_YEARS = 400;
const ERA_MILLISECONDS = 146_097n * 86_400_000n;

/** From here on doubles have no fractions. */
const FIRST_WHOLE_DOUBLE = 2n ** 52n;

/**
 * A time as milliseconds since 1970. Microseconds are the fraction: the nearest Float64 to the exact decimal number,
 * where that gives the microseconds back.
 * @param {string} text
 * @param {import("./expected_place.mjs").Place} place
 */
export function milliseconds(text, place) {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  const { year, month, day, clock, fraction } = partsOf(text);
  const [hour, minute, second] = clock === "" ? [0, 0, 0] : clock.split(":").map(Number);
  const era = Math.floor(year / ERA_YEARS);
  const withinEra = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999. Nor the year itself: a Date ends in 275760, PostgreSQL's timestamps in 294276.
  withinEra.setUTCFullYear(year - era * ERA_YEARS, month - 1, day);
  withinEra.setUTCHours(hour, minute, second);
  const wholeMilliseconds = BigInt(withinEra.getTime()) + BigInt(era) * ERA_MILLISECONDS;
  const microseconds = wholeMilliseconds * 1000n + BigInt(fraction.padEnd(6, "0"));
  const sign = microseconds < 0n ? "-" : "";
  const digits = String(microseconds < 0n ? -microseconds : microseconds).padStart(4, "0");
  const result = Number(`${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`);
  if (!givesBack(result, microseconds)) place.refuse("timestamp_not_exact");
  return result;
}

/** Whether whoever reads the milliseconds finds the microseconds again. */
function givesBack(milliseconds, microseconds) {
  if (microseconds % 1000n === 0n) return BigInt(milliseconds) * 1000n === microseconds;
  const whole = microseconds / 1000n;
  if (whole >= FIRST_WHOLE_DOUBLE || whole <= -FIRST_WHOLE_DOUBLE) return false;
  return BigInt(Math.round(milliseconds * 1000)) === microseconds;
}

/**
 * A date or time as ISO 8601, `timestamp` being read as UTC: `2024-01-01T00:00:37.123457Z`, `2024-01-01`;
 * a year that has not four digits in the expanded form of JavaScript, `-000043` for 44 BC.
 */
export function isoTime(text) {
  if (text.endsWith("infinity")) return text;
  const { year, month, day, clock, fraction } = partsOf(text);
  const plain = year >= 1 && year <= 9999;
  const digits = String(Math.abs(year)).padStart(plain ? 4 : 6, "0");
  const date = `${plain ? "" : year < 0 ? "-" : "+"}${digits}-${month}-${day}`;
  return clock === "" ? date : `${date}T${clock}${fraction && `.${fraction}`}Z`;
}

/** The year (0 is 1 BC), month and day, and of a time, in UTC, what stands before and behind the point. */
function partsOf(text) {
  const parts = /^(\d+)-(\d\d)-(\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00)?)?( BC)?$/.exec(text);
  if (parts === null) throw new Error(`not a time in UTC: ${text}`);
  const [, year, month, day, clock = "", fraction = "", beforeChrist] = parts;
  return { year: beforeChrist ? 1 - Number(year) : Number(year), month, day, clock, fraction };
}
