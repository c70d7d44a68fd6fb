/**
 * What the generated functions do, in a local Convex. The project is one with another key field and references that
 * wait for the second pass (staff.mjs).
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startConvex } from "../harness/index.mjs";
import { staffProjects } from "./staff.mjs";

let projects;
let convex;
let department;

before(async () => {
  projects = await staffProjects();
  convex = await startConvex({ functions: projects.reject });
});

after(() => convex?.stop());

beforeEach(async () => {
  await convex.control("reset", {});
  [{ convexId: department }] = await convex.mutation("migrate:migrateDepartments", {
    departments: [{ id: "d1", name: "Sales" }],
  });
});

function employees(...records) {
  const all = records.map((record) => ({ name: "Ada", department_id: department, ...record }));
  return convex.mutation("migrate:migrateEmployees", { employees: all });
}

function complete(...records) {
  return convex.mutation("migrate:complete", { table: "employees", records });
}

/** An employee's document without the system fields and the department. */
async function stored(key) {
  const documents = await convex.tableData("employees");
  const found = documents.filter(({ legacyId }) => legacyId === key);
  assert.equal(found.length, 1);
  const { _id, _creationTime, department_id, ...document } = found[0];
  return document;
}

test("a record becomes a document with its key and fields, in the order sent", async () => {
  const answers = await employees({ id: "2", note: "x" }, { id: "1" });
  const documents = await convex.tableData("employees");
  assert.deepEqual(
    answers,
    documents.map(({ legacyId, _id }) => ({ supabaseId: legacyId, convexId: _id })),
  );
  assert.deepEqual(
    documents.map(({ legacyId }) => legacyId),
    ["2", "1"],
  );
  assert.deepEqual(await stored("2"), { legacyId: "2", name: "Ada", note: "x" });
});

test("the same records again give the same answers and write nothing", async () => {
  const records = [{ id: "1", note: "x" }, { id: "2" }];
  const first = await employees(...records);
  const written = await convex.documentsWritten();
  assert.deepEqual(written, { inserted: 3, patched: 0, replaced: 0, deleted: 0 });
  assert.deepEqual(await employees(...records), first);
  assert.deepEqual(await convex.documentsWritten(), written);
});

test("a changed field is set, an absent one removed, and only that document is written", async () => {
  await employees({ id: "1", note: "x", constructor: 1 }, { id: "2" });
  await employees({ id: "1", name: "Grace" }, { id: "2" });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Grace" });
  assert.equal((await convex.documentsWritten()).patched, 1);
});

test("a field that the app added is no argument, and survives", async () => {
  const [{ convexId }] = await employees({ id: "1", note: "x" });
  await convex.mutation("app:setNickname", { id: convexId, nickname: "Lady" });
  await employees({ id: "1", name: "Grace" });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Grace", nickname: "Lady" });
  await assert.rejects(employees({ id: "1", nickname: "mine" }), /ArgumentValidationError/);
});

test("pending fields stay as they are stored", async () => {
  const [ada, grace] = await employees({ id: "1", _pending: ["manager_id"] }, { id: "2", note: "x" });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada" });
  await complete({ id: "1", convexId: ada.convexId, fields: { manager_id: grace.convexId } });
  const written = await convex.documentsWritten();
  await employees({ id: "1", _pending: ["manager_id"] });
  assert.deepEqual(await convex.documentsWritten(), written);
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada", manager_id: grace.convexId });
  await employees({ id: "1" });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada" });
});

test("complete sets references and removes them, again without a write", async () => {
  const [ada, grace] = await employees({ id: "1", note: "x" }, { id: "2" });
  const set = { id: "1", convexId: ada.convexId, fields: { manager_id: grace.convexId } };
  assert.deepEqual(await complete(set), [{ supabaseId: "1", convexId: ada.convexId }]);
  assert.deepEqual(await stored("1"), {
    legacyId: "1",
    name: "Ada",
    note: "x",
    manager_id: grace.convexId,
  });
  await complete(set);
  assert.equal((await convex.documentsWritten()).patched, 1);
  await complete({ ...set, fields: { manager_id: null } });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada", note: "x" });
});

test("complete takes the old key of a row that is nowhere, where orphans keep it", async (t) => {
  await convex.control("functions", { directory: projects.keep });
  t.after(async () => {
    await convex.control("reset", {});
    await convex.control("functions", { directory: projects.reject });
  });
  const [ada] = await employees({ id: "1" });
  await complete({ id: "1", convexId: ada.convexId, fields: { manager_id: "9" } });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada", manager_id: "9" });
});

test("complete refuses each record that it cannot complete, and only that", async () => {
  const [{ convexId }, gone] = await employees({ id: "1" }, { id: "gone" });
  await convex.mutation("migrate:remove", { table: "employees", keys: ["gone"] });
  const answers = await complete(
    { id: "a", convexId: department, fields: {} },
    { id: "b", convexId: "nonsense", fields: {} },
    { id: "c", convexId: gone.convexId, fields: { manager_id: convexId } },
    { id: "d", convexId, fields: { name: "Eve" } },
    { id: "e", convexId, fields: { constructor: "1" } },
    { id: "f", convexId, fields: { manager_id: department } },
    { id: "g", convexId, fields: { legacyId: "3" } },
    { id: "h", convexId, fields: { manager_id: convexId } },
  );
  assert.deepEqual(
    answers.map(({ supabaseId, error }) => `${supabaseId}: ${error?.split(" because")[0]}`),
    [
      'a: Not an id of table "employees"',
      'b: Not an id of table "employees"',
      `c: Update on nonexistent document ID ${gone.convexId}`,
      'd: Field "name" is not a reference',
      'e: Field "constructor" is not a reference',
      'f: Failed to insert or update a document in table "employees"',
      'g: Field "legacyId" is not a reference',
      "h: undefined",
    ],
  );
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Ada", manager_id: convexId });
});

