/**
 * Random dates, times and intervals, to the ends of PostgreSQL's ranges.
 */
import { literals } from "./type.mjs";

const DAY = 86_400_000_000n;
/** 400 years of the Gregorian calendar, in microseconds. */
const ERA = 146_097n * DAY;
/** The first and last microseconds since 1970 of a timestamp: 4713 BC and 294276. */
const FIRST_TIME = -210_866_803_200_000_000n;
const LAST_TIME = 9_224_318_015_999_999_999n;
/** Where 64 bits of microseconds since 1970 end: later ones are counted from 2000 alone. */
const LAST_COUNTED = 2n ** 63n - 1n;
/** Where doubles of milliseconds have no fractions, and no odd numbers, any more. */
const LAST_FRACTION = 2n ** 52n * 1000n;
const LAST_ODD = 2n ** 53n * 1000n;

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

const EDGES = [
  0n, -1n, 1n, -1000n, FIRST_TIME, DAY, -62_135_596_800_000_000n, 253_402_300_800_000_000n, LAST_TIME - 999n,
];
const BAD_EDGES = [
  LAST_TIME, FIRST_TIME + 1n, -62_135_596_800_000_001n, LAST_COUNTED, LAST_COUNTED + 1n, LAST_FRACTION + 500n,
  LAST_FRACTION - 500n, LAST_ODD + 1000n, LAST_ODD - 1000n, LAST_ODD, 2n ** 43n * 1000n + 1n,
];

/** @param {bigint} unit microseconds that the type can tell apart */
export function timestamps(sql, unit) {
  const within = (random, low, high) =>
    BigInt(random.between(low, high)) * 1_000_000_000n + BigInt(random.below(1_000_000_000));
  const time = (random, { bad }) => {
    if (bad && random.chance(0.5)) {
      return random.chance(0.5)
        ? random.pick(BAD_EDGES)
        : random.chance(0.5)
          ? within(random, 9_223_372_036, 9_224_318_014)
          : within(random, -210_866_803, 9_224_318_014);
    }
    if (random.chance(0.2)) return random.pick(EDGES);
    const day = random.chance(0.2) ? DAY : 1000n;
    return random.chance(0.3)
      ? (within(random, -210_866_802, 9_007_199_254) / day) * day
      : within(random, -2_000_000, 2_000_000);
  };
  const value = (random, options) => {
    if (random.chance(0.1)) return random.pick(["infinity", "-infinity"]);
    const microseconds = time(random, options);
    return timeText(microseconds - (((microseconds % unit) + unit) % unit));
  };
  return literals(sql, value, ["iso", "ms"]);
}

function dateText(random) {
  return random.chance(0.3)
    ? random.pick([
        "infinity", "-infinity", "0001-12-31 BC", "0044-03-15 BC", "4714-11-24 BC", "5874897-12-31", "1970-01-01",
        "1969-12-31", "9999-12-31", "10000-01-01", "0001-01-01", "275760-09-13",
      ])
    : `${random.between(1, 9999).toString().padStart(4, "0")}-0${random.between(1, 9)}-${random.between(10, 28)}`;
}

function clock(random) {
  const part = (limit) => String(random.below(limit)).padStart(2, "0");
  return random.chance(0.2)
    ? random.pick(["00:00:00", "24:00:00", "23:59:59.999999"])
    : `${part(24)}:${part(60)}:${part(60)}.${random.below(1_000_000)}`;
}

function interval(random) {
  return random.chance(0.3)
    ? random.pick([
        "0", "178000000 years", "-178000000 years", "-1 mon +2 days -03:04:05.000001", "1 us", "-1 us",
        "2147483647 days",
      ])
    : `${random.between(-99, 99)} mons ${random.between(-999, 999)} days ${random.between(-1e5, 1e5)}.${random.below(1e6)} s`;
}

export const date = literals("date", dateText, ["iso", "ms"]);
export const time = literals("time", clock);
export const timetz = literals("timetz", (random) => `${clock(random)}${random.pick(["+00", "-12:34", "+15:59:59"])}`);
export const intervals = literals("interval", interval);
export const timestamptz = timestamps("timestamptz", 1n);
export const timestamp = timestamps("timestamp", 1n);
/** A time near today, as a text. */
export const someTime = (random) => timeText(BigInt(random.between(-1e9, 1e9)) * 1_000_003n);
