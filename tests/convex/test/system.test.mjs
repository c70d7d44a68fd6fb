/** System functions that tools use, and deploying functions anew. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { deployForTests, FUNCTIONS, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests();
const directory = await mkdtemp(path.join(tmpdir(), "convex-functions-"));
after(() => rm(directory, { recursive: true }));

const insertMany = (table, documents) => run(convex, "mutation", "store:insertMany", { table, documents });

test("sizes and names of tables", async () => {
  await insertMany("loose", [{}, {}, {}]);
  await insertMany("parents", [{ name: "x" }]);
  const query = (name, args) => run(convex, "query", `_system/${name}`, args);
  assert.equal(await query("frontend/tableSize", { tableName: "loose" }), 3);
  assert.equal(await query("frontend/tableSize", { tableName: "" }), 0);
  assert.equal(await query("cli/tableSize", { tableName: "missing" }), 0);
  assert.equal(await query("frontend/tableSize:sizeOfAllTables", {}), 4);
  const tables = await query("cli/tables", { paginationOpts: { numItems: 1, cursor: null } });
  assert.deepEqual(
    tables.page.map(({ name }) => name),
    ["loose", "parents", "shapes", "typed"],
  );
});

test("table data comes in pages", async () => {
  await insertMany(
    "loose",
    Array.from({ length: 12 }, (_, n) => ({ n })),
  );
  const seen = [];
  let paginationOpts = { numItems: 5, cursor: null };
  for (;;) {
    const args = { table: "loose", order: "asc", paginationOpts };
    const { page, isDone, continueCursor } = await run(convex, "query", "_system/cli/tableData", args);
    seen.push(...page.map(({ n }) => n));
    if (isDone) break;
    paginationOpts = { numItems: 5, cursor: continueCursor };
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 12 }, (_, n) => n),
  );
});

test("apiSpec lists user functions with their validators", async () => {
  const spec = await run(convex, "query", "_system/cli/modules:apiSpec", {});
  const find = (identifier) => spec.find((one) => one.identifier === identifier);
  assert.deepEqual(find("store.js:remove"), {
    identifier: "store.js:remove",
    functionType: "Mutation",
    visibility: { kind: "public" },
    args: { type: "object", value: { id: { fieldType: { type: "string" }, optional: false } } },
    returns: { type: "any" },
  });
  assert.deepEqual(find("store.js:fail").visibility, { kind: "internal" });
  assert.deepEqual(find("store.js:returnsString").returns, { type: "string" });
  assert.deepEqual(find("store.js:noArgsValidator").args, { type: "any" });
  assert.equal(find("store.js:insertByAction").functionType, "Action");
  assert.ok(spec.every((one) => !one.identifier.startsWith("_system")));
});

test("getSchemas shows the active schema", async () => {
  const { active, inProgress } = await run(convex, "query", "_system/frontend/getSchemas", {});
  const { tables, schemaValidation } = JSON.parse(active);
  assert.equal(schemaValidation, true);
  assert.equal(inProgress, undefined);
  assert.deepEqual(
    tables.map(({ tableName }) => tableName),
    ["loose", "parents", "shapes", "typed"],
  );
  assert.deepEqual(tables[1].documentType.value.name, { fieldType: { type: "string" }, optional: false });
});

test("addDocument inserts all or nothing, createTable makes an empty table", async () => {
  const add = (documents) =>
    post(convex, "/api/mutation", {
      path: "_system/frontend/addDocument",
      args: { table: "parents", documents },
    });
  assert.deepEqual((await add([{ name: "a" }, { name: "b" }])).json.value, { success: true });
  const refused = (await add([{ name: "c" }, { name: 1 }])).json;
  assert.equal(refused.status, "error");
  assert.match(refused.errorData, /does not match the schema/);
  assert.equal((await add(Array(4097).fill({ name: "x" }))).json.value.success, false);
  assert.equal(await run(convex, "query", "_system/cli/tableSize", { tableName: "parents" }), 2);
  await run(convex, "mutation", "_system/frontend/createTable", { table: "made" });
  assert.equal((await run(convex, "query", "_system/frontend/getTableMapping"))[10005], "made");
});

test("arguments of system functions are checked", async () => {
  assert.match(
    await runError(convex, "query", "_system/cli/tableSize", {}),
    /missing the required field `tableName`/,
  );
});

async function deploy(files) {
  await rm(directory, { recursive: true });
  await mkdtempAt(directory);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
  return await post(convex, "/local/functions", { directory });
}

async function mkdtempAt(folder) {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(path.join(folder, "sub"), { recursive: true });
}

const SCHEMA = (validator, index) =>
  `import { defineSchema, defineTable } from "convex/server"; import { v } from "convex/values";
   export default defineSchema({ parents: defineTable({ name: ${validator} }).index("by_name", ["${index}"]) });`;
const BY_NAME = `import { query } from "./_generated/server";
   export const byName = query(async (ctx, { name }) =>
     await ctx.db.query("parents").withIndex("by_name", (q) => q.eq("name", name)).collect());`;

test("functions can be replaced while the data stays; new indexes are built", async () => {
  await insertMany("parents", [{ name: "b" }, { name: "a" }]);
  const files = {
    "schema.ts": SCHEMA("v.string()", "name"),
    "find.ts": BY_NAME,
    "sub/deep.ts": BY_NAME,
    "x.test.ts": "throw 1",
  };
  assert.equal((await deploy(files)).status, 200);
  assert.equal((await run(convex, "query", "find:byName", { name: "a" })).length, 1);
  assert.equal((await run(convex, "query", "sub/deep:byName", { name: "b" })).length, 1);
  assert.equal((await run(convex, "query", "sub/deep:byName", { name: "c" })).length, 0);
  assert.match(
    await runError(convex, "query", "store:all", { table: "parents" }),
    /Could not find public function/,
  );
});

test("a deployment that does not fit is refused and changes nothing", async () => {
  await post(convex, "/local/functions", { directory: FUNCTIONS });
  await insertMany("parents", [{ name: "a" }]);
  const wrongType = await deploy({ "schema.ts": SCHEMA("v.number()", "name") });
  assert.equal(wrongType.status, 400);
  assert.match(
    wrongType.json.message,
    /^Document with ID ".*" in table "parents" does not match the schema: .*\nPath: \.name\n/,
  );
  const wrongIndex = await deploy({ "schema.ts": SCHEMA("v.string()", "other") });
  assert.match(
    wrongIndex.json.message,
    /the index "by_name" is invalid because it references the field "other"/,
  );
  assert.match((await deploy({ "bad.ts": "export const x = ;" })).json.message, /Unexpected ";"/);
  assert.match(
    (await post(convex, "/local/functions", { directory: "/no/such" })).json.message,
    /\/no\/such is no folder/,
  );
  assert.equal((await run(convex, "query", "store:all", { table: "parents" })).length, 1);
});
