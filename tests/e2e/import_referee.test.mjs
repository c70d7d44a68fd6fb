/**
 * Convex's own tool as the referee of method import: a file of convex_export() that `npx convex import` loads, and what
 * `npx convex export` has of deployments that convex_migrate() filled by either method, are the same documents.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { readZip } from "../convex/import/zip.mjs";
import { exportFolder } from "../harness/exported.mjs";
import { generate, openScenario, loadMessaging, prepareDatabase, startCluster, startConvex } from "../harness/index.mjs";
import { makeProject, runTool } from "../harness/deploy.mjs";
import { SALT, runImport } from "../harness/imported.mjs";

const SIZES = { contacts: 20, conversations: 30, messages: 80, notes: 10 };
const RICH = `
  CREATE TABLE rich (id int PRIMARY KEY, parent int REFERENCES rich, big int8, octets bytea, floating float8, words text[], document jsonb, created_at timestamptz);
  INSERT INTO rich VALUES
    (1, 1, 9223372036854775807, '\\x00ff', 'NaN', '{"", "é"}', '{"a": [1, null, {"b": 2.5}]}', '2020-01-02 03:04:05.678+00'),
    (2, 3, -1, '', '-0', '{}', '{}', '1969-01-01'), (3, 1, 0, NULL, 'Infinity', NULL, 'null', NULL), (4, NULL, 5, '\\x01', 5, '{a}', '"t"', 'infinity')`;

const folder = exportFolder();
let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** The documents of a deployment, or of a file, as lines by table. */
async function linesOf(path) {
  const lines = {};
  for (const { name, read } of await readZip(readFileSync(path))) {
    const [, table] = /^([^_][^/]*)\/documents\.jsonl$/.exec(name) ?? [];
    if (table !== undefined) lines[table] = (await read()).toString().split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }
  return lines;
}

/** Documents in the order of their keys, without the times of the import. */
function comparable(lines, { ids = true } = {}) {
  const keyOf = new Map(Object.values(lines).flat().map(({ _id, supabaseId }) => [_id, `document ${supabaseId}`]));
  const named = (value) => (typeof value === "string" && !ids ? (keyOf.get(value) ?? value) : value);
  return Object.fromEntries(Object.entries(lines).sort().map(([table, documents]) => [table, documents
    .map(({ _id, _creationTime, ...fields }) => ({ ...(ids ? { _id } : {}), ...Object.fromEntries(Object.entries(fields).sort().map(([name, value]) => [name, named(value)])) }))
    .sort((a, b) => (a.supabaseId < b.supabaseId ? -1 : 1))]));
}

test("three ways, one result", { timeout: 600_000 }, async (t) => {
  const { client, convex, database } = await openScenario(t, cluster, {});
  await client.query("DROP EXTENSION convex_migrate CASCADE");
  await loadMessaging(cluster, { database, sizes: SIZES });
  await client.query(RICH);
  await prepareDatabase(client, convex, { id_salt: SALT, int8: "int64" });
  const functions = await generate(client);
  const others = await Promise.all([startConvex({}), startConvex({})]);
  t.after(() => Promise.all(others.map((other) => other.stop())));
  for (const deployment of [convex, ...others]) await deployment.control("functions", { directory: functions });
  const [byTool, byMutation] = others;
  const project = makeProject();
  const exportOf = async (deployment, name) => {
    await runTool(project, ["export", "--path", `${project}/${name}.zip`], deployment);
    return await linesOf(`${project}/${name}.zip`);
  };

  const total = (await runImport(client)).at(-1);
  assert.equal(total.failed, 0);
  const file = `${folder}/all.zip`;
  await client.query("SELECT convex_export($1)", [file]);
  await runTool(project, ["import", "--replace", "--yes", file], byTool);

  const imported = await exportOf(convex, "imported");
  assert.equal(Object.values(imported).flat().length, total.migrated);
  assert.deepEqual(comparable(imported), comparable(await exportOf(byTool, "loaded")));
  assert.deepEqual(comparable(imported), comparable(await linesOf(file)));
  const timed = ({ contacts }) => Object.fromEntries(contacts.map(({ _id, _creationTime }) => [_id, _creationTime]));
  assert.deepEqual(timed(imported), timed(await linesOf(file)));

  await client.query(`CREATE SERVER other FOREIGN DATA WRAPPER convex_migrate OPTIONS (url '${byMutation.url}', int8 'int64')`);
  await client.query(`CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (deploy_key '${byMutation.deployKey}')`);
  const { rows } = await client.query("SELECT sum(failed)::int AS failed FROM convex_migrate('other')");
  assert.equal(rows[0].failed, 0);
  assert.deepEqual(comparable(imported, { ids: false }), comparable(await exportOf(byMutation, "mutated"), { ids: false }));
});
