/**
 * Batches that are just larger than a transaction of Convex may be: with generated functions they shrink until they
 * fit, and no row is rejected. What a single call may hold is measured in tests/codegen/limits.test.mjs.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, openGenerated, startCluster } from "../harness/index.mjs";

/** The largest batches that options allow. */
const LARGEST = { batch_rows: 1000, batch_bytes: "4MB", concurrency: 1 };

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

// No limit of time: the machine that runs the tests may be slow or busy.
const open = (t, sql) => openGenerated(t, cluster, { sql, options: LARGEST, convex: { args: ["--user-time-limit", "0"] } });

/** Runs and compares; nothing is rejected. @returns {Promise<number>} calls of the table's function */
async function callsOf({ client, connect, convex, migrate, rejects }) {
  const before = await convex.control("stats");
  const total = (await migrate("", await connect())).at(-1);
  assert.deepEqual(await rejects(), []);
  assert.equal(total.migrated, total.rows_read);
  assert.deepEqual((await compareDocuments(client, convex)).differences.slice(0, 3), []);
  const calls = ({ functionCalls }) => functionCalls["migrate:migrateItems"] ?? 0;
  return calls(await convex.control("stats")) - calls(before);
}

test("the most rows of a batch, inserted, again, and updated: one call each", async (t) => {
  const scenario = await open(t, `
    CREATE TABLE items (id int PRIMARY KEY, name text);
    INSERT INTO items SELECT i, 'item' FROM generate_series(1, 1000) AS i;`);
  assert.equal(await callsOf(scenario), 1);
  assert.equal(await callsOf(scenario), 1);
  await scenario.client.query("UPDATE items SET name = 'changed'");
  assert.equal(await callsOf(scenario), 1);
});

test("bytes written: short in JSON, large in Convex", async (t) => {
  // a digit and a comma are two bytes of a request, and nine of a document
  const scenario = await open(t, `
    CREATE TABLE items (id int PRIMARY KEY, numbers int[]);
    INSERT INTO items SELECT i, array_fill(1, ARRAY[8192]) FROM generate_series(1, 250) AS i;`);
  assert.ok(await callsOf(scenario) > 1);
});

test("bytes read: small rows whose stored documents are large", async (t) => {
  const scenario = await open(t, `
    CREATE TABLE items (id int PRIMARY KEY, name text);
    INSERT INTO items SELECT i, repeat('x', 900000) FROM generate_series(1, 20) AS i;`);
  assert.equal(await callsOf(scenario), 5);
  await scenario.client.query("UPDATE items SET name = 'short'");
  assert.ok(await callsOf(scenario) > 1);
  assert.equal(await callsOf(scenario), 1);
});
