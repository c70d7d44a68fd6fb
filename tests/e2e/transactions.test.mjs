/**
 * A run inside a transaction: what COMMIT keeps and ROLLBACK takes back, which
 * transactions are refused, and that all tables are read as of one moment.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, insertsInto, openScenario, startCluster, textsOf, until, writeFunctions } from "../harness/index.mjs";

const sql = `
  CREATE TABLE parents (id int PRIMARY KEY, name text);
  CREATE TABLE children (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES parents);
  INSERT INTO parents SELECT i, 'parent ' || i FROM generate_series(1, 40) AS i;
  INSERT INTO children SELECT i, 1 + i % 40 FROM generate_series(1, 100) AS i;`;

const RANGE = (n) => Array.from({ length: n }, (_, i) => String(i + 1));

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, world) => openScenario(t, cluster, { functions: insertsInto(["parents", "children"]), sql, ...world });

/** Not even the questions before the first batch. */
async function assertNothingSent({ convex }) {
  assert.deepEqual((await convex.control("stats")).requests, {});
}

async function assertComplete({ client, convex }) {
  const { documents, differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 5), []);
  return documents;
}

test("BEGIN … COMMIT", async (t) => {
  const scenario = await open(t);
  const { client, migrate } = scenario;
  await client.query("BEGIN");
  await migrate();
  await client.query("COMMIT");
  const { rows } = await client.query("SELECT count(*)::int AS pairs FROM convex_id_map");
  assert.equal(rows[0].pairs, 140);
  assert.equal(await assertComplete(scenario), 140);
});

test("ROLLBACK takes map and rejects back, the documents stay", async (t) => {
  const functions = writeFunctions(`
    import { inserts } from "./records";
    import { mutation } from "./_generated/server";
    export const migrateParents = inserts("parents");
    export const migrateChildren = mutation(async (ctx, { children }) =>
      children.map(({ id }) => ({ supabaseId: id, error: "not today" })));`);
  const { client, migrate, rejects, keys } = await open(t, { functions, options: { concurrency: 1 } });
  await client.query("DELETE FROM children WHERE id > 50");
  await client.query("BEGIN");
  await migrate();
  assert.equal((await rejects()).length, 50);
  await client.query("ROLLBACK");
  assert.deepEqual(await rejects(), []);
  const { rows } = await client.query("SELECT to_regclass('pg_temp.convex_id_map') AS map");
  assert.equal(rows[0].map, null);
  assert.deepEqual(await keys("parents"), RANGE(40));
  // the session can go on: the map is made anew
  await migrate();
  assert.equal((await rejects()).length, 50);
});

test("ROLLBACK of a second run brings the first run's map back", async (t) => {
  const { client, migrate } = await open(t);
  const readMap = async () => (await client.query("SELECT source::text, key, convex_id FROM convex_id_map ORDER BY 1, 2")).rows;
  await migrate();
  const first = await readMap();
  await client.query("BEGIN");
  await migrate();
  assert.notDeepEqual(await readMap(), first);
  await client.query("ROLLBACK");
  assert.deepEqual(await readMap(), first);
});

test("after a write in the same transaction: refused", async (t) => {
  const scenario = await open(t);
  const { client, migrateFails } = scenario;
  await client.query("BEGIN; INSERT INTO parents VALUES (41, 'not committed')");
  const error = await migrateFails();
  assert.equal(error.code, "25001");
  assert.match(error.hint, /Commit first/);
  await client.query("ROLLBACK");
  await client.query("BEGIN; SAVEPOINT here; INSERT INTO parents VALUES (41, 'not committed'); RELEASE here");
  assert.equal((await migrateFails()).code, "25001");
  await client.query("ROLLBACK");
  await assertNothingSent(scenario);
});

test("as part of a statement that writes: refused", async (t) => {
  const scenario = await open(t);
  const { client } = scenario;
  await client.query("CREATE TABLE reports (source text, migrated int8)");
  await assert.rejects(
    client.query(`WITH written AS (INSERT INTO parents VALUES (41, 'not committed') RETURNING id)
      SELECT * FROM written CROSS JOIN convex_migrate()`),
    ({ code }) => code === "25001");
  await assertNothingSent(scenario);
});

test("READ ONLY: refused", async (t) => {
  const scenario = await open(t);
  const { client, migrateFails } = scenario;
  await client.query("BEGIN READ ONLY");
  assert.equal((await migrateFails()).code, "25006");
  await client.query("ROLLBACK; SET default_transaction_read_only = on");
  assert.equal((await migrateFails()).code, "25006");
  await assertNothingSent(scenario);
});

for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
  test(`${level}: rows committed after the snapshot are not sent`, async (t) => {
    const { client, connect, migrate, keys } = await open(t);
    const other = await connect();
    await client.query(`BEGIN ISOLATION LEVEL ${level}; SELECT 1`);
    await other.query(`INSERT INTO parents VALUES (41, 'late'); INSERT INTO children VALUES (101, 41);
      DELETE FROM children WHERE id = 1; UPDATE children SET parent_id = 41 WHERE id = 2`);
    const report = await migrate();
    assert.deepEqual(report.map(({ rows_read, migrated }) => [rows_read, migrated]), [[40, 40], [100, 100], [140, 140]]);
    await client.query("COMMIT");
    assert.deepEqual(await keys("parents"), RANGE(40));
    assert.deepEqual(await keys("children"), RANGE(100));
  });
}

