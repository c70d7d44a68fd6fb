/**
 * The same functions on the local Convex and on `convex-test`, the official mock:
 * the same documents (ids aside), and the same calls accepted and refused. Where
 * the mock is laxer than the server, the table says so and the server's rule wins.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { convexTest } from "convex-test";
import { deployForTests, FUNCTIONS } from "./helpers.mjs";
import { loadModules } from "./load_modules.mjs";

const convex = await deployForTests();
const loaded = await loadModules(FUNCTIONS);

/** A fresh mock with our functions; one module path must contain "_generated". */
function startMock() {
  const loaders = { "/convex/_generated/api.js": async () => ({}) };
  for (const [name, module] of Object.entries(loaded)) loaders[`/convex/${name}`] = async () => module;
  const mock = convexTest(loaded["schema.js"].default, loaders);
  return (type, path, args) => mock[type](makeFunctionReference(path), args);
}

function startLocal() {
  const client = new ConvexHttpClient(convex.url);
  client.setAdminAuth(convex.deployKey);
  return (type, path, args) => client[type](path, args);
}

async function isAccepted(call) {
  try {
    await call();
    return true;
  } catch {
    return false;
  }
}

const CASES = [
  ["a fitting document", "typed", { name: "x", count: 1, big: 5n, flag: true, nothing: null, maybe: null }],
  ["bytes", "typed", { name: "x", blob: new Uint8Array([1, 2]).buffer }],
  ["special floats", "typed", { name: "x", count: NaN }],
  ["nested values", "typed", { name: "x", anything: { a: [1n, { b: null }] }, point: { x: 1, y: 2 } }],
  ["a literal", "typed", { name: "x", color: "green", level: 3 }],
  ["another literal", "typed", { name: "x", color: "blue" }],
  ["a missing field", "typed", {}],
  ["an extra field", "typed", { name: "x", other: 1 }],
  ["a number for a string", "typed", { name: 1 }],
  ["a string for a number", "typed", { name: "x", count: "1" }],
  ["an Int64 for a number", "typed", { name: "x", count: 1n }],
  ["a number for an Int64", "typed", { name: "x", big: 1 }],
  ["null for an optional field", "typed", { name: "x", count: null }],
  ["null inside an array", "typed", { name: "x", tags: ["a", null] }],
  ["an array inside an array", "typed", { name: "x", tags: [["a"]] }],
  ["an incomplete object", "typed", { name: "x", point: { y: 1 } }],
  ["text for an id", "typed", { name: "x", parent: "not an id" }],
  ["a union of objects", "shapes", { kind: "square", side: 2 }],
  ["the wrong case of a union", "shapes", { kind: "square", radius: 2 }],
  ["anything in a loose table", "loose", { key: { a: [] }, "any key": 1 }],
  ["a field that starts with $", "loose", { o: { $x: 1 } }],
  ["a field that is not ASCII", "loose", { o: { ö: 1 } }],
  ["an underscore below", "loose", { o: { _own: 1 } }],
  ["a table outside the schema", "unknownTable", { a: 1 }],
];

/** What the mock takes and the server does not (the server's limits; its schema check of records). */
const LAXER_MOCK = [
  ["8193 elements", "loose", { a: Array(8193).fill(0) }],
  ["more than 1 MiB", "loose", { s: "x".repeat(1 << 20) }],
  ["17 levels", "loose", Array.from({ length: 16 }).reduce((inner) => ({ o: inner }), {})],
  ["1023 fields", "loose", Object.fromEntries(Array.from({ length: 1023 }, (_, i) => [`f${i}`, 0]))],
  ["an underscore at the top", "loose", { _own: 1 }],
  ["half of a surrogate pair", "loose", { s: "\ud800" }],
  ["a record with a wrong value", "typed", { name: "x", scores: { a: "1" } }],
];

/** Documents without what servers choose. */
function withoutSystemFields(documents) {
  return documents.map(({ _id, _creationTime, ...rest }) => rest);
}

for (const [name, table, document] of CASES) {
  test(`both agree on ${name}`, async () => {
    const outcomes = [];
    for (const call of [startLocal(), startMock()]) {
      const accepted = await isAccepted(() => call("mutation", "store:insert", { table, document }));
      outcomes.push({
        accepted,
        documents: withoutSystemFields(await call("query", "store:all", { table })),
      });
    }
    assert.deepEqual(outcomes[0], outcomes[1]);
  });
}

for (const [name, table, document] of LAXER_MOCK) {
  test(`only the mock takes ${name}`, async () => {
    const insert = (call) => isAccepted(() => call("mutation", "store:insert", { table, document }));
    assert.deepEqual([await insert(startLocal()), await insert(startMock())], [false, true]);
  });
}

/** A script of calls; "$n" stands for the result of call n. */
const SCRIPT = [
  [
    "mutation",
    "store:insertMany",
    {
      table: "loose",
      documents: [
        { key: 2, n: 0 },
        { key: 1, n: 1 },
        { key: 1, n: 2 },
        { key: 0, n: 3 },
      ],
    },
  ],
  ["mutation", "store:insert", { table: "parents", document: { name: "p" } }],
  ["mutation", "store:insert", { table: "typed", document: { name: "child", parent: "$1" } }],
  ["mutation", "store:patch", { id: "$2", value: { count: 4 } }],
  ["mutation", "store:replace", { id: "$2", value: { name: "replaced", parent: "$1" } }],
  ["mutation", "store:insertEach", { table: "parents", documents: [{ name: "q" }, { name: 5 }] }],
  ["mutation", "store:nested", {}],
  [
    "query",
    "find:range",
    {
      index: "by_key",
      bounds: [
        { op: "gte", field: "key", value: 1 },
        { op: "lt", field: "key", value: 2 },
      ],
    },
  ],
  ["query", "find:range", { index: "by_key", bounds: [], order: "desc", take: 3 }],
  ["query", "find:filtered", { op: "gt", field: "n", value: 1 }],
  ["mutation", "store:remove", { id: "$2" }],
  ["query", "store:get", { id: "$2" }],
];

async function play(call) {
  const results = [];
  for (const [type, path, args] of SCRIPT) {
    const text = JSON.stringify(args).replace(/"\$(\d+)"/g, (_, n) => JSON.stringify(results[n]));
    results.push(await call(type, path, JSON.parse(text)));
  }
  const tables = {};
  for (const table of ["loose", "parents", "typed"]) {
    tables[table] = withoutSystemFields(await call("query", "store:all", { table }));
  }
  return {
    answers: results.slice(7, 10),
    missing: results[11],
    kept: results[5].map((one) => one.id !== undefined),
    tables,
  };
}

test("a script of reads and writes gives the same documents on both", async () => {
  const [local, mock] = [await play(startLocal()), await play(startMock())];
  assert.deepEqual(local, mock);
  assert.equal(local.tables.loose.length, 6);
});
