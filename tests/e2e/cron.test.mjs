/**
 * A job of pg_cron in the private cluster runs a migration, ends as succeeded,
 * and leaves nothing secret where pg_cron keeps its jobs and their results.
 *
 * Debian 12 has pg_cron 1.4, which knows no shorter schedule than a minute:
 * this file may wait for that long.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, prepareDatabase, startCluster, startConvex, until, upsertsInto } from "../harness/index.mjs";

const SECRET = "aa11bb22cc33dd44ee55ff6600778899";

let cluster;
let convex;
let client;

before(async () => {
  convex = await startConvex({ functions: upsertsInto(["parents", "children"]), deployKey: `dev:local-convex-000|${SECRET}` });
  cluster = await startCluster({
    settings: ["shared_preload_libraries = 'pg_cron'", "cron.database_name = 'postgres'", "cron.use_background_workers = on"],
  });
  client = await cluster.connect();
  await client.query(`
    CREATE EXTENSION pg_cron;
    CREATE TABLE parents (id int PRIMARY KEY);
    CREATE TABLE children (id int PRIMARY KEY, parent_id int REFERENCES parents);
    INSERT INTO parents SELECT generate_series(1, 100);
    INSERT INTO children SELECT i, 1 + i % 100 FROM generate_series(1, 1000) AS i;`);
  await prepareDatabase(client, convex);
});

after(async () => {
  await cluster?.stop();
  await convex?.stop();
});

/** Runs of jobs that are over, the first one first. */
async function finishedRuns() {
  const { rows } = await client.query(
    "SELECT status, return_message, command FROM cron.job_run_details WHERE end_time IS NOT NULL ORDER BY runid");
  return rows;
}

/** Whether a table or view has the text in any row. */
async function contains(relation, text) {
  const { rows } = await client.query(`SELECT FROM ${relation} AS r WHERE r::text LIKE $1`, [`%${text}%`]);
  return rows.length > 0;
}

test("a job that runs SELECT convex_migrate() succeeds, and has nothing secret", async () => {
  // pg_cron 1.5 and later can do better than once a minute
  const { rows: [{ seconds }] } = await client.query(
    "SELECT string_to_array(split_part(extversion, '-', 1), '.')::int[] >= '{1,5}' AS seconds FROM pg_extension WHERE extname = 'pg_cron'");
  await client.query("SELECT cron.schedule('to convex', $1, 'SELECT convex_migrate()')", [seconds ? "2 seconds" : "* * * * *"]);
  await until(async () => (await finishedRuns()).length > 0, { seconds: 120 });
  const [{ status, return_message, command }] = await finishedRuns();
  assert.equal(status, "succeeded", return_message);
  assert.equal(command, "SELECT convex_migrate()");

  const { documents, differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.equal(documents, 1100);

  assert.ok(await contains("cron.job_run_details", "convex_migrate"));
  for (const relation of ["cron.job", "cron.job_run_details", "pg_stat_activity"]) {
    assert.equal(await contains(relation, SECRET), false, relation);
  }
});
