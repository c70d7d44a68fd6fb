/**
 * Method import, before anything is uploaded: rights of the key, the age of the server, tables that are not deployed,
 * a schema of other tables, indexes that are being made, indexes for searches; an import without the right to watch it.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { errorOf, openGenerated, openScenario, startCluster, upsertsInto } from "../harness/index.mjs";
import { SALT, collectNotices, runImport } from "../harness/imported.mjs";

const ITEMS = `
  CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, note text);
  INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 30) n`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const openItems = (t, others = {}) => openGenerated(t, cluster, { sql: ITEMS, options: { id_salt: SALT }, ...others });

/** The import fails, and has uploaded nothing. */
async function refused({ client, convex }, mode) {
  const error = await errorOf(runImport(client, mode));
  assert.equal((await convex.control("stats")).requests["/api/import/start_upload"], undefined);
  assert.equal((await convex.control("stats")).requests["/api/import"], undefined);
  assert.match(error.where ?? error.message, /where nothing was changed|import/);
  return error;
}

test("a key without the rights is told which ones, and one that cannot watch imports in one request", async (t) => {
  const world = await openItems(t);
  const { client, convex } = world;
  await convex.control("keys", [{ operations: ["ViewBackups", "WriteData"] }]);
  const error = await refused(world);
  assert.equal(error.code, "28000");
  assert.equal(error.detail, "An import needs these as well: deployment:backups:import, deployment:data:view.");
  await convex.control("keys", [{ operations: ["ImportBackups", "ViewData"] }]);
  const report = await runImport(client);
  assert.equal(report.at(-1).migrated, 30);
  const { requests } = await convex.control("stats");
  assert.equal(requests["/api/import"], 1);
  assert.equal(requests["/api/import/start_upload"], undefined);
  // What Convex refuses then is said as well.
  await client.query("INSERT INTO items VALUES (99, 'more')");
  const twice = await errorOf(runImport(client, "append"));
  assert.match(twice.message, /did not carry out the import/);
  assert.match(twice.detail, /ImportFailed/);
});

test("a server of before 11 March 2026", async (t) => {
  const world = await openItems(t);
  await world.convex.control("version", { version: "precompiled-2026-03-10-0123abc" });
  const error = await refused(world);
  assert.equal(error.code, "0A000");
  assert.match(error.detail, /^It is of 2026-03-10\./);
  await world.convex.control("version", { version: "precompiled-2026-03-11-0123abc" });
  assert.equal((await runImport(world.client)).at(-1).migrated, 30);
});

test("tables that are not deployed, also those that are only pointed to", async (t) => {
  const { client, convex } = await openScenario(t, cluster, {
    functions: upsertsInto(["children"]), options: { id_salt: SALT },
    sql: "CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents)",
  });
  const error = await refused({ client, convex });
  assert.equal(error.code, "55000");
  assert.match(error.detail, /^"parents"\. Tables that only an import makes have no indexes\.$/);
  assert.match((await errorOf(runImport(client, undefined, "tables => '{children}'"))).detail, /^"parents"\./);
});

test("a schema of other tables", async (t) => {
  const world = await openItems(t);
  await world.client.query("ALTER TABLE items ALTER note TYPE int USING 1, ADD color text");
  const error = await refused(world);
  assert.match(error.message, /^the schema of deployment ".*" would refuse the rows of the tables as they are now$/);
  assert.match(error.detail, /field "note": deployed as v\.optional\(v\.string\(\)\); the table has it as v\.optional\(v\.number\(\)\)\.\n.*field "color": not deployed/);
});

test("a schema that is not enforced refuses nothing", async (t) => {
  const { client, convex, folder } = await openItems(t);
  const schema = readFileSync(`${folder}/schema.ts`, "utf8").replace(/name: v\.string\(\)/, "name: v.number()");
  writeFileSync(`${folder}/schema.ts`, schema.replace("defineSchema(tables)", "defineSchema(tables, { schemaValidation: false })"));
  await convex.control("functions", { directory: folder });
  assert.equal((await runImport(client)).at(-1).migrated, 30);
});

test("an index that is being made", async (t) => {
  const world = await openItems(t);
  await world.convex.control("indexes", { backfilling: ["items.by_supabaseId"] });
  const error = await refused(world);
  assert.match(error.message, /^indexes of deployment ".*" are still being made$/);
  assert.equal(error.detail, 'Index "by_supabaseId" of table "items".');
  await world.convex.control("indexes", { backfilling: [] });
  assert.equal((await runImport(world.client)).at(-1).migrated, 30);
});

test("indexes for searches, and staged ones, are warned of", async (t) => {
  const { client, convex, folder } = await openItems(t);
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema.replace('.index("by_supabaseId"',
    '.searchIndex("find", { searchField: "name" })\n    .index("by_name", { fields: ["name"], staged: true })\n    .index("by_supabaseId"'));
  await convex.control("functions", { directory: folder });
  const notices = collectNotices(client);
  await runImport(client);
  const warnings = notices.filter(({ severity }) => severity === "WARNING");
  assert.deepEqual(warnings.map(({ message, detail }) => [message, detail]), [
    ["the import fills indexes for searches, which is slow", 'Index "find" of table "items".'],
    ["the import takes away staged indexes", 'Index "by_name" of table "items".'],
  ]);
});

test("ids need a secret, and are refused before the deployment is asked", async (t) => {
  const world = await openGenerated(t, cluster, { sql: ITEMS });
  const error = await refused(world);
  assert.match(error.hint, /id_salt/);
});

test("a table that is pointed to and not part of the run must have ids that are computed", async (t) => {
  const world = await openGenerated(t, cluster, {
    options: { id_salt: SALT },
    sql: `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents);
      INSERT INTO parents SELECT generate_series(1, 5); INSERT INTO children SELECT n, 1 + n % 5 FROM generate_series(1, 20) n`,
  });
  const { client, convex } = world;
  const children = "tables => '{children}'";
  for (const before of ["SELECT", "SELECT convex_migrate(tables => '{parents}')"]) {
    await client.query(before);
    const error = await errorOf(runImport(client, undefined, children));
    assert.equal(error.message, "rows point to tables that no import has filled");
    assert.equal(error.detail, 'Table "parents", which becomes "parents".');
    assert.equal((await convex.control("stats")).requests["/api/import/start_upload"], undefined);
  }
  await runImport(client, "replace!", "tables => '{parents}'");
  await runImport(client, undefined, children);
  const ids = new Map((await convex.tableData("parents")).map(({ _id, supabaseId }) => [_id, supabaseId]));
  for (const { parent, supabaseId } of await convex.tableData("children")) assert.equal(ids.get(parent), String(1 + (supabaseId % 5)));
});
