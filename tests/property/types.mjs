/**
 * All random types: which a column can have, which a key, and what makes those
 * that PostgreSQL does not have.
 */
import { arraysOf, broad, BROAD_CREATION, composites, deep, DEEP_CREATIONS, hstore, vectors } from "./containers.mjs";
import { jsons } from "./json.mjs";
import { anyNumeric, bigints, decimals, float4, float8, integers } from "./numbers.mjs";
import {
  bit8,
  bool,
  box,
  bytes,
  inet,
  int4range,
  money,
  name,
  oneByteChar,
  OTHER_TYPES,
  shortBytes,
  shortTexts,
  texts,
  tstzrange,
  uuids,
} from "./scalars.mjs";
import { randomText } from "./texts.mjs";
import { date, intervals, time, timestamp, timestamps, timestamptz, timetz } from "./times.mjs";
import { alias, literals, since15 } from "./type.mjs";

const ODD_LABELS = ["", " ", "it's", '"', "\\", "{a,b}", "NULL", "\u00e4\u{1F600}", "\t", "(,)", "x".repeat(63)];

/** Types that the tables use, in the schema of the tables; each after those that it needs. */
const CREATIONS = [
  `CREATE TYPE property.odd AS ENUM ('', ' ', 'it''s', '"', '\\', '{a,b}', 'NULL', 'ä😀', E'\\t', '(,)', '${"x".repeat(63)}');`,
  "CREATE DOMAIN property.big AS bigint;",
  "CREATE DOMAIN property.price AS numeric(10,2) CHECK (VALUE IS DISTINCT FROM 0.001);",
  "CREATE DOMAIN property.word AS text;", "CREATE DOMAIN property.word_of_words AS property.word;",
  "CREATE DOMAIN property.numbers AS int[];", "CREATE DOMAIN property.moment AS timestamptz(3);",
  "CREATE DOMAIN property.tree AS jsonb;", "CREATE DOMAIN property.label AS property.odd;",
  "CREATE TYPE property.words AS RANGE (subtype = text, multirange_type_name = property.multiwords);",
  "CREATE TYPE property.pair AS (a int, b varchar(20), c timestamptz);",
  "CREATE DOMAIN property.couple AS property.pair;",
  `CREATE TYPE property.nest AS ("a b" property.pair, "größe" property.pair[], "_x" jsonb, "x" int8, "1st" bytea, id numeric,
  odd property.odd, w property.couple[]);`,
  "CREATE TYPE property.changed AS (gone text, kept property.nest, also_gone int);",
  ...DEEP_CREATIONS,
  BROAD_CREATION,
];

/** Changes of types when there are rows already: their values keep the old form. */
const CHANGES = [
  "ALTER TYPE property.changed DROP ATTRIBUTE gone, ADD ATTRIBUTE late int, DROP ATTRIBUTE also_gone;",
  "ALTER TYPE property.odd RENAME VALUE ' ' TO 'renamed';",
];

/** The types that some SQL uses: what makes them, and what is done to them later. @param {string} sql */
export function typesOf(sql) {
  const nameOf = (statement) => /property\.\w+/.exec(statement)[0];
  const needed = [];
  for (const creation of [...CREATIONS].reverse()) {
    const name = new RegExp(`${nameOf(creation).replace(".", "\\.")}\\b`);
    if ([sql, ...needed].some((text) => name.test(text))) needed.unshift(creation);
  }
  return {
    creations: needed,
    changes: CHANGES.filter((change) => needed.some((creation) => nameOf(creation) === nameOf(change))),
  };
}

const int2 = integers("int2", 16);
const int4 = integers("int4", 32);
const int8 = bigints("int8");
const shortNumerics = [
  decimals("numeric(5,2)", 5, 2), decimals("numeric(15,0)", 15, 0), decimals("numeric(15,15)", 15, 15),
  decimals("numeric(15,4)", 15, 4), since15(decimals("numeric(3,-5)", 3, -5)), since15(decimals("numeric(15,200)", 15, 200)),
];
const longNumerics = [
  decimals("numeric(16,4)", 16, 4), decimals("numeric(18,0)", 18, 0), decimals("numeric(38,10)", 38, 10),
  since15(decimals("numeric(5,300)", 5, 300)), anyNumeric, anyNumeric,
];
const text = texts("text");
const char7 = shortTexts("char(7)", 7);
const varchar20 = shortTexts("varchar(20)", 20);
const json = jsons("json");
const jsonb = jsons("jsonb");
const odd = literals("property.odd", (random) => random.pick(ODD_LABELS));
const price = decimals("property.price", 10, 2);
const big = bigints("property.big");
const numbers = alias("property.numbers", arraysOf(int4));
const pair = composites("property.pair", [int4, varchar20, timestamptz]);
const couple = alias("property.couple", pair);
const nest = composites("property.nest", [pair, arraysOf(pair), jsonb, int8, bytes, anyNumeric, odd, arraysOf(couple)]);
const changed = composites("property.changed", [varchar20, nest, int4]);

const IN_ARRAYS = [
  bool, int4, int8, float4, float8, shortNumerics[0], longNumerics[0], anyNumeric, text, varchar20, char7, uuids,
  date, timestamp, timestamptz, intervals, json, jsonb, bytes, odd, price, big, pair, nest, changed, deep, inet,
  int4range, tstzrange, bit8, money, name, box, oneByteChar, time, timetz, couple, numbers,
];

/** Every type of a column that is no key. */
const COLUMN_TYPES = [
  bool, int2, int4, int8, int8, float4, float8, ...shortNumerics, ...longNumerics, text, text, char7, varchar20,
  uuids, date, timestamp, timestamptz, timestamps("timestamptz(3)", 1000n), timestamps("timestamp(0)", 1_000_000n),
  timestamps("property.moment", 1000n), intervals, time, timetz, json, json, json, json, jsonb, jsonb, jsonb, jsonb,
  alias("property.tree", jsonb), bytes, odd, alias("property.label", odd), price, big, alias("property.word", text),
  alias("property.word_of_words", text), numbers, pair, couple, nest, changed, deep, broad, ...OTHER_TYPES,
  ...IN_ARRAYS.map(arraysOf), ...IN_ARRAYS.map(arraysOf),
];

const EXTENSION_TYPES = [hstore, literals("public.citext", (random) => randomText(random, 10)), ...vectors];

/**
 * @param {string[]} installed types of extensions that the database has
 * @param {number} version server_version_num
 */
export function columnTypes(installed, version) {
  const extensionTypes = EXTENSION_TYPES.filter(({ sql }) => installed.includes(sql));
  return [...COLUMN_TYPES, ...extensionTypes, ...extensionTypes.map(arraysOf)].filter(({ since = 0 }) => since <= version);
}

/** Types of keys; `variant`: another text of an equal value. */
export const KEY_TYPES = [
  int2, int4, int8, int8, uuids, uuids, varchar20, char7, date, timestamptz, timestamp, intervals, odd, shortBytes,
  float8, inet, bit8, int4range, big, price, literals("text", (random) => randomText(random, 20)),
  { ...anyNumeric, variant: (sql) => `(${sql} + 0.0000)` }, shortNumerics[3], bool, float4, tstzrange, name,
  { ...int4, variant: (sql) => `${sql}::int8`, variantType: "int8" },
  literals("int4[]", (random) => `{${random.times(random.below(4), () => random.integer(31))}}`, [
    "number",
    "int64",
    "array_nullable",
  ]),
  money,
  timetz,
  alias("property.word_of_words", varchar20),
];
