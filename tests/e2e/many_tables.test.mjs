/**
 * More tables than a deployment takes: convex_check() says so.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { prepareDatabase, startCluster } from "../harness/index.mjs";

/** Tables that a deployment takes, CM_MAX_TABLES of src/value/value.h. */
const LIMIT = 10_000;
/** Statements in one transaction of the test, so that locks are few. */
const AT_ONCE = 500;

let cluster;

before(async () => {
  cluster = await startCluster({ settings: ["max_locks_per_transaction = 512"] });
});

after(() => cluster?.stop());

test("a table too many is an error of the check, the last one that fits is not", async () => {
  const client = await cluster.connect();
  await prepareDatabase(client, { url: "http://127.0.0.1:1", deployKey: "dev:nobody|x" }, { schemas: "app" });
  await client.query("CREATE SCHEMA app");
  for (let from = 1; from <= LIMIT; from += AT_ONCE) {
    await client.query(`DO $$BEGIN FOR i IN ${from}..${from + AT_ONCE - 1} LOOP
      EXECUTE format('CREATE TABLE app.t%s (id int)', i); END LOOP; END$$`);
  }
  const problems = async () => {
    const { rows } = await client.query("SELECT severity, hint FROM convex_check() WHERE problem = 'too_many_tables'");
    return rows;
  };
  assert.deepEqual(await problems(), []);
  await client.query("CREATE TABLE app.another (id int)");
  const [{ severity, hint }, ...others] = await problems();
  assert.equal(severity, "error");
  assert.match(hint, /10,000/);
  assert.deepEqual(others, []);
  await client.end();
});
