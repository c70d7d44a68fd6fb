/** Index order, ranges, filters and pages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sortKey } from "../ordering.mjs";
import { deployForTests, float, int64, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests();

/** Values in Convex order; a missing field sorts before all (crates/value/src/sorting.rs). */
const ORDERED = [
  null,
  int64("-9223372036854775808"),
  int64(-129),
  int64(-1),
  int64(0),
  int64(127),
  int64(128),
  int64("9223372036854775807"),
  float(-Infinity),
  -1.5,
  float(-0),
  0,
  5e-324,
  1.5,
  float(Infinity),
  float(NaN),
  false,
  true,
  "",
  "A",
  "a",
  "a\u0000",
  "a\u0000b",
  "ab",
  "é",
  "\uffee",
  "\u{1f600}",
  { $bytes: "" },
  { $bytes: "AA==" },
  { $bytes: "AP8=" },
  [],
  [null],
  [1],
  [1, 2],
  ["a"],
  {},
  { a: 1 },
  { a: 1, b: 1 },
  { a: 2 },
  { b: 0 },
];

const range = (index, bounds, more = {}) => run(convex, "query", "find:range", { index, bounds, ...more });
const rangeError = (index, bounds) => runError(convex, "query", "find:range", { index, bounds });

async function insertAll(documents) {
  await run(convex, "mutation", "store:insertMany", { table: "loose", documents });
}

test("sort keys order every pair of values", () => {
  const keys = [undefined, ...ORDERED].map(sortKey);
  for (let i = 1; i < keys.length; i += 1) assert.ok(keys[i - 1] < keys[i], JSON.stringify(ORDERED[i - 1]));
});

test("an index lists documents in the order of values, then of creation", async () => {
  const shuffled = ORDERED.map((key, n) => ({ key, n })).sort(
    (a, b) => ((a.n * 17) % 41) - ((b.n * 17) % 41),
  );
  await insertAll([...shuffled, { n: -1 }, { key: "a", n: 100 }]);
  const expected = [-1, ...ORDERED.flatMap((key, n) => (key === "a" ? [n, 100] : [n]))];
  assert.deepEqual(await range("by_key", []), expected);
  assert.deepEqual(await range("by_key", [], { order: "desc" }), [...expected].reverse());
});

test("ranges: eq, gt, gte, lt, lte, missing fields", async () => {
  await insertAll([1, 2, 2, 3, 4].map((key, n) => ({ key, n })));
  await insertAll([{ n: 9 }]);
  const bound = (op, value) => ({ op, field: "key", value });
  assert.deepEqual(await range("by_key", [bound("eq", 2)]), [1, 2]);
  assert.deepEqual(await range("by_key", [bound("gt", 2)]), [3, 4]);
  assert.deepEqual(await range("by_key", [bound("gte", 2)]), [1, 2, 3, 4]);
  assert.deepEqual(await range("by_key", [bound("lt", 2)]), [9, 0]);
  assert.deepEqual(await range("by_key", [bound("gt", 1), bound("lte", 3)]), [1, 2, 3]);
  assert.deepEqual(await range("by_key", [bound("gt", 1), bound("lte", 3)], { order: "desc" }), [3, 2, 1]);
  assert.deepEqual(await range("by_key", [{ op: "eq", field: "key" }]), [9]);
  assert.deepEqual(await range("by_key", [bound("gt", 5)]), []);
  assert.deepEqual(await range("by_key", [bound("gte", 2)], { take: 2 }), [1, 2]);
  assert.deepEqual(await range("by_key", [bound("gte", 2)], { take: 0 }), []);
});

test("ranges on several fields, nested fields and system indexes", async () => {
  await insertAll([
    { a: 1, b: 1, n: 0, o: { x: 7 } },
    { a: 1, b: 2, n: 1, o: { x: 6 } },
    { a: 2, b: 1, n: 2, o: 5 },
  ]);
  const eq = (field, value) => ({ op: "eq", field, value });
  assert.deepEqual(await range("by_a_and_b", [eq("a", 1)]), [0, 1]);
  assert.deepEqual(await range("by_a_and_b", [eq("a", 1), { op: "gt", field: "b", value: 1 }]), [1]);
  assert.deepEqual(await range("by_a_and_b", [eq("b", 1), eq("a", 2)]), [2]);
  assert.deepEqual(await range("by_nested", []), [2, 1, 0]);
  const [first] = await run(convex, "query", "store:all", { table: "loose" });
  assert.deepEqual(await range("by_id", [eq("_id", first._id)]), [0]);
  assert.deepEqual(
    await range("by_creation_time", [{ op: "gt", field: "_creationTime", value: first._creationTime }]),
    [1, 2],
  );
});

