/**
 * The proof that a database of some shape arrives whole, and that a second run
 * finds nothing to do.
 *
 *   const scenario = await openShape(t, cluster, {
 *     targets: ["employees"], deferred: { employees: ["manager_id"] }, sql: "CREATE TABLE …",
 *   });
 *   const report = await assertArrives(scenario);
 */
import assert from "node:assert/strict";
import { compareDocuments } from "./compare.mjs";
import { upsertsInto } from "./functions.mjs";
import { SALT, assertIds, runImport } from "./imported.mjs";
import { openScenario } from "./scenario.mjs";

/**
 * A test's world, with upserts for its Convex tables and batches so small that
 * references cross them.
 * @param {import("node:test").TestContext} t
 * @param {import("./cluster.mjs").Cluster} cluster
 * @param {{ targets: string[], deferred?: Record<string, string[]>, sql: string, options?: object,
 *   encoding?: string }} shape
 *   `deferred`: by Convex table, the fields that must wait for the second pass; `options` of the server;
 *   `encoding` of the database
 */
export async function openShape(t, cluster, { targets, deferred = {}, sql, options, encoding }) {
  const scenario = await openScenario(t, cluster, {
    functions: upsertsInto(targets), sql, options: { batch_rows: 7, ...options }, encoding,
  });
  return { ...scenario, deferred };
}

/**
 * Migrates, compares every document, and migrates again from a new connection:
 * that reports the same and writes no document. Then the same rows are imported:
 * that reports the same as well, and the documents are those of before but for
 * their ids, which are those of convex_id(). Every row goes.
 * @param {Awaited<ReturnType<typeof openShape>>} scenario
 * @param {{ expected?: Parameters<typeof compareDocuments>[2], imports?: boolean }} [result] what differs from the
 *   defaults; `imports: false` where the ids of the first run are needed afterwards
 * @returns {Promise<object[]>} the report of both runs
 */
export async function assertArrives({ client, connect, convex, migrate, rejects, deferred, folder }, { expected, imports = true } = {}) {
  assert.deepEqual(await deferredByPlan(client), deferred);
  const report = await migrate();
  assert.deepEqual((await rejects()).slice(0, 5), []);
  const total = report[report.length - 1];
  assert.deepEqual({ migrated: total.migrated, failed: total.failed }, { migrated: total.rows_read, failed: 0 });
  const { documents, differences } = await compareDocuments(client, convex, expected);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.equal(documents, total.migrated);
  assert.ok(documents > 0);

  const written = await convex.documentsWritten();
  assert.deepEqual(await migrate("", await connect()), report);
  assert.deepEqual(await convex.documentsWritten(), written);
  if (folder !== undefined) await assertVerifies(client);
  if (!imports) return report;
  await assertImports({ client, convex, rejects }, { expected, report });
  if (folder !== undefined) await assertVerifies(client);
  return report;
}

async function assertImports({ client, convex, rejects }, { expected, report }) {
  const { rows: [{ salted }] } = await client.query("SELECT array_to_string(srvoptions, ',') ~ 'id_salt' AS salted FROM pg_foreign_server WHERE srvname = 'convex'");
  if (!salted) await client.query(`ALTER SERVER convex OPTIONS (ADD id_salt '${SALT}')`);
  const imported = await runImport(client, "replace!");
  assert.deepEqual((await rejects()).slice(0, 5), []);
  const figures = (rows) => rows.map(({ source, target, rows_read, migrated, failed }) => ({ source, target, rows_read, migrated, failed }));
  assert.deepEqual(figures(imported), figures(report));
  const { documents, differences } = await compareDocuments(client, convex, expected);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.equal(documents, imported.at(-1).migrated);
  for (const { source, target } of imported.slice(0, -1)) await assertIds(client, convex, source, target, { most: 3, keyField: expected?.keyField });
  if (!salted) await client.query("ALTER SERVER convex OPTIONS (DROP id_salt)");
}

/**
 * What the extension itself says: every row is in Convex. For functions that it generated.
 * @param {import("pg").Client} client
 */
export async function assertVerifies(client) {
  const { rows } = await client.query("SELECT * FROM public.convex_verify()");
  const { rows: differences } = await client.query("SELECT source::text, key, kind, path FROM public.convex_differences LIMIT 5");
  assert.deepEqual(differences, []);
  for (const row of rows) assert.deepEqual([row.status, row.equal, row.documents], ["pass", row.expected, row.expected]);
}

/** The deferred fields by Convex table, as convex_plan() says. @returns {Promise<Record<string, string[]>>} */
export async function deferredByPlan(client) {
  const { rows } = await client.query(`
    SELECT target, array_agg(substring(reference FROM '^([A-Za-z0-9_]+)') ORDER BY reference) AS fields
      FROM convex_plan(), unnest("references") AS reference WHERE reference LIKE '%(deferred)' GROUP BY target`);
  return Object.fromEntries(rows.map(({ target, fields }) => [target, fields]));
}
