/**
 * Runs with generated functions: recognised as such, repeated, cut off, raced, and with what the app has made of them
 * since. What any shape of database becomes is in shapes.test.mjs.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  assertArrives, compareDocuments, deploy, generate, openGenerated, openScenario, startCluster,
} from "../harness/index.mjs";

const sql = `
  CREATE TYPE kind AS ENUM ('small', 'größer');
  CREATE TABLE parents (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, note text, kind kind,
    parent_id int NOT NULL REFERENCES parents, next_id int REFERENCES items);
  INSERT INTO parents SELECT i, 'parent ' || i FROM generate_series(1, 10) AS i;
  INSERT INTO items SELECT i, 'item ' || i, nullif('note ' || i % 3, 'note 0'), 'größer', 1 + i % 10, 61 - i
    FROM generate_series(1, 60) AS i;`;

const deferred = { items: ["next_id"] };

/** What an app adds to a schema: a field of its own in the middle of a table. */
const APP = `
import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
export const setNickname = internalMutation({
  args: { id: v.id("items"), nickname: v.string() },
  handler: (ctx, { id, nickname }) => ctx.db.patch("items", id, { nickname }),
});`;

const TOOL_OPTIONS = {
  strict: true, noEmit: true, target: "ESNext", module: "ESNext", moduleResolution: "Bundler", skipLibCheck: true, types: [],
};

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, world) => openGenerated(t, cluster, { sql, deferred, ...world });

async function assertComplete({ client, convex }, expected) {
  const { documents, differences } = await compareDocuments(client, convex, expected);
  assert.deepEqual(differences.slice(0, 5), []);
  return documents;
}

test("generate, npx convex deploy, migrate, by the official command line tool", async (t) => {
  const scenario = await openScenario(t, cluster, { sql, options: { batch_rows: 7 } });
  const folder = await generate(scenario.client);
  // the tool wants one for its type check
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: TOOL_OPTIONS }));
  await deploy(folder, scenario.convex, { args: ["--typecheck", "enable"] });
  await assertArrives({ ...scenario, deferred });
});

test("another key field, and a module in folders", async (t) => {
  const scenario = await open(t, { options: { key_field: "legacyId", functions: "admin/once/migrate" } });
  await assertArrives(scenario, { expected: { keyField: "legacyId" } });
  const { functionCalls } = await scenario.convex.control("stats");
  assert.ok(functionCalls["admin/once/migrate:complete"] > 0);
});

test("what the app added survives, and a changed row is changed", async (t) => {
  const scenario = await open(t);
  const { client, connect, convex, folder, migrate } = scenario;
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema.replace("    note:", "    nickname: v.optional(v.string()),\n    note:"));
  writeFileSync(`${folder}/app.ts`, APP);
  await convex.control("functions", { directory: folder });
  await migrate();
  const documents = await convex.tableData("items");
  for (const { _id } of documents) await convex.mutation("app:setNickname", { id: _id, nickname: "mine" });
  const { patched } = await convex.documentsWritten();
  await client.query("UPDATE items SET name = 'changed', note = NULL, next_id = NULL WHERE id = 1");
  await migrate("", await connect());
  assert.equal((await convex.documentsWritten()).patched, patched + 1);
  const found = (await convex.tableData("items")).map(({ nickname, ...document }) => {
    assert.equal(nickname, "mine");
    return document;
  });
  const { next_id, ...changed } = found.find(({ supabaseId }) => supabaseId === "1");
  assert.equal(next_id, undefined);
  assert.deepEqual([changed.name, changed.note], ["changed", undefined]);
  const others = await convex.tableData("parents");
  await assertComplete({ client, convex: { tableData: (table) => (table === "items" ? found : others) } });
});

for (const kind of ["reset_after", "truncate"]) {
  test(`batches and second passes that come twice, since their answers are lost: ${kind}`, async (t) => {
    const scenario = await open(t, { options: { concurrency: 3 } });
    const { convex, migrate } = scenario;
    await convex.control("faults", [
      { match: { path: "migrate:migrateItems", every: 3, times: 3 }, fault: { kind } },
      { match: { path: "migrate:complete", every: 2, times: 2 }, fault: { kind } },
    ]);
    const report = await migrate();
    const faults = await convex.control("faults");
    assert.deepEqual(faults.map(({ used }) => used), [3, 2]);
    assert.equal(report.at(-1).retries, 5);
    assert.equal(await assertComplete(scenario), 70);
    assert.equal((await convex.documentsWritten()).inserted, 70);
  });
}

test("somebody else who sends the same rows at the same time", async (t) => {
  const scenario = await open(t, { options: { concurrency: 8 }, convex: { latency: 15 } });
  const { convex, migrate } = scenario;
  await migrate("tables => '{parents}'");
  const parent = (await convex.tableData("parents")).find(({ supabaseId }) => supabaseId === "2");
  // as a session of another cluster would
  const records = Array.from({ length: 60 }, (_, n) => ({
    id: String(n + 1), name: "theirs", parent_id: parent._id, _pending: ["next_id"],
  }));
  const theirs = Array.from({ length: 12 }, (_, n) => convex.mutation("migrate:migrateItems", {
    items: records.slice(n * 5, n * 5 + 5),
  }));
  await Promise.all([migrate(), ...theirs]);
  const documents = await convex.tableData("items");
  assert.equal(new Set(documents.map(({ supabaseId }) => supabaseId)).size, 60);
  assert.equal(documents.length, 60);
  // whoever comes last has the say; each document is from one of both as a whole
  await migrate();
  assert.equal(await assertComplete(scenario), 70);
});

test("functions that do not say that they were generated: an answer that is lost stops the run", async (t) => {
  const scenario = await open(t, { options: { concurrency: 1 } });
  const { convex, folder, migrateFails } = scenario;
  const functions = readFileSync(`${folder}/migrate.ts`, "utf8");
  writeFileSync(`${folder}/migrate.ts`, functions.replace('generator: "convex_migrate"', 'generator: "me"'));
  await convex.control("functions", { directory: folder });
  await convex.control("faults", [{ match: { path: "migrate:migrateItems", nth: 2 }, fault: { kind: "reset_after" } }]);
  const error = await migrateFails();
  assert.match(error.hint, /retry_ambiguous/);
});