test("REPEATABLE READ: a table truncated after the snapshot is an ERROR, not an empty table", async (t) => {
  const scenario = await open(t);
  const { client, connect, migrateFails } = scenario;
  const other = await connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  await other.query("TRUNCATE children");
  const error = await migrateFails();
  assert.equal(error.code, "40001");
  assert.match(textsOf(error), /children.*truncated/s);
  assert.ok(error.hint);
  await client.query("ROLLBACK");
  await assertNothingSent(scenario);
});

const PARTITION_CHANGES = {
  truncated: "TRUNCATE children_high",
  detached: "ALTER TABLE children DETACH PARTITION children_high",
  attached: "CREATE TABLE children_more PARTITION OF children FOR VALUES FROM (1000) TO (2000)",
};

for (const [change, statement] of Object.entries(PARTITION_CHANGES)) {
  test(`REPEATABLE READ: a partition ${change} after the snapshot is an ERROR`, async (t) => {
    const scenario = await open(t);
    const { client, connect, migrateFails } = scenario;
    await client.query(`
      DROP TABLE children;
      CREATE TABLE children (id int PRIMARY KEY, parent_id int REFERENCES parents) PARTITION BY RANGE (id);
      CREATE TABLE children_low PARTITION OF children FOR VALUES FROM (0) TO (50);
      CREATE TABLE children_high PARTITION OF children FOR VALUES FROM (50) TO (1000);
      INSERT INTO children SELECT n, 1 FROM generate_series(1, 100) n`);
    const other = await connect();
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    await other.query(statement);
    assert.equal((await migrateFails()).code, "40001");
    await client.query("ROLLBACK");
    await assertNothingSent(scenario);
  });
}

const VIEW = "CREATE VIEW below AS SELECT * FROM children; CREATE VIEW items AS SELECT * FROM below";

test("REPEATABLE READ: a table below a view truncated after the snapshot is an ERROR", async (t) => {
  const scenario = await open(t);
  const { client, connect, migrateFails } = scenario;
  await client.query(VIEW);
  const other = await connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  await other.query("TRUNCATE children");
  assert.equal((await migrateFails("tables => '{parents,items}'")).code, "40001");
  await client.query("ROLLBACK");
  await assertNothingSent(scenario);
});

test("READ COMMITTED: a run that waited for a TRUNCATE below a view sees what came after it", async (t) => {
  const { connect, client, migrate, keys } = await open(t, { functions: insertsInto(["items"]) });
  await client.query("CREATE VIEW items AS SELECT id FROM children");
  const other = await connect();
  await other.query("BEGIN; TRUNCATE children; INSERT INTO children VALUES (500, 1)");
  const run = migrate("tables => '{items}'");
  await until(async () => (await other.query(
    "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", [client.processID])).rows.length > 0);
  await other.query("COMMIT");
  const [items] = await run;
  assert.equal(items.migrated, 1);
  assert.equal((await keys("items")).length, 1);
});

test("READ COMMITTED: a run that waited for a TRUNCATE sees what came after it", async (t) => {
  const scenario = await open(t);
  const { connect, client, migrate, keys } = scenario;
  const other = await connect();
  await other.query("BEGIN; TRUNCATE children; INSERT INTO children VALUES (500, 1)");
  const run = migrate();
  await until(async () => (await other.query(
    "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", [client.processID])).rows.length > 0);
  await other.query("COMMIT");
  const [, children] = await run;
  assert.equal(children.migrated, 1);
  assert.deepEqual(await keys("children"), ["500"]);
});

test("rows that others commit during the run are not sent: parents and children of one moment", async (t) => {
  const { convex, connect, migrate, faultStruck, keys } = await open(t);
  const other = await connect();
  await convex.control("faults", [{ match: { path: "migrate:migrateParents", nth: 1 }, fault: { kind: "delay", ms: 1000 } }]);
  const run = migrate();
  await faultStruck();
  // The tables are locked against TRUNCATE and ALTER only.
  await other.query(`BEGIN;
    INSERT INTO parents VALUES (41, 'late'); INSERT INTO children VALUES (101, 41), (102, 1);
    DELETE FROM children WHERE parent_id = 7; DELETE FROM parents WHERE id = 7;
    COMMIT`);
  const report = await run;
  assert.deepEqual(report.map(({ rows_read, migrated, failed }) => [rows_read, migrated, failed]),
    [[40, 40, 0], [100, 100, 0], [140, 140, 0]]);
  assert.deepEqual(await keys("parents"), RANGE(40));
  assert.deepEqual(await keys("children"), RANGE(100));
  const ids = new Map((await convex.tableData("parents")).map(({ supabaseId, _id }) => [supabaseId, _id]));
  for (const { supabaseId, parent_id } of await convex.tableData("children")) {
    assert.equal(parent_id, ids.get(String(1 + Number(supabaseId) % 40)));
  }
});
