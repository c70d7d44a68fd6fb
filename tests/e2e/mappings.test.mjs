/**
 * Options and choices of how values go: what arrives in Convex is compared with
 * the rows by the harness, whose table of types was written without the
 * extension's code.
 */
import { after, before, test } from "node:test";
import { assertArrives, openShape, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const VALUES = String.raw`
  CREATE TABLE things (
    id int PRIMARY KEY, big int8, bigs int8[], short numeric(10, 2), long numeric(30, 10), free numeric,
    at timestamptz, local timestamp, nothing text, self int);
  INSERT INTO things SELECT n, n * 1000003, ARRAY[n, -n], n / 7.0, n + 0.5, n * 0.25,
    '2026-01-01 00:00+00'::timestamptz + n * '1 hour 0.000001 s'::interval,
    '1969-12-31'::timestamp - n * '1 day'::interval, CASE WHEN n % 2 = 0 THEN 'x' END, NULL
    FROM generate_series(0, 60) AS n;`;

const LARGE = "UPDATE things SET big = '9223372036854775807', bigs = '{-9223372036854775808,9007199254740993}' WHERE id > 50;";

const CHOICES = [
  { int8: "number", numeric: "auto", timestamps: "ms", nulls: "omit" },
  { int8: "int64", numeric: "number", timestamps: "iso", nulls: "null", sql: LARGE },
  { int8: "string", numeric: "string", timestamps: "iso", nulls: "omit", sql: LARGE },
];

for (const { sql = "", ...options } of CHOICES) {
  test(Object.entries(options).map(([option, choice]) => `${option} as ${choice}`).join(", "), async (t) => {
    const scenario = await openShape(t, cluster, { targets: ["things"], sql: VALUES + sql, options });
    await assertArrives(scenario, { expected: options });
  });
}
