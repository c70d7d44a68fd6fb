/**
 * Promise: a small table costs what its own rows and parents cost, not what was
 * moved before it. 300 tables of 60 rows point to two parents, which are small
 * in one database and large in the other; the sink takes them.
 */
import { migrate, reportOf } from "./migration.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const CHILDREN = 300;
const ROWS_OF_CHILD = 60;
const ROWS_OF_PARENT = { few: 700, many: 400_000 };

/** Milliseconds that a child may take longer with the large parents. */
const MOST_DIFFERENCE = 20;

/** Seconds, once for each large parent, beside that. */
const MOST_ONCE = 1;

const PARENTS = ["p1", "p2"];
const CHILD_NAMES = Array.from({ length: CHILDREN }, (_, i) => `c${i + 1}`);

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchChildren({ cluster }) {
  const functions = [...PARENTS, ...CHILD_NAMES].map((name) => `migrate:migrate${name[0].toUpperCase()}${name.slice(1)}`);
  const sink = await startSink({ functions });
  const few = await migrateAll(cluster, sink, "children_few", ROWS_OF_PARENT.few);
  const many = await migrateAll(cluster, sink, "children_many", ROWS_OF_PARENT.many);
  await sink.stop();

  const difference = many.median - few.median;
  const once = (many.sum - few.sum) / 1000 - CHILDREN * Math.max(0, difference) / 1000;
  printTable(`Small children: ${CHILDREN} tables of ${ROWS_OF_CHILD} rows with 4 references to two parents; sink, latency 0 ms`,
    ["rows of a parent", "parents s", "children s", "median of a child", "longest"],
    [few, many].map((one) => [grouped(one.rows), one.parents.toFixed(2), (one.sum / 1000).toFixed(2),
      `${one.median.toFixed(1)} ms`, `${one.longest.toFixed(1)} ms`]));
  return [
    ...(difference < MOST_DIFFERENCE ? []
      : [`children: ${difference.toFixed(1)} ms more with large parents, not ${MOST_DIFFERENCE}`]),
    ...(once < MOST_ONCE * PARENTS.length ? []
      : [`children: ${once.toFixed(1)} s once for ${PARENTS.length} parents, not ${MOST_ONCE * PARENTS.length}`]),
  ];
}

/** Makes a database, moves all of it in one call, and returns what the tables took, in milliseconds. */
async function migrateAll(cluster, sink, database, rows) {
  const admin = await cluster.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const client = await cluster.connect({ database });
  await makeTables(client, rows);
  await pointAt(cluster, database, sink, {});
  const report = (await timed(client, migrate("NULL"))).rows;
  await client.end();
  const took = (name, atLeast) => reportOf(report, name, atLeast).seconds * 1000;
  const children = CHILD_NAMES.map((name) => took(name, ROWS_OF_CHILD));
  const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
  return {
    rows,
    parents: total(PARENTS.map((name) => took(name, rows))) / 1000,
    sum: total(children),
    median: median(children),
    longest: Math.max(...children),
  };
}

async function makeTables(client, rows) {
  await client.query(`
    CREATE TABLE p1 (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int UNIQUE NOT NULL);
    CREATE TABLE p2 (id int PRIMARY KEY);
    INSERT INTO p1 (n) SELECT g FROM generate_series(1, ${rows}) g;
    INSERT INTO p2 SELECT g FROM generate_series(1, ${rows}) g;
    ANALYZE`);
  await client.query(`DO $$ BEGIN FOR n IN 1..${CHILDREN} LOOP
    EXECUTE format('CREATE TABLE c%s (id int PRIMARY KEY, a uuid REFERENCES p1, b uuid REFERENCES p1,
                                      c int REFERENCES p2, d int REFERENCES p2)', n);
    EXECUTE format('INSERT INTO c%s SELECT g, (SELECT id FROM p1 WHERE n = g), (SELECT id FROM p1 WHERE n = g * 7),
                                           g * 3, g * 11 FROM generate_series(1, ${ROWS_OF_CHILD}) g', n);
    EXECUTE format('ANALYZE c%s', n); END LOOP; END $$`);
}
