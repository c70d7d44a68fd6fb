/** Writes: atomicity, sub-transactions, creation times, writes that change nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post, run, runError, stats, writeError } from "./helpers.mjs";

const convex = await deployForTests();

const insert = (document, table = "loose") => run(convex, "mutation", "store:insert", { table, document });
const get = (id) => run(convex, "query", "store:get", { id });
const keysOf = async () =>
  (await run(convex, "query", "store:all", { table: "loose" })).map((one) => one.key);

test("a mutation that throws leaves nothing behind, its new table neither", async () => {
  await runError(convex, "mutation", "store:insertThenThrow", {});
  const error = await runError(convex, "mutation", "store:insertMany", {
    table: "brandNew",
    documents: [{}, { _x: 1 }],
  });
  assert.match(error, /starts with an underscore/);
  assert.deepEqual(await keysOf(), []);
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  assert.ok(!Object.values(mapping).includes("brandNew"));
  assert.equal((await stats(convex)).documentsInserted, 0);
});

test("a write that fails is an Error to catch, and the others go in", async () => {
  const documents = [{ name: "a" }, { name: 1 }, { name: "c" }];
  const results = await run(convex, "mutation", "store:insertEach", { table: "parents", documents });
  assert.deepEqual(
    results.map((one) => one.id !== undefined),
    [true, false, true],
  );
  assert.equal(results[1].isError, true);
  assert.match(results[1].error, /^Failed to insert or update a document in table "parents"/);
  const kept = await run(convex, "query", "store:all", { table: "parents" });
  assert.deepEqual(
    kept.map((one) => one.name),
    ["a", "c"],
  );
});

test("a nested mutation that throws undoes its own writes only", async () => {
  assert.deepEqual(await run(convex, "mutation", "store:nested", {}), {
    caught: { refused: "inner" },
    keys: ["outer", "second"],
  });
  assert.deepEqual(await keysOf(), ["outer", "second"]);
});

test("a mutation sees its own writes in indexes", async () => {
  assert.deepEqual(await run(convex, "mutation", "store:readOwnWrites", {}), {
    afterInsert: 1,
    afterPatch: 0,
    afterDelete: null,
  });
});

test("creation times rise strictly, in the order of insertion", async () => {
  const documents = Array.from({ length: 300 }, (_, n) => ({ key: n }));
  await run(convex, "mutation", "store:insertMany", { table: "loose", documents: documents.slice(0, 200) });
  await run(convex, "mutation", "store:insertMany", { table: "loose", documents: documents.slice(200) });
  const all = await run(convex, "query", "store:all", { table: "loose" });
  assert.deepEqual(
    all.map((one) => one.key),
    documents.map((one) => one.key),
  );
  for (let i = 1; i < all.length; i += 1)
    assert.ok(all[i]._creationTime > all[i - 1]._creationTime, `document ${i}`);
});

test("patch merges and removes fields, replace takes the whole document, both keep the system fields", async () => {
  const id = await insert({ a: 1, b: { x: 1 }, c: 3 });
  const before = await get(id);
  await run(convex, "mutation", "store:patch", { id, value: { b: { y: 2 } }, remove: ["c", "never there"] });
  assert.deepEqual(await get(id), { ...system(before), a: 1, b: { y: 2 } });
  await run(convex, "mutation", "store:replace", { id, value: { d: 4 } });
  assert.deepEqual(await get(id), { ...system(before), d: 4 });
  await run(convex, "mutation", "store:replace", { id, value: { ...system(before), e: 5 } });
  assert.deepEqual(await get(id), { ...system(before), e: 5 });
});

function system({ _id, _creationTime }) {
  return { _id, _creationTime };
}

test("patch and replace that change nothing write nothing", async () => {
  const document = { a: 1, o: { x: [1, null], y: "é" }, i: { $integer: "AQAAAAAAAAA=" } };
  const id = await insert(document);
  await run(convex, "mutation", "store:patch", { id, value: document });
  await run(convex, "mutation", "store:patch", { id, value: {}, remove: ["gone"] });
  await run(convex, "mutation", "store:replace", { id, value: document });
  const counted = await stats(convex);
  assert.deepEqual(
    [counted.documentsInserted, counted.documentsPatched, counted.documentsReplaced],
    [1, 0, 0],
  );
  await run(convex, "mutation", "store:patch", { id, value: { a: 2 } });
  await run(convex, "mutation", "store:replace", { id, value: { a: 3 } });
  const after = await stats(convex);
  assert.deepEqual([after.documentsPatched, after.documentsReplaced], [1, 1]);
});

test("system fields cannot be set", async () => {
  const id = await insert({ a: 1 });
  const other = await insert({ a: 2 });
  const errors = [
    [
      "store:insert",
      { table: "loose", document: { _id: id } },
      /Provided document ID ".*" doesn't match '_id' field/,
    ],
    [
      "store:insert",
      { table: "loose", document: { _creationTime: 1 } },
      /doesn't match '_creationTime' field/,
    ],
    ["store:patch", { id, value: { _id: other } }, /doesn't match '_id' field/],
    ["store:patch", { id, value: { _creationTime: 1 } }, /doesn't match '_creationTime' field/],
    ["store:patch", { id, value: { _own: 1 } }, /Field '_own' starts with an underscore/],
  ];
  for (const [path, args, message] of errors) assert.match(await writeError(convex, path, args), message);
  await run(convex, "mutation", "store:patch", { id, value: { o: { _nested: 1 } } });
});

test("writes to what is not there", async () => {
  const id = await insert({});
  await run(convex, "mutation", "store:remove", { id });
  assert.equal(await get(id), null);
  assert.equal(await writeError(convex, "store:remove", { id }), `Delete on nonexistent document ID ${id}`);
  assert.equal(
    await writeError(convex, "store:patch", { id, value: {} }),
    `Update on nonexistent document ID ${id}`,
  );
  assert.equal(
    await writeError(convex, "store:replace", { id, value: {} }),
    `Replace on nonexistent document ID ${id}`,
  );
  const parent = await insert({ name: "x" }, "parents");
  assert.equal(
    await writeError(convex, "store:patch", { table: "loose", id: parent, value: {} }),
    'Invalid argument `id` for `db.patch`: expected to be an Id<"loose">, got Id<"parents"> instead.',
  );
});

test("names of tables", async () => {
  const insertInto = (table) => writeError(convex, "store:insert", { table, document: {} });
  assert.equal(await insertInto("_own"), "System tables (prefixed with `_`) are read-only.");
  assert.match(
    await insertInto("user-data"),
    /^Invalid argument `table` for `db.insert`: Identifier user-data has invalid character '-'/,
  );
  assert.match(await insertInto("1st"), /Invalid first character '1' in 1st/);
  assert.match(await insertInto("t".repeat(65)), /Identifier is too long \(65 > maximum 64\)/);
  assert.equal(typeof (await insert({}, "t".repeat(64))), "string");
});

test("documents must be objects, and `__proto__` is lost in a function call", async () => {
  assert.match(
    await writeError(convex, "store:insert", { table: "loose", document: [1] }),
    /Value must be an Object/,
  );
  const { json } = await post(
    convex,
    "/api/mutation",
    '{"path":"store:insert","args":{"table":"loose","document":{"__proto__":{"x":1},"constructor":"c"}}}',
  );
  const { _id, _creationTime, ...rest } = await get(json.value);
  assert.deepEqual(Object.entries(rest), [["constructor", "c"]]);
});

test("concurrent mutations do not lose anything", async () => {
  const inserts = Array.from({ length: 40 }, (_, n) =>
    run(convex, "mutation", "store:insertMany", { table: "loose", documents: Array(10).fill({ key: n }) }),
  );
  await Promise.all(inserts);
  const keys = await keysOf();
  // Their creation times may be interleaved, so their order says nothing.
  assert.deepEqual(
    keys.sort((a, b) => a - b),
    Array.from({ length: 400 }, (_, i) => Math.floor(i / 10)),
  );
});

test("an action reads and writes through transactions of their own", async () => {
  const document = await run(convex, "action", "store:insertByAction", { key: "by action" });
  assert.equal(document.key, "by action");
  assert.equal((await stats(convex)).mutationsCommitted, 1);
});

test("queries cannot write, neither themselves nor through a mutation", async () => {
  const write = (operation, args) => runError(convex, "query", "store:writeInQuery", { operation, args });
  assert.match(
    await write("1.0/insert", { table: "loose", value: {} }),
    /Unknown async operation 1\.0\/insert/,
  );
  const nested = { udfType: "mutation", name: "store:insert", args: { table: "loose", document: {} } };
  assert.match(await write("1.0/runUdf", nested), /Cannot call a Mutation function from a Query function/);
  assert.deepEqual(await keysOf(), []);
});

test("calls of calls end", async () => {
  assert.match(await runError(convex, "mutation", "store:recurse"), /call depth limit exceeded/);
});

test("what is not supported says so", async () => {
  assert.match(await runError(convex, "mutation", "store:schedule", {}), /not supported by the local Convex/);
  assert.equal(await run(convex, "query", "store:identity", {}), null);
});
