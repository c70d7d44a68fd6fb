/**
 * What the extension writes is accepted by itself: random tables, with lists of values in CHECK constraints, enums,
 * domains, defaults, comments and names that are hard to write, are deployed as they are generated, and a run right
 * after it is not refused, nor is any of their rows. A failure prints the seed and the SQL of its schemas.
 *
 *   DRIFT_SCHEMAS  at least so many schemas, 60 by default
 *   DRIFT_SEED     of the first round; without it another one each time
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import { openGenerated, startCluster, textsOf } from "../harness/index.mjs";
import { literalTexts } from "../codegen/databases.mjs";
import { Random } from "./random.mjs";

/** Schemas that are deployed together. */
const SCHEMAS = 20;

const { DRIFT_SCHEMAS = 60, DRIFT_SEED = randomInt(2 ** 31) } = process.env;

const NAMES = [
  "id", "name", "Order Items", "kind", "Käse", "日本", "class", "default", "_id", "_creationTime", "__proto__", "constructor", "$x",
  "1st", "a.b", 'say "hi"', "it's", "x".repeat(63), "userID", "v", "supabaseId", "tables", "export", "😀", "back\\slash", "a b",
];
const WHOLE = [
  "0", "1", "-1", "2147483647", "-2147483648", "9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807",
  "-9223372036854775808", "10000000000000000",
];
const quote = pg.escapeLiteral;
const name = pg.escapeIdentifier;

/** Some of a list, at least one, none twice. */
const some = (random, list, most) => [...new Set(random.times(random.between(1, most), () => random.pick(list)))];

/** A type without its collation, for a cast. */
const plain = (type) => type.replace(/ COLLATE.*/, "");

/** A condition that lists the values of a column, in one of the ways in which people write it. */
function listOf(random, column, values, type) {
  const column_ = name(column);
  const list = values.join(", ");
  return random.pick([
    () => `${column_} IN (${list})`,
    () => `${column_} = ANY (ARRAY[${list}]::${plain(type)}[])`,
    () => values.map((value) => `${column_} = ${value}`).join(" OR "),
    () => `${column_} IS NULL OR ${column_} IN (${list})`,
    () => `${column_} IN (${list}) AND ${column_} IS DISTINCT FROM NULL`,
    () => `${column_}::text IN (${values.map((value) => `(${value})::text`).join(", ")})`,
    () => `(${column_} IN (${list})) IS TRUE`,
    () => `NOT (${column_} NOT IN (${list}))`,
  ])();
}

/** A type with values that a column of it can have, as SQL; `list`: a CHECK says that there are no others. */
function randomType(random, schema, types) {
  const text = () => ({ sql: random.pick(["text", "varchar(40)", "char(40)", 'text COLLATE "C"']), values: some(random, literalTexts.slice(0, 16), 5).map(quote) });
  const whole = () => random.pick([
    { sql: "bigint", values: some(random, WHOLE, 4) }, { sql: "int", values: some(random, WHOLE.slice(0, 5), 4) },
    { sql: "smallint", values: some(random, WHOLE.slice(0, 3), 3) },
  ]);
  return random.pick([
    () => ({ ...text(), list: true }), () => ({ ...whole(), list: true }), text, whole,
    () => ({ sql: "numeric(15, 2)", values: ["1.25", "-3"], list: random.chance(0.5) }),
    () => ({ sql: "boolean", values: ["true", "false"] }), () => ({ sql: "jsonb", values: [`'{"a": [1, null]}'`] }),
    () => ({ sql: "timestamptz", values: ["'2026-01-01Z'"] }), () => ({ sql: "text[]", values: ["'{a,b}'"] }),
    () => {
      const labels = some(random, literalTexts.filter((label) => Buffer.byteLength(label) < 64), 6);
      const type = `${schema}.${name(`e${types.length}`)}`;
      types.push(`CREATE TYPE ${type} AS ENUM (${labels.map(quote).join(", ")});`);
      const array = random.chance(0.3);
      return { sql: array ? `${type}[]` : type, values: labels.map((label) => (array ? `ARRAY[${quote(label)}]::${type}[]` : quote(label))), list: !array && random.chance(0.3) };
    },
    () => {
      const base = random.chance(0.5) ? text() : whole();
      const type = `${schema}.${name(`d${types.length}`)}`;
      types.push(`CREATE DOMAIN ${type} AS ${base.sql} CHECK (VALUE IN (${base.values.join(", ")}));`);
      return { sql: type, values: base.values, list: random.chance(0.2) };
    },
    () => {
      const type = `${schema}.${name(`c${types.length}`)}`;
      types.push(`CREATE TYPE ${type} AS (${some(random, NAMES, 4).map((attribute) => `${name(attribute)} int`).join(", ")});`);
      return { sql: type, values: [`NULL`] };
    },
  ])();
}