test("ranges that do not fit the index", async () => {
  const bound = (op, field) => ({ op, field, value: 1 });
  assert.match(
    await rangeError("by_a_and_b", [bound("eq", "b")]),
    /didn't use the index fields in order\.\nIndex fields: \["a", "b", "_creationTime"\]\nQuery fields: \["b"\]\nFirst incorrect field: "b"\n/,
  );
  assert.match(
    await rangeError("by_a_and_b", [bound("eq", "c")]),
    /comparison with "c", but loose\.by_a_and_b with fields/,
  );
  assert.match(
    await rangeError("by_a_and_b", [bound("eq", "a"), bound("eq", "a")]),
    /Already defined equality bound/,
  );
  assert.match(
    await rangeError("by_a_and_b", [bound("gt", "a"), bound("gte", "a")]),
    /Already defined lower bound/,
  );
  assert.match(
    await rangeError("by_a_and_b", [bound("gt", "a"), bound("lt", "b")]),
    /can only be applied to a single index field/,
  );
  assert.match(
    await rangeError("by_a_and_b", [bound("eq", "a"), bound("lt", "a")]),
    /Already defined inequality bound/,
  );
  assert.match(await rangeError("by_nothing", []), /Index loose\.by_nothing not found\./);
});

test("unique", async () => {
  await insertAll([
    { key: 1, n: 0 },
    { key: 2, n: 1 },
    { key: 2, n: 2 },
  ]);
  assert.equal(await run(convex, "query", "find:unique", { key: 1 }), 0);
  assert.equal(await run(convex, "query", "find:unique", { key: 3 }), null);
  assert.match(
    await runError(convex, "query", "find:unique", { key: 2 }),
    /unique\(\) query returned more than one result from table loose/,
  );
});

test("filters", async () => {
  await insertAll([{ n: 0, s: "a" }, { n: 1, s: "b" }, { n: 2 }]);
  const filtered = (op, field, value) => run(convex, "query", "find:filtered", { op, field, value });
  assert.deepEqual(await filtered("eq", "s", "a"), [0]);
  assert.deepEqual(await filtered("neq", "s", "a"), [1, 2]);
  assert.deepEqual(await filtered("gte", "n", 1), [1, 2]);
  assert.deepEqual(await filtered("lt", "s", "b"), [0, 2]);
  assert.deepEqual(await run(convex, "query", "find:arithmetic", { sum: 3, plus: 2 }), [1]);
  assert.match(
    await runError(convex, "query", "find:arithmetic", { sum: 3, plus: int64(2) }),
    /Cannot add 0\.0 \(type Float64\) and 2 \(type Int64\)/,
  );
});

test("pages follow each other without gaps, in both orders", async () => {
  await insertAll(Array.from({ length: 25 }, (_, n) => ({ key: n % 7, n })));
  for (const order of ["asc", "desc"]) {
    const expected = await range("by_key", [], { order });
    const seen = [];
    let cursor = null;
    let isDone = false;
    while (!isDone) {
      const page = await run(convex, "query", "find:page", { numItems: 10, cursor, order });
      seen.push(...page.page);
      ({ continueCursor: cursor, isDone } = page);
    }
    assert.deepEqual(seen, expected);
  }
});

test("a page up to an end cursor takes in what came meanwhile", async () => {
  await insertAll([1, 2, 3, 4].map((n) => ({ key: n, n })));
  const args = { numItems: 2, cursor: null, order: "asc" };
  const { continueCursor } = await run(convex, "query", "find:page", args);
  await insertAll([{ key: 1.5, n: 1.5 }]);
  const again = await run(convex, "query", "find:page", { ...args, endCursor: continueCursor });
  assert.deepEqual(again.page, [1, 1.5, 2]);
  assert.equal(again.continueCursor, continueCursor);
});

test("cursors belong to one query", async () => {
  await insertAll([1, 2].map((n) => ({ key: n, n })));
  const { continueCursor } = await run(convex, "query", "find:page", {
    numItems: 1,
    cursor: null,
    order: "asc",
  });
  const call = { path: "find:page", args: { numItems: 1, cursor: continueCursor, order: "desc" } };
  const { json } = await post(convex, "/api/query", call);
  assert.match(json.errorMessage, /InvalidCursor: Tried to run a query starting from a cursor/);
  const garbage = await runError(convex, "query", "find:page", { numItems: 1, cursor: "x", order: "asc" });
  assert.match(garbage, /Failed to parse cursor/);
  assert.match(await runError(convex, "query", "find:twoPages", {}), /ran multiple paginated queries/);
});

test("a nested query has a page of its own; mistakes in its path are told", async () => {
  await insertAll([1, 2].map((n) => ({ key: n, n })));
  assert.deepEqual(await run(convex, "query", "find:pageAndNestedPage", {}), [1, 1]);
  const mistake = (path) => runError(convex, "query", "find:nestedMistakes", { path });
  assert.match(
    await mistake("a:b:c"),
    /Invalid argument `name` for `runUdf`: Path component a:b\.js can only contain/,
  );
  assert.match(await mistake("find:nothing"), /Could not find public function for 'find:nothing'\./);
  assert.match(
    await mistake("find:pointReads"),
    /Trying to execute find\.js:pointReads as Query, but it is defined as Mutation\./,
  );
  assert.match(await mistake("find:page"), /ArgumentValidationError: Object is missing the required field/);
});
