/**
 * What the backend allocates depends neither on the number of rows nor on what
 * was in them: neither while they are encoded and sent, nor afterwards. Rows go
 * into the sink of the benchmarks, which stores nothing.
 *
 * While it runs, the backend is judged by its private memory (RssAnon), which is
 * sampled; afterwards by the sum of its memory contexts.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { timed } from "../bench/measure.mjs";
import { pointAt, startSink } from "../bench/receivers.mjs";
import { startCluster } from "../harness/index.mjs";

const MB = 1024 * 1024;

/** What is tried, and by how much its peak may differ: a run has buffers that fill, of requests and of the id map. */
const CHECK = { sql: "SELECT problem, rows::int FROM convex_check()", mostGrowth: 2 * MB };
const MIGRATE = { sql: "SELECT migrated::int, failed::int FROM convex_migrate()", mostGrowth: 24 * MB };

/** More than this after three more runs in the same session is a leak. */
const MOST_LEFT = 128 * 1024;

let cluster;
let sink;

before(async () => {
  cluster = await startCluster({ settings: ["jit = off", "max_parallel_workers_per_gather = 0"] });
  sink = await startSink({ functions: ["migrate:migrateThings"] });
});

after(async () => {
  await cluster?.stop();
  await sink?.stop();
});

let databases = 0;

/** A database with a table "things", pointed at the sink; returns its name. */
async function databaseWith(sql, afterwards = "") {
  const database = `memory_${++databases}`;
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${database}`);
  await administrator.end();
  const client = await cluster.connect({ database });
  await client.query(sql);
  await pointAt(cluster, database, sink);
  await client.query(afterwards);
  await client.end();
  return database;
}

/** The peak of a session that only runs this statement, and the rows it returned. */
async function peakOf(database, sql) {
  const client = await cluster.connect({ database });
  const { anonymous, rows } = await timed(client, sql);
  await client.end();
  return { peak: anonymous, rows };
}

/** Fails when the statement takes more memory in the one database than in the other; returns its rows there. */
async function assertNoMore({ sql, mostGrowth }, than, database) {
  const { peak: least } = await peakOf(than, sql);
  const { peak, rows } = await peakOf(database, sql);
  assert.ok(peak - least < mostGrowth, `${sql}: ${least} bytes at the peak, then ${peak}`);
  return rows;
}

/** Bytes in all memory contexts of the session's backend. */
async function allocated(client) {
  const { rows } = await client.query("SELECT sum(total_bytes)::float8 AS bytes FROM pg_backend_memory_contexts");
  return rows[0].bytes;
}

/** Fails when repeating a statement in one session leaves anything behind. */
async function assertNothingStays({ sql }, database) {
  const client = await cluster.connect({ database });
  // Catalog caches and prepared connections come with the first, the buffers of
  // temporary tables with the second, and stay.
  for (let run = 0; run < 2; run++) await client.query(sql);
  const first = await allocated(client);
  for (let run = 0; run < 3; run++) await client.query(sql);
  const left = (await allocated(client)) - first;
  await client.end();
  assert.ok(left < MOST_LEFT, `${sql}: ${left} bytes more after three more runs`);
}

/** Rows with all kinds of values, the last of which cannot go where `refused`. */
const rowsOf = (rows, { refused = false } = {}) => `
  CREATE TABLE things (id int PRIMARY KEY, t text, j json, jb jsonb, n numeric(10, 2), list text[], raw bytea,
    at timestamptz, last int8);
  INSERT INTO things SELECT n, 'text ' || n, '{"a": ["\\u00e9", 1]}', jsonb_build_object('n', n, 'l', '["x"]'::jsonb),
    n / 100.0, ARRAY['a', 'b' || n], '\\x00ff', '2026-01-01', ${refused ? "9007199254740993" : "n"}
    FROM generate_series(1, ${rows}) AS n`;

/** Values of 900 kB in the table's own storage, as they are. */
const largeValues = (rows) => `
  CREATE TABLE things (id int PRIMARY KEY, big text);
  ALTER TABLE things ALTER big SET STORAGE EXTERNAL;
  INSERT INTO things SELECT n, repeat('0123456789', 90000) FROM generate_series(1, ${rows}) AS n;`;

/** One of 50 MB, which is more than a request may have. */
const HUGE_VALUE = "INSERT INTO things VALUES (0, repeat('0123456789', 5 * 1024 * 1024));";

test("20 times the rows take no more memory", async () => {
  const few = await databaseWith(rowsOf(10_000));
  const many = await databaseWith(rowsOf(200_000));
  await assertNoMore(CHECK, few, many);
  const rows = await assertNoMore(MIGRATE, few, many);
  assert.equal(rows[0].migrated, 200_000);
});

test("20 times the rows that cannot go take no more memory, and leave none", async () => {
  const few = await databaseWith(rowsOf(5_000, { refused: true }));
  const many = await databaseWith(rowsOf(100_000, { refused: true }));
  const problems = await assertNoMore(CHECK, few, many);
  assert.equal(problems.find(({ problem }) => problem === "number_not_exact").rows, 100_000);
  const rows = await assertNoMore(MIGRATE, few, many);
  assert.equal(rows[0].failed, 100_000);
  for (const statement of [CHECK, MIGRATE]) await assertNothingStays(statement, few);
});

test("20 times the values of 900 kB take no more memory, and leave none", async () => {
  // So many calls are soon in flight, however the machine is busy: each holds a value.
  const fewCalls = "ALTER SERVER convex OPTIONS (ADD concurrency '4')";
  const few = await databaseWith(largeValues(10), fewCalls);
  const many = await databaseWith(largeValues(200), fewCalls);
  await assertNoMore(CHECK, few, many);
  const rows = await assertNoMore(MIGRATE, few, many);
  assert.equal(rows[0].migrated, 200);
  for (const statement of [CHECK, MIGRATE]) await assertNothingStays(statement, few);
});

test("a value of 50 MB is refused without being read", async () => {
  const without = await databaseWith(largeValues(1));
  const huge = await databaseWith(largeValues(1) + HUGE_VALUE);
  const problems = await assertNoMore(CHECK, without, huge);
  assert.equal(problems.find(({ problem }) => problem === "value_too_large").rows, 1);
  const rows = await assertNoMore(MIGRATE, without, huge);
  assert.equal(rows[0].failed, 1);
  for (const statement of [CHECK, MIGRATE]) await assertNothingStays(statement, huge);
});
