/**
 * Random values of types that are neither numbers nor times nor made of others.
 */
import { hex, randomText, sqlText } from "./texts.mjs";
import { ANY_CHOICES, literals, since15 } from "./type.mjs";
import { someTime } from "./times.mjs";

const BOOLEANS = [
  "t", "true", "TRUE", "yes", "on", "1", "f", "False", "no", "off", "0", "y", "n", "tru", "of", " true", "false ",
  "\tno\n",
];
const NO_BOOLEANS = ["", " ", "o", "tr ue", "maybe", "2", "true\u00a0", "yess"];
const TEXT_CHOICES = ["boolean", "bytes"];

/** A document of 1 MiB has this and its other fields; a request 16 MiB. */
const MIB = 1024 * 1024;

/** A text that PostgreSQL reads as a boolean; a bad one is none. */
function booleanText(random, bad) {
  return random.pick(bad && random.chance(0.5) ? NO_BOOLEANS : BOOLEANS);
}

/** Short texts, odd texts, now and then huge ones. */
export function texts(sql) {
  const value = (random, { choice, bad, whole, measured }) => {
    if (choice === "boolean") return `${sqlText(booleanText(random, bad))}::${sql}`;
    if (random.chance(0.001)) return `repeat('x', ${MIB - 20_000 - random.below(30_000)})::${sql}`;
    if (bad && measured && random.chance(0.12)) {
      // 1 MiB less what most documents have around it; more of it; more than a request holds.
      const length = random.pick([MIB - random.below(600), 600_000, MIB]);
      return `repeat('${random.pick(["x", "\u00e9", "\\", "\u0001"])}', ${length})::${sql}`;
    }
    if (bad && whole && random.chance(0.001)) return `repeat('y', ${16 * MIB + random.between(-1, 1)})::${sql}`;
    if (random.chance(0.01)) return `repeat(${sqlText(randomText(random))}, ${random.between(100, 900)})::${sql}`;
    // What does not compress: stored out of line.
    if (random.chance(0.01))
      return `(SELECT string_agg(md5(i::text), '') FROM generate_series(1, ${random.between(100, 900)}) AS i)::${sql}`;
    return `${sqlText(randomText(random))}::${sql}`;
  };
  return { sql, value, choices: [...ANY_CHOICES, ...TEXT_CHOICES] };
}

/** char(n) and varchar(n). */
export function shortTexts(sql, length) {
  const text = (random, { choice, bad }) =>
    choice === "boolean" ? booleanText(random, bad) : randomText(random, length);
  return literals(sql, (random, options) => Array.from(text(random, options)).slice(0, length).join(""), TEXT_CHOICES);
}

export const bool = literals("bool", (random) => random.pick(["true", "false"]), ["boolean"]);

function uuid(random) {
  if (random.chance(0.1))
    return random.pick(["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]);
  return random.times(4, () => hex(random.bits(), 8)).join("");
}
export const uuids = literals("uuid", uuid, ["bytes"]);

/** So short that an index takes them. */
export const shortBytes = literals(
  "bytea",
  (random) => `\\x${random.times(random.below(20), () => hex(random.below(256), 2)).join("")}`,
  ["bytes"],
);

export const bytes = {
  sql: "bytea",
  choices: [...ANY_CHOICES, "bytes"],
  value(random, options) {
    const { bad, measured } = options;
    if (bad && measured && random.chance(0.12)) return `decode(repeat('00ff', ${MIB / 2 - random.below(600)}), 'hex')`;
    return random.chance(0.03)
      ? `decode(repeat('00ff7f80', ${random.between(100, 3000)}), 'hex')`
      : shortBytes.value(random, options);
  },
};

export function bits(random, length) {
  return random.times(length, () => random.below(2)).join("");
}

export const inet = literals("inet", (random) =>
  random.pick([
    () => random.times(4, () => random.below(256)).join("."), () => `10.0.0.1/${random.below(33)}`, () => "::",
    () => "fe80::1/64", () => "::ffff:1.2.3.4",
  ])(),
);

const macAddress = (random, bytes) => random.times(bytes, () => hex(random.below(256), 2)).join(":");
const RANGES = ["empty", "(,)", "[1,5)", "(,0]", "[-7,-7]"];

/** A byte: also none, and the first one of a longer character. */
const oneByte = (random) =>
  random.chance(0.2) ? random.pick(["", "\u00e9"]) : String.fromCharCode(random.between(0x01, 0x7e));

export const int4range = literals("int4range", (random) =>
  random.chance(0.5) ? random.pick(RANGES) : `[${random.between(-9, 0)},${random.between(0, 9)}]`,
);
export const tstzrange = {
  sql: "tstzrange",
  choices: ANY_CHOICES,
  value: (random) => `tstzrange('${someTime(random)}', NULL)`,
};
export const textRange = {
  sql: "property.words",
  choices: ANY_CHOICES,
  value(random) {
    const [low, high] = random.times(2, () => sqlText(randomText(random, 5)));
    return `property.words(least(${low}, ${high}::text), greatest(${low}, ${high}::text), '[]')`;
  },
};
export const bit8 = literals("bit(8)", (random) => bits(random, 8));
export const name = literals("name", (random) => randomText(random, 10));
export const oneByteChar = since15(literals('"char"', oneByte));
export const money = literals("money", (random) => `${random.integer(40)}.${random.below(100)}`);
/** Its arrays have semicolons between elements. */
export const box = literals("box", (random) => `(${random.between(-9, 9)},1.5),(-0,${random.below(9)})`);

/** Types that go by their text. */
export const OTHER_TYPES = [
  inet, int4range, tstzrange, textRange, bit8, name, oneByteChar, money, box,
  literals("varbit", (random) => bits(random, random.below(20))),
  literals("cidr", (random) => `${random.below(256)}.0.0.0/8`),
  literals("macaddr", (random) => macAddress(random, 6)), literals("macaddr8", (random) => macAddress(random, 8)),
  literals("point", (random) => `(${random.integer(20)},-0)`), literals("pg_lsn", () => "16/B374D848"),
  literals("oid", (random) => random.bits()),
  literals("int4multirange", (random) => random.pick(["{}", "{[1,3),[5,8)}", "{(,)}"])),
  literals("nummultirange", (random) => random.pick(["{}", "{[1.50,3),(5,8.000]}"])),
  literals("tsvector", (random) => random.pick(["", "a:1A b:2,3", "'it''s' 'a b'", "'\u00e4\\\\'"])),
  literals("tsquery", (random) => random.pick(["", "a & !b", "'it''s' <-> c:*A"])),
  literals("xml", (random) => random.pick(["", "<a>&lt;\u00e4</a>", '<?xml version="1.0"?><b c=\'"\'/>', "just text"])),
  literals("regclass", (random) => random.pick(["pg_class", "pg_catalog.pg_type"])),
  literals("regtype", (random) => random.pick(["int4", "timestamptz"])),
  literals("jsonpath", (random) => random.pick(["$.a[*] ? (@ > 1)", '$."\u00e4"'])),
  literals("path", () => "[(0,0),(1,1)]"),
];
