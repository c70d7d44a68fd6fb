/**
 * Random values that hold others: arrays, composites, hstore, vectors.
 */
import { randomText, sqlText } from "./texts.mjs";
import { ANY_CHOICES } from "./type.mjs";

/** How many elements Convex takes. */
const MAX_ELEMENTS = 8192;

/** What an element is like, so that thousands of them stay below 1 MiB. */
const SHORT = /^'[^e']{0,20}'::/;

/** Arrays of a type. @param {import("./type.mjs").Type} element @returns {import("./type.mjs").Type} */
export function arraysOf(element) {
  const sql = `${element.sql}[]`;
  const value = (random, column) => {
    const options = { ...column, whole: false };
    const nullsGo = options.choice === "any" || options.choice === "array_nullable" || options.choice === "json";
    const anElement = (one) =>
      (nullsGo && one.chance(0.2)) || (options.bad && one.chance(0.1)) ? "NULL" : element.value(one, options);
    if (random.chance(0.1)) return `'{}'::${sql}`;
    const elements = [element.value(random, options), ...random.times(random.below(4), () => anElement(random))];
    if (random.chance(options.choice === "any" ? 0.2 : options.bad ? 0.1 : 0)) {
      const row = `ARRAY[${elements.join(", ")}]::${sql}`;
      return `ARRAY[${random.pick([row, `${row}, ${row}`, `ARRAY[${row}]`])}]`;
    }
    if (random.chance(0.004) && SHORT.test(elements[0])) {
      return `array_fill(${elements[0]}, ARRAY[${MAX_ELEMENTS + random.between(-1, options.bad ? 1 : 0)}])::${sql}`;
    }
    // A lower bound that is not 1 has no meaning in Convex.
    if (random.chance(0.05)) return `array_fill(${elements[0]}, ARRAY[2], ARRAY[${random.between(-3, 7)}])::${sql}`;
    return `ARRAY[${elements.join(", ")}]::${sql}`;
  };
  // A choice for an array is one for its elements, not for theirs.
  const choices = element.choices.includes("array_nullable") ? ANY_CHOICES : element.choices;
  return { sql, value, choices: [...choices, "array_nullable"], since: element.since };
}

/**
 * A composite type of the schema of the tables.
 * @param {string} sql
 * @param {import("./type.mjs").Type[]} attributes those that it has when rows are made
 * @returns {import("./type.mjs").Type}
 */
export function composites(sql, attributes) {
  const value = (random, options) => {
    const values = attributes.map((type) => (random.chance(0.15) ? "NULL" : type.value(random, { ...options, whole: false, choice: null })));
    return `ROW(${values.join(", ")})::${sql}`;
  };
  return { sql, value, choices: ANY_CHOICES };
}

/** Levels of composites in each other: with the document as many as Convex takes, and in an array one more. */
const LEVELS = 15;

/** CREATE TYPE for property.deep1, which has a number, to property.deep15, each with the one before in it. */
export const DEEP_CREATIONS = Array.from(
  { length: LEVELS },
  (_, i) => `CREATE TYPE property.deep${i + 1} AS (${i === 0 ? "n int" : `d property.deep${i}`});`,
);

export const deep = {
  sql: `property.deep${LEVELS}`,
  choices: ANY_CHOICES,
  value: (random) => {
    // Its text doubles the quotes at each level.
    const present = random.chance(0.2) ? random.between(LEVELS - 2, LEVELS) : random.between(1, 5);
    const text = `${"ROW(".repeat(present)}${present === LEVELS ? random.below(9) : "NULL"}${")".repeat(present)}`;
    return `${text}::property.deep${LEVELS}`;
  },
};

/** More attributes than Convex takes fields, some of them with values. */
const BROAD = 1030;
const BROAD_ATTRIBUTES = Array.from({ length: BROAD }, (_, i) => `a${i} int2`);
export const BROAD_CREATION = `CREATE TYPE property.broad AS (${BROAD_ATTRIBUTES.join(", ")});`;

export const broad = {
  sql: "property.broad",
  choices: ANY_CHOICES,
  value(random, { bad }) {
    const count = random.pick(bad ? [0, 3, 1024, 1025] : [0, 3, 1024]);
    const object = `SELECT coalesce(jsonb_object_agg('a' || i, i), '{}') FROM generate_series(0, ${count - 1}) i`;
    return `jsonb_populate_record(NULL::property.broad, (${object}))`;
  },
};

// No backslash alone: from Node 23 on JSON.parse() may then read the key `"` as that one (nodejs/node#63785).
const HSTORE_KEYS = ["", "a", "b c", '"', "b\\c", "=>", "NULL", "1"];
const BAD_HSTORE_KEYS = ["$a", "\u00e4", "__proto__", "\n"];

export const hstore = {
  sql: "public.hstore",
  choices: ANY_CHOICES,
  value(random, { bad }) {
    const pairs = random.times(random.below(5), () => {
      const key = random.pick(bad && random.chance(0.3) ? BAD_HSTORE_KEYS : HSTORE_KEYS);
      return `public.hstore(${sqlText(key)}, ${random.chance(0.2) ? "NULL" : sqlText(randomText(random, 8))})`;
    });
    return `(${["''::public.hstore", ...pairs].join(" OPERATOR(public.||) ")})`;
  },
};

/** pgvector's types, where it is installed. */
export const vectors = ["vector", "halfvec", "sparsevec"].map((name) => ({
  sql: `public.${name}`,
  choices: ANY_CHOICES,
  value(random) {
    const numbers = random.times(random.between(1, 6), () => random.pick(["0", "1", "-0.5", "1e-5", "65504", "0.1"]));
    const text =
      name !== "sparsevec"
        ? `[${numbers.join(",")}]`
        : `{${numbers.map((number, i) => `${2 * i + 1}:${number}`).join(",")}}/${2 * numbers.length}`;
    return `'${text}'::public.${name}`;
  },
}));