test("a record that cannot be stored is refused, inserted or updated; the others are stored", async () => {
  const large = { name: "x".repeat(1100000) };
  await employees({ id: "old" });
  const answers = await employees({ id: "1" }, { id: "2", ...large }, { id: "old", ...large }, { id: "3" });
  assert.deepEqual(
    answers.map(({ supabaseId, error }) => [supabaseId, /too large/.test(error)]),
    [
      ["1", false],
      ["2", true],
      ["old", true],
      ["3", false],
    ],
  );
  assert.deepEqual(
    (await convex.tableData("employees")).map(({ legacyId, name }) => `${legacyId} ${name}`),
    ["old Ada", "1 Ada", "3 Ada"],
  );
});

test("a batch that comes twice, or twice at once, is stored once", async () => {
  const records = [{ id: "1" }, { id: "2" }];
  await convex.control("faults", [
    { match: { path: "migrate:migrateEmployees", times: 1 }, fault: { kind: "reset_after" } },
  ]);
  await assert.rejects(employees(...records), /fetch failed/);
  const all = await Promise.all([employees(...records), employees(...records), employees(...records)]);
  assert.deepEqual(all[1], all[0]);
  assert.deepEqual(all[2], all[0]);
  assert.equal((await convex.tableData("employees")).length, 2);
});

test("a key with two documents fails the call: nobody knows which is meant", async () => {
  const document = { legacyId: "twice", name: "x", department_id: department };
  await convex.mutation("_system/frontend/addDocument", { table: "employees", documents: [document, document] });
  await assert.rejects(employees({ id: "0" }, { id: "twice" }), /unique\(\) query returned more than one result/);
  assert.equal((await convex.tableData("employees")).length, 2);
});

test("resolve gives the ids of the keys that there are", async () => {
  const [ada, grace] = await employees({ id: "1" }, { id: "2" });
  const resolve = (keys) => convex.query("migrate:resolve", { table: "employees", keys });
  assert.deepEqual(await resolve(["2", "none", "1"]), [grace, ada]);
  assert.deepEqual(await resolve([]), []);
});

test("remove deletes the documents of the keys", async () => {
  await employees({ id: "1" }, { id: "2" }, { id: "3" });
  const remove = () => convex.mutation("migrate:remove", { table: "employees", keys: ["1", "none", "3"] });
  assert.deepEqual(await remove(), [
    { supabaseId: "1", removed: true },
    { supabaseId: "none", removed: false },
    { supabaseId: "3", removed: true },
  ]);
  assert.deepEqual(
    (await convex.tableData("employees")).map(({ legacyId }) => legacyId),
    ["2"],
  );
  assert.deepEqual(
    (await remove()).map(({ removed }) => removed),
    [false, false, false],
  );
});

test("list gives all documents of a table, page by page", async () => {
  await employees(...Array.from({ length: 25 }, (_, n) => ({ id: String(n) })));
  const pages = [];
  for (let cursor = null, isDone = false; !isDone && pages.length < 5;) {
    const answer = await convex.query("migrate:list", { table: "employees", cursor, numItems: 10 });
    pages.push(answer.page);
    ({ continueCursor: cursor, isDone } = answer);
  }
  assert.deepEqual(pages.map(({ length }) => length).slice(0, 3), [10, 10, 5]);
  assert.deepEqual(pages.flat(), await convex.tableData("employees"));
});

test("list ends a page early where it would be too large", async () => {
  for (let n = 0; n < 20; n += 1) await employees({ id: String(n), note: "x".repeat(1000000) });
  const { page, isDone } = await convex.query("migrate:list", { table: "employees", cursor: null, numItems: 20 });
  assert.ok(page.length > 5 && page.length < 20, String(page.length));
  assert.equal(isDone, false);
});

test("about names the generator", async () => {
  const { fingerprint, ...about } = await convex.query("migrate:about", {});
  assert.deepEqual(about, { generator: "convex_migrate", version: "0.1.0" });
  assert.match(fingerprint, /^[0-9a-f]{16}$/);
});

test("a table or an argument of another name is refused before anything runs", async () => {
  const refused = /ArgumentValidationError/;
  await assert.rejects(convex.query("migrate:list", { table: "others", cursor: null, numItems: 1 }), refused);
  await assert.rejects(convex.query("migrate:resolve", { table: "others", keys: [] }), refused);
  await assert.rejects(convex.mutation("migrate:remove", { table: "others", keys: [] }), refused);
  await assert.rejects(convex.mutation("migrate:complete", { table: "others", records: [] }), refused);
  await assert.rejects(convex.mutation("migrate:migrateEmployees", {}), refused);
  await assert.rejects(employees({ id: "1", supabaseId: "1" }), refused);
  await assert.rejects(employees({ id: "1", note: 1 }), refused);
});

test("without the deploy key none of the functions can be called", async () => {
  const table = "employees";
  const calls = [
    ["query", "about", {}],
    ["query", "list", { table, cursor: null, numItems: 1 }],
    ["query", "resolve", { table, keys: [] }],
    ["mutation", "remove", { table, keys: [] }],
    ["mutation", "complete", { table, records: [] }],
    ["mutation", "migrateEmployees", { employees: [] }],
  ];
  const answers = await Promise.all(
    calls.map(async ([kind, name, args]) => {
      const response = await fetch(`${convex.url}/api/${kind}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ path: `migrate:${name}`, args }),
      });
      return (await response.json()).errorMessage;
    }),
  );
  for (const message of answers) assert.match(message, /Could not find public function/);
});
