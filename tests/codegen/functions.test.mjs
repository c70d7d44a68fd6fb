/**
 * What the generated functions do, in a local Convex. The project is one with another key field and references that
 * wait for the link pass (staff.mjs).
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { startConvex, temporaryFolder } from "../harness/index.mjs";
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

/** Adds documents as the app might, past the generated functions. */
function addEmployees(...documents) {
  return convex.mutation("_system/frontend/addDocument", {
    table: "employees",
    documents: documents.map((document) => ({ name: "Ada", department_id: department, ...document })),
  });
}

/** Deploys another project until the test is over. */
async function deployFor(t, directory) {
  await convex.control("functions", { directory });
  t.after(async () => {
    await convex.control("reset", {});
    await convex.control("functions", { directory: projects.reject });
  });
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
    documents.map(({ legacyId, _id }) => ({ supabaseId: legacyId, convexId: _id, inserted: true })),
  );
  assert.deepEqual(
    documents.map(({ legacyId }) => legacyId),
    ["2", "1"],
  );
  assert.deepEqual(await stored("2"), { legacyId: "2", name: "Ada", note: "x" });
});

test("the same records again give the same ids, say that nothing is new, and write nothing", async () => {
  const records = [{ id: "1", note: "x" }, { id: "2" }];
  const first = await employees(...records);
  const written = await convex.documentsWritten();
  assert.deepEqual(written, { inserted: 3, patched: 0, replaced: 0, deleted: 0 });
  const known = first.map(({ inserted, ...answer }) => answer);
  assert.deepEqual(await employees(...records), known);
  assert.deepEqual(await convex.documentsWritten(), written);
  const [, added] = await employees(records[0], { id: "3" }, records[1]);
  assert.equal(added.inserted, true);
});

test("a changed field is set, an absent one removed, and only that document is written", async () => {
  await employees({ id: "1", note: "x", constructor: 1 }, { id: "2" });
  await employees({ id: "1", name: "Grace" }, { id: "2" });
  assert.deepEqual(await stored("1"), { legacyId: "1", name: "Grace" });
  assert.equal((await convex.documentsWritten()).patched, 1);
});

test("what looks like the stored value but is another is written", async (t) => {
  await deployFor(t, projects.anything);
  const send = (value) => convex.mutation("migrate:migrateThings", { things: [{ id: "1", value }] });
  const bytes = (...all) => Uint8Array.from(all).buffer;
  const values = [0, -0, 0n, false, null, undefined, "0", "", [], [0], [-0], [0n], {}, { a: 0 }, { a: -0 }];
  let patched = 0;
  for (const value of [...values, bytes(), bytes(0), bytes(0, 1), [bytes(1)], NaN, 1]) {
    await send(value);
    const [{ value: stored }] = await convex.tableData("things");
    assert.deepEqual(stored, value);
    assert.equal((await convex.documentsWritten()).patched, patched);
    await send(value);
    assert.equal((await convex.documentsWritten()).patched, patched);
    patched += 1;
  }
});