/** The statements of one schema. */
function randomSchema(random, schema) {
  const types = [];
  const statements = [];
  const tables = some(random, NAMES, 3);
  for (const [i, table] of tables.entries()) {
    const full = `${schema}.${name(table)}`;
    const columns = some(random, NAMES.filter((column) => column !== "key"), 6).map((column) => ({ column, ...randomType(random, schema, types) }));
    const parts = [random.chance(0.8) ? "key int PRIMARY KEY" : "key int"];
    for (const { column, sql, values, list } of columns) {
      const isNull = values[0] === "NULL";
      parts.push([
        name(column), sql, !isNull && random.chance(0.4) ? "NOT NULL" : "",
        !isNull && random.chance(0.3) ? `DEFAULT ${values[0]}` : "",
        list ? `CHECK (${listOf(random, column, values, sql)})` : "",
      ].join(" "));
    }
    const parent = i > 0 && random.chance(0.4) ? tables[random.below(i)] : undefined;
    statements.push(`CREATE TABLE ${full} (${parts.join(", ")});`);
    if (random.chance(0.5)) statements.push(`COMMENT ON TABLE ${full} IS ${quote(random.pick(literalTexts))};`);
    if (random.chance(0.5)) statements.push(`COMMENT ON COLUMN ${full}.${name(columns[0].column)} IS ${quote(literalTexts.join(" "))};`);
    for (let row = 1; row <= 3; row++) {
      const cells = columns.map(({ values, sql }) => `(${random.pick(values)})::${plain(sql)}`);
      // A list that a constraint cannot accept, such as of texts with spaces at their end, has no rows.
      statements.push(`DO $do$BEGIN INSERT INTO ${full} VALUES (${[row, ...cells].join(", ")}); EXCEPTION WHEN check_violation OR not_null_violation OR string_data_right_truncation THEN END$do$;`);
    }
    if (parent !== undefined) {
      statements.push(`ALTER TABLE ${full} ADD "parent ref" int;
        DO $do$BEGIN ALTER TABLE ${full} ADD FOREIGN KEY ("parent ref") REFERENCES ${schema}.${name(parent)}; EXCEPTION WHEN invalid_foreign_key OR undefined_object THEN END$do$;`);
    }
  }
  return [...types, ...statements].join("\n");
}

/** Each way to carry a bigint comes in turn of the seeds, since lists of values depend on it most. */
function randomOptions(random, seed) {
  return {
    int8: ["number", "int64", "string"][seed % 3], numeric: random.pick(["auto", "number", "string"]),
    timestamps: random.pick(["ms", "iso"]), nulls: random.pick(["omit", "null"]), orphans: random.pick(["reject", "null", "keep"]),
    field_case: random.pick(["preserve", "camel", "snake"]), table_case: random.pick(["preserve", "camel", "snake"]),
    indexes: random.pick(["exact", "all"]),
  };
}

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

test("no generated file is refused right after its deployment", async (t) => {
  let [schemas, rows, seed] = [0, 0, Number(DRIFT_SEED)];
  for (; schemas < DRIFT_SCHEMAS; schemas += SCHEMAS, seed++) {
    const random = new Random(seed);
    const names = Array.from({ length: SCHEMAS }, (_, i) => `s${i}`);
    const sql = names.map((schema) => `CREATE SCHEMA ${schema};\n${randomSchema(random, schema)}`).join("\n");
    const options = { ...randomOptions(random, seed), schemas: names.join(","), batch_rows: 100 };
    const told = (problem) => `DRIFT_SEED=${seed} DRIFT_SCHEMAS=1 repeats this: ${problem}\noptions: ${JSON.stringify(options)}\n${sql}`;
    try {
      const { client, migrate, convex } = await openGenerated(t, cluster, { sql, options });
      const total = (await migrate()).at(-1);
      const { rows: rejects } = await client.query("SELECT source::text, key, reason FROM convex_rejects WHERE reason !~ '^(number_not_exact|null_element)'");
      assert.deepEqual(rejects, []);
      rows += total.migrated;
      await client.end();
      await convex.stop();
    } catch (error) {
      assert.fail(told(textsOf(error)));
    }
  }
  t.diagnostic(`${schemas} schemas, ${rows} rows; seeds ${DRIFT_SEED} to ${seed - 1}`);
});
