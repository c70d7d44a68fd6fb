/**
 * Runs with generated functions: recognised as such, repeated, cut off, raced, and with what the app has made of them
 * since. What any shape of database becomes is in shapes.test.mjs.
 */
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

/** The first block of code in TypeScript below a heading of docs/generated.md. */
function blockBelow(heading) {
  const page = readFileSync(new URL("../../docs/generated.md", import.meta.url), "utf8");
  const [, indent, text] = /^( *)```ts\n([\s\S]*?)^ *```$/m.exec(page.slice(page.indexOf(`\n## ${heading}\n`)));
  return text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
}

test("tables of the app's own, and an end without old keys, as docs/generated.md has them", async (t) => {
  const scenario = await openScenario(t, cluster, { sql, options: { batch_rows: 7 } });
  const { convex } = scenario;
  const folder = await generate(scenario.client);
  const edit = (change) => writeFileSync(`${folder}/tables.ts`, change(readFileSync(`${folder}/tables.ts`, "utf8")));
  const deployAll = () => deploy(folder, convex, { args: ["--typecheck", "enable"] });
  renameSync(`${folder}/schema.ts`, `${folder}/tables.ts`);
  writeFileSync(`${folder}/schema.ts`, blockBelow("Tables of your own"));
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: TOOL_OPTIONS }));
  await deployAll();
  await assertArrives({ ...scenario, deferred });

  rmSync(`${folder}/migrate.ts`);
  edit((text) => text.replaceAll("supabaseId: v.string()", "supabaseId: v.optional(v.string())")
    .replaceAll(/\s*\.index\("by_supabaseId", \["supabaseId"\]\)/g, ""));
  writeFileSync(`${folder}/forget.ts`, blockBelow("When the move is over"));
  await deployAll();
  for (const table of ["parents", "items"])
    assert.equal(await convex.mutation("forget:oldKeys", { table, cursor: null }), null);
  edit((text) => text.replaceAll(/\n *supabaseId: v.optional\(v.string\(\)\),/g, ""));
  rmSync(`${folder}/forget.ts`);
  await deployAll();
  const items = await convex.tableData("items");
  assert.equal(items.length, 60);
  assert.ok(items.every((item) => !("supabaseId" in item)));
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

/** Deploys the generated functions with other texts. */
async function deployChanged({ convex, folder }, ...changes) {
  const path = `${folder}/migrate.ts`;
  let text = readFileSync(path, "utf8");
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
  await convex.control("functions", { directory: folder });
}

const CONTRACT = "    contract: 4,\n";

test("functions of an earlier version: all rows arrive, and a NOTICE says that there are later ones", async (t) => {
  const scenario = await open(t);
  const { client, convex, migrate } = scenario;
  // before there were numbers, an upsert did not say what is new
  await deployChanged(scenario, [CONTRACT, ""], [", inserted: true }", " }"]);
  await convex.control("faults", [{ match: { path: "migrate:migrateItems", nth: 2 }, fault: { kind: "reset_after" } }]);
  assert.equal((await migrate()).at(-1).retries, 1);
  assert.equal(await assertComplete(scenario), 70);
  const notices = client.notices.filter(({ message }) => /earlier version/.test(message));
  assert.deepEqual(notices.map(({ severity, message, detail }) => [severity, message, detail]), [[
    "NOTICE",
    `the functions of deployment "${convex.instance}" were written by an earlier version of convex_migrate`,
    "They have contract 1, this version has contract 4. The run goes on: what it calls is the same in both.",
  ]]);
  assert.match(notices[0].hint, /^Write convex\/migrate\.ts again by convex_functions\(\), then run "npx convex deploy /);
});

for (const [what, changes] of [
  ["", []],
  [", which call the functions otherwise", [["export const complete", "export const link"]]],
]) {
  test(`functions of a later version${what}: nothing is sent`, async (t) => {
    const scenario = await open(t);
    const { convex, migrateFails } = scenario;
    await deployChanged(scenario, [CONTRACT, "    contract: 5,\n"], ...changes);
    const error = await migrateFails();
    assert.equal(error.code, "55000");
    assert.equal(
      error.message, `the functions of deployment "${convex.instance}" were written by a later version of convex_migrate`,
    );
    assert.equal(error.detail, "They have contract 5, this version has contract 4.");
    assert.match(error.hint, /^Update convex_migrate; or write convex\/migrate\.ts again by convex_functions\(\), then run /);
    assert.equal((await convex.tableData("parents")).length, 0);
  });
}

test("functions of this version say so: no NOTICE", async (t) => {
  const { client, migrate } = await open(t);
  await migrate();
  assert.deepEqual(client.notices.filter(({ message }) => /version/.test(message)), []);
});

test("a key that two documents have: its row is rejected alone, the others of its batch arrive", async (t) => {
  const { client, convex, migrate, rejects } = await open(t, { options: { batch_rows: 10 } });
  const twice = { supabaseId: "3", name: "twice" };
  await convex.mutation("_system/frontend/addDocument", { table: "parents", documents: [twice, twice] });
  await client.query("TRUNCATE items");
  const report = await migrate();
  assert.deepEqual(report.map(({ migrated, failed }) => [migrated, failed])[0], [9, 1]);
  const reasons = await rejects();
  assert.deepEqual(reasons.map(({ key }) => key), ["3"]);
  assert.match(reasons[0].reason, /^refused: unique\(\) query returned more than one result/);
  const { functionCalls } = await convex.control("stats");
  assert.equal(functionCalls["migrate:migrateParents"], 1);
});

test("more tables than are written as properties of schema.ts: rows arrive, and a wide schema takes them", async (t) => {
  const { client, migrate, convex, folder } = await openGenerated(t, cluster, {
    sql: `CREATE TABLE t1 (id int PRIMARY KEY, name text); CREATE TABLE t2 (id int PRIMARY KEY, t1_id int REFERENCES t1);
      DO $$ BEGIN FOR n IN 3..101 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', n); END LOOP; END $$;
      INSERT INTO t1 VALUES (1, 'a'), (2, 'b'); INSERT INTO t2 VALUES (1, 2);`,
  });
  assert.match(readFileSync(`${folder}/schema.ts`, "utf8"), /^  get t1\(\) \{$/m);
  assert.deepEqual((await migrate()).at(-1).migrated, 3);
  const [{ t1_id: parent }] = await convex.tableData("t2");
  assert.equal((await convex.tableData("t1")).find(({ _id }) => _id === parent).name, "b");
  await client.query("ALTER TABLE t1 RENAME name TO label");
  await generate(client, { folder });
  const { rows: [{ text }] } = await client.query("SELECT convex_schema(wide => true) AS text");
  writeFileSync(`${folder}/schema.ts`, `${text}\n`);
  await convex.control("functions", { directory: folder });
  assert.equal((await migrate()).at(-1).failed, 0);
  assert.deepEqual((await convex.tableData("t1")).map(({ label }) => label).sort(), ["a", "b"]);
});
