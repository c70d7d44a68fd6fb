/**
 * What is known of runs when they are over: convex_runs, and for runs that failed the server's log.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster } from "../harness/index.mjs";

const sql = `CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item int NOT NULL REFERENCES items, big text NOT NULL DEFAULT '');
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 20) AS i;
  INSERT INTO notes VALUES (1, 1), (2, 2);
  INSERT INTO notes VALUES (3, 3, repeat('x', 2000000));`;

const FIGURES = "rows_read, migrated, failed, orphans, bytes, batches, retries, elapsed, status";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t) => openScenario(t, cluster, { functions: insertsInto(["items", "notes"]), sql, options: { batch_rows: 5 } });

test("convex_runs has the report of each run, and its number is that of its rejects", async (t) => {
  const { client, convex } = await open(t);
  const report = `SELECT source::text, target, ${FIGURES} FROM convex_migrate()`;
  const reports = [];
  for (let run = 0; run < 2; run++) reports.push((await client.query(report)).rows);
  const { rows: runs } = await client.query(`SELECT run, source, target, ${FIGURES} FROM convex_runs ORDER BY run, source`);
  const numbers = [...new Set(runs.map(({ run }) => run))];
  assert.equal(numbers.length, 2);
  for (const [i, number] of numbers.entries()) {
    const kept = runs.filter(({ run }) => run === number).map(({ run, source, ...figures }) => ({ source: source?.replace(/^public\./, "") ?? null, ...figures }));
    assert.deepEqual(kept, reports[i]);
  }
  const { rows: modes } = await client.query("SELECT DISTINCT method, mode FROM convex_runs");
  assert.deepEqual(modes, [{ method: "mutation", mode: null }]);
  const { rows: about } = await client.query(`
    SELECT DISTINCT role = current_user AS mine, server, deployment, ended - began = elapsed AS whole FROM convex_runs WHERE source IS NULL`);
  assert.deepEqual(about, [{ mine: true, server: "convex", deployment: convex.instance, whole: true }]);
  const { rows: rejects } = await client.query("SELECT key, run FROM convex_rejects");
  assert.deepEqual(rejects, [{ key: "3", run: numbers[1] }]);
});

test("a run that fails is not in convex_runs: a line of the log says what it left in Convex", async (t) => {
  const { client, convex, migrateFails } = await open(t);
  await convex.control("faults", [{ match: { path: "migrate:migrateNotes", nth: 1 }, fault: { kind: "status", status: 403 } }]);
  await migrateFails();
  assert.deepEqual((await client.query("SELECT FROM convex_runs")).rows, []);
  const log = readFileSync(`${cluster.directory}/log`, "utf8");
  const [, detail] = log.match(new RegExp(
    `LOG: {2}convex_migrate\\(\\) into deployment "${convex.instance}" failed after .*; what is in Convex stays there\\n.*DETAIL: {2}(.*\\n.*)\\n`));
  assert.match(detail, /items: 20 migrated, 0 failed\n\tnotes: 0 migrated/);
});

test("who sees it: the role, its members, and superusers", async (t) => {
  const { client } = await open(t);
  await client.query("SELECT FROM convex_migrate()");
  await client.query("CREATE ROLE history_reader");
  t.after(() => client.query("RESET ROLE; DROP ROLE history_reader"));
  await client.query("UPDATE convex_run_rows SET role = 'gone' WHERE source IS NULL");
  const seen = async () => (await client.query("SELECT DISTINCT role FROM convex_runs ORDER BY role")).rows.map(({ role }) => role);
  assert.deepEqual(await seen(), ["gone", "postgres"]);
  await client.query("SET ROLE history_reader");
  assert.deepEqual(await seen(), []);
  await assert.rejects(client.query("SELECT FROM convex_run_rows"), /permission denied/);
});

test("of each server the last 1,000 runs are kept", async (t) => {
  const { client } = await open(t);
  await client.query(`INSERT INTO convex_run_rows
    SELECT -i, 'postgres', server, 'local', now(), now(), 'mutation', NULL, source, NULL, 1, 1, 0, 0, 1, 1, 0, '1 s'
    FROM generate_series(1, 1005) AS i, unnest(ARRAY['convex', 'another']) AS server, unnest(ARRAY['public.items', NULL]) AS source`);
  await client.query("SELECT FROM convex_migrate()");
  const { rows } = await client.query("SELECT server, count(DISTINCT run)::int AS runs, min(run)::int AS first FROM convex_runs GROUP BY 1 ORDER BY 1");
  assert.deepEqual(rows, [{ server: "another", runs: 1005, first: -1005 }, { server: "convex", runs: 1000, first: -999 }]);
});
