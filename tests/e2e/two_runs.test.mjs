/**
 * Two runs at once into one deployment: the second is refused at once and told
 * which process is in the way, whichever database of the cluster it is in.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  errorOf, openScenario, prepareDatabase, startCluster, textsOf, until, upsertsInto,
} from "../harness/index.mjs";

const sql = "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 30);";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** A scenario whose first run waits for its second batch until it is cancelled. */
async function openWaiting(t) {
  const scenario = await openScenario(t, cluster, {
    functions: upsertsInto(["items"]), sql, options: { batch_rows: 10, concurrency: 1 },
  });
  await scenario.convex.control("faults", [
    { match: { path: "migrate:migrateItems", nth: 2, times: 1 }, fault: { kind: "hang" } }]);
  const other = await scenario.connect();
  /** Starts the run; the result ends it. */
  const startRun = async () => {
    const failed = scenario.migrateFails();
    await scenario.faultStruck();
    return async () => {
      await other.query("SELECT pg_cancel_backend($1)", [scenario.client.processID]);
      assert.equal((await failed).code, "57014");
      // PostgreSQL sends the ERROR before it aborts the transaction, which
      // releases the lock of the run; the next answer comes after that.
      await scenario.client.query("SELECT 1");
    };
  };
  return { ...scenario, other, startRun };
}

function assertRefused(error, { client }) {
  assert.equal(error.code, "55006", textsOf(error));
  assert.ok(textsOf(error).includes(String(client.processID)), textsOf(error));
  assert.ok(error.hint);
}

test("another session of the same database", async (t) => {
  const scenario = await openWaiting(t);
  const { other, migrate, migrateFails, keys, startRun } = scenario;
  const endRun = await startRun();
  assertRefused(await migrateFails("", other), scenario);
  await endRun();
  assert.equal((await migrate("", other))[0].migrated, 30);
  assert.equal((await keys("items")).length, 30);
});

test("another spelling of the URL is the same deployment", async (t) => {
  const scenario = await openWaiting(t);
  const { other, convex, migrateFails, startRun } = scenario;
  const { port } = new URL(convex.url);
  await other.query(`CREATE SERVER spelled FOREIGN DATA WRAPPER convex_migrate OPTIONS (url '${convex.url}')`);
  await other.query(`CREATE USER MAPPING FOR CURRENT_USER SERVER spelled OPTIONS (deploy_key '${convex.deployKey}')`);
  const endRun = await startRun();
  for (const url of [`HTTP://LOCALHOST:${port}/`, `http://localhost:${port}`, `http://127.0.0.1:${port}//`, `http://127.1.2.3:${port}`]) {
    await other.query(`ALTER SERVER spelled OPTIONS (SET url '${url}')`);
    assertRefused(await migrateFails("'spelled'", other), scenario);
  }
  await endRun();
});

test("so it is in the cloud: each run waits for a table's lock, before anything is sent", async (t) => {
  const scenario = await openScenario(t, cluster, { sql, deployKey: "dev:happy-animal-123|x" });
  const { client, connect, migrateFails } = scenario;
  const [holder, other] = [await connect(), await connect()];
  await client.query("ALTER SERVER convex OPTIONS (SET url 'https://happy-animal-123.convex.cloud')");
  await other.query(`CREATE SERVER spelled FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'https://x.convex.cloud');
    CREATE USER MAPPING FOR CURRENT_USER SERVER spelled OPTIONS (deploy_key 'dev:happy-animal-123|x')`);
  await holder.query("BEGIN; LOCK TABLE items");
  const failed = migrateFails();
  await until(async () => (await holder.query("SELECT FROM pg_locks WHERE NOT granted")).rows.length > 0);
  for (const url of [
    "https://happy-animal-123.convex.cloud/", "https://happy-animal-123.convex.cloud:443", "HTTPS://Happy-Animal-123.CONVEX.cloud",
    "https://happy-animal-123.convex.cloud.", "https://happy-animal-123.convex.cloud.:443//",
  ]) {
    // One that is not refused waits for the table as well.
    await other.query("SET lock_timeout = '5s'");
    await other.query(`ALTER SERVER spelled OPTIONS (SET url '${url}')`);
    assertRefused(await migrateFails("'spelled'", other), scenario);
  }
  await holder.query("SELECT pg_cancel_backend($1)", [client.processID]);
  assert.equal((await failed).code, "57014");
});

test("a session of another database", async (t) => {
  const scenario = await openWaiting(t);
  const { startRun } = scenario;
  const elsewhere = await cluster.connect();
  await elsewhere.query(sql);
  await prepareDatabase(elsewhere, scenario.convex);
  const endRun = await startRun();
  assertRefused(await errorOf(elsewhere.query("SELECT * FROM convex_migrate()")), scenario);
  await endRun();
  await elsewhere.query("SELECT * FROM convex_migrate()");
});

test("a run that is over but not committed yet", async (t) => {
  const scenario = await openScenario(t, cluster, { functions: upsertsInto(["items"]), sql });
  const { client, connect, migrate, migrateFails } = scenario;
  const other = await connect();
  await client.query("BEGIN");
  await migrate();
  assertRefused(await migrateFails("", other), scenario);
  await client.query("ROLLBACK");
  assert.equal((await migrate("", other))[0].migrated, 30);
});

test("runs into two deployments do not disturb each other", async (t) => {
  const one = await openWaiting(t);
  const two = await openScenario(t, cluster, { functions: upsertsInto(["items"]), sql });
  const endRun = await one.startRun();
  assert.equal((await two.migrate())[0].migrated, 30);
  await endRun();
});