test("a document that is as it should be is read once", async () => {
  // Read twice they would be more than a transaction may read, 16 MiB.
  const records = Array.from({ length: 10 }, (_, n) => ({ id: `${n}`, note: "x".repeat(900_000) }));
  await employees(...records);
  for (const { error, inserted } of await employees(...records)) assert.deepEqual([error, inserted], [undefined, undefined]);
  await assert.rejects(employees(...records.map((record) => ({ ...record, name: "Grace" }))), /Too many bytes read/);
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
  await deployFor(t, projects.keep);
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

test("a key with two documents refuses its record, and only that: nobody knows which document is meant", async () => {
  await addEmployees({ legacyId: "twice" }, { legacyId: "twice" });
  const answers = await employees({ id: "0" }, { id: "twice", name: "Grace" }, { id: "1" });
  assert.deepEqual(
    answers.map(({ supabaseId, error }) => [supabaseId, error?.split(" from table")[0]]),
    [
      ["0", undefined],
      ["twice", "unique() query returned more than one result"],
      ["1", undefined],
    ],
  );
  assert.deepEqual(
    (await convex.tableData("employees")).map(({ legacyId, name }) => `${legacyId} ${name}`),
    ["twice Ada", "twice Ada", "0 Ada", "1 Ada"],
  );
});

test("resolve gives the ids of the keys that there are", async () => {
  await employees({ id: "1" }, { id: "2" });
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

test("remove refuses a key that comes again, or that two documents have, and only that", async () => {
  await employees({ id: "1" }, { id: "2" }, { id: "3" });
  await addEmployees({ legacyId: "twice" }, { legacyId: "twice" });
  const keys = ["1", "twice", "2", "1", "3"];
  const answers = await convex.mutation("migrate:remove", { table: "employees", keys });
  assert.deepEqual(
    answers.map(({ supabaseId, removed, error }) => [supabaseId, removed ?? error.split(/ (?:from|document)/)[0]]),
    [
      ["1", true],
      ["twice", "unique() query returned more than one result"],
      ["2", true],
      ["1", "Delete on nonexistent"],
      ["3", true],
    ],
  );
  assert.deepEqual(
    (await convex.tableData("employees")).map(({ legacyId }) => legacyId),
    ["twice", "twice"],
  );
});

/** Arguments of "range" for the keys of a whole table, from its beginning. */
const RANGE = {
  table: "employees",
  after: null,
  upTo: null,
  cursor: null,
  numItems: 1000,
  numBytes: 1 << 20,
  keysOnly: true,
};

/** All pages of a range. @returns {Promise<object[][]>} */
async function pagesOf({ between = async () => {}, ...args }) {
  const pages = [];
  for (let cursor = null, isDone = false; !isDone;) {
    const answer = await convex.query("migrate:range", { ...RANGE, ...args, cursor });
    pages.push(answer.page);
    assert.ok(pages.length < 100, "no end");
    ({ continueCursor: cursor, isDone } = answer);
    await between(pages.length);
  }
  return pages;
}

const keysOf = (pages) => pages.flat().map(({ supabaseId }) => supabaseId);

/** In the order of Convex and of COLLATE "C": that of their bytes in UTF-8. JavaScript's is another. */
const KEYS = ["", "B", "a", "a\u0001", "a ", "aa", "b", "\u00e9", "\uff61", "\u{1d4b3}"];

test("range gives the documents with keys after one and up to another, in the order of bytes", async () => {
  await employees(...[...KEYS].reverse().map((id) => ({ id })));
  assert.deepEqual(keysOf(await pagesOf({})), KEYS);
  const bounds = [null, ...KEYS.map((_, n) => n), null];
  for (const [from, first] of bounds.entries()) {
    for (const last of bounds.slice(from + 1)) {
      const args = { after: first === null ? null : KEYS[first], upTo: last === null ? null : KEYS[last] };
      const expected = KEYS.slice(first === null ? 0 : first + 1, last === null ? undefined : last + 1);
      assert.deepEqual(keysOf(await pagesOf(args)), expected, JSON.stringify(args));
    }
  }
  assert.deepEqual(keysOf(await pagesOf({ after: "a", upTo: "B" })), []);
  assert.deepEqual(keysOf(await pagesOf({ after: "a!", upTo: "z" })), ["aa", "b"]);
});

test("range gives keys and ids, and whole documents when they are asked for", async () => {
  const answers = await employees({ id: "1", note: "x" }, { id: "2", constructor: 1 });
  const found = answers.map(({ inserted, ...answer }) => answer);
  assert.deepEqual(await pagesOf({}), [found]);
  const documents = await convex.tableData("employees");
  const withDocuments = found.map((answer, n) => ({ ...answer, document: documents[n] }));
  assert.deepEqual(await pagesOf({ keysOnly: false }), [withDocuments]);
});

test("range neither loses nor repeats documents with one key at the end of a page", async () => {
  const keys = ["a", "b", "b", "b", "b", "b", "c"];
  await addEmployees(...keys.map((legacyId, n) => ({ legacyId, note: String(n) })));
  for (const numItems of [1, 2, 3, 4, 7]) {
    const pages = await pagesOf({ numItems, keysOnly: false });
    assert.deepEqual(
      pages.flat().map(({ document }) => document.note),
      ["0", "1", "2", "3", "4", "5", "6"],
    );
    assert.deepEqual(pages[0].length, numItems);
  }
});

test("range gives documents without a key, or with one that is no string, with the ends of the table", async (t) => {
  const folder = mkdtempSync(`${temporaryFolder("convex-loose")}/project.`);
  copyFileSync(`${projects.reject}/migrate.ts`, `${folder}/migrate.ts`);
  const schema = readFileSync(`${projects.reject}/schema.ts`, "utf8");
  const loose = schema.replaceAll("legacyId: v.string()", "legacyId: v.optional(v.any())");
  assert.notEqual(loose, schema);
  writeFileSync(`${folder}/schema.ts`, loose);
  await deployFor(t, folder);
  await employees({ id: "1" }, { id: "2" });
  await addEmployees({ note: "none" }, { legacyId: 7 }, { legacyId: ["9"] });
  const seen = async (args) =>
    (await pagesOf({ numItems: 2, ...args })).flat().map(({ supabaseId = "?" }) => supabaseId);
  assert.deepEqual(await seen({}), ["?", "?", "1", "2", "?"]);
  assert.deepEqual(await seen({ upTo: "1" }), ["?", "?", "1"]);
  assert.deepEqual(await seen({ after: "1", upTo: "2" }), ["2"]);
  assert.deepEqual(await seen({ after: "2" }), ["?"]);
  const [[{ document }]] = await pagesOf({ upTo: "", keysOnly: false });
  assert.deepEqual([document.legacyId, document.note], [undefined, "none"]);
});

test("range ends a page when its documents have so many bytes, and always gives one", async () => {
  await employees(...Array.from({ length: 10 }, (_, n) => ({ id: String(n), note: "x".repeat(1000) })));
  const lengths = async (numBytes) => (await pagesOf({ numBytes })).map(({ length }) => length);
  assert.deepEqual(await lengths(1), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  assert.deepEqual(await lengths(4000), [4, 4, 2]);
  assert.deepEqual(await lengths(100000), [10]);
});

test("range ends a page before a transaction has read too much, whatever it is asked for", async () => {
  for (let n = 10; n < 30; n += 1) await employees({ id: String(n), note: "x".repeat(1000000) });
  const pages = await pagesOf({ numItems: 20, numBytes: 1 << 30 });
  assert.deepEqual(
    keysOf(pages),
    Array.from({ length: 20 }, (_, n) => String(10 + n)),
  );
  assert.ok(pages[0].length > 5 && pages[0].length < 20, String(pages[0].length));
});

test("range goes on where it was, also when that document is gone", async () => {
  await employees(...["b", "c", "d", "e"].map((id) => ({ id })));
  const between = async (page) => {
    if (page !== 1) return;
    await convex.mutation("migrate:remove", { table: "employees", keys: ["c"] });
    await employees({ id: "a" }, { id: "bb" }, { id: "dd" });
  };
  assert.deepEqual(keysOf(await pagesOf({ numItems: 2, between })), ["b", "c", "d", "dd", "e"]);
});

test("about names the generator and its contract", async () => {
  const { fingerprint, sources, ...about } = await convex.query("migrate:about", {});
  assert.deepEqual(about, { generator: "convex_migrate", contract: 4, version: "0.1.0" });
  assert.match(fingerprint, /^[0-9a-f]{16}$/);
  assert.deepEqual(sources.employees, ["public.employees", "id"]);
});

test("a table or an argument of another name is refused before anything runs", async () => {
  const refused = /ArgumentValidationError/;
  await assert.rejects(convex.query("migrate:range", { ...RANGE, table: "others" }), refused);
  await assert.rejects(convex.query("migrate:range", { ...RANGE, upTo: 1 }), refused);
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
    ["query", "range", RANGE],
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
