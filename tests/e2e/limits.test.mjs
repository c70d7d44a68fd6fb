/**
 * Limits of Convex: a row that is exactly at one arrives, and Convex takes no
 * more; a row that is over it is a reject with field path and figure, found
 * before anything is sent, and the other rows of its batch arrive.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster, upsertsInto } from "../harness/index.mjs";

const MAX_DOCUMENT = 1024 * 1024;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, world) => openScenario(t, cluster, { options: { batch_bytes: "4MB" }, ...world });

/** The size of a value in Convex's measure (crates/value/src/size.rs). */
function sizeOf(value) {
  if (value === null || typeof value === "boolean") return 1;
  if (typeof value === "number" || typeof value === "bigint") return 9;
  if (typeof value === "string") return Buffer.byteLength(value) + 2;
  if (value instanceof ArrayBuffer) return value.byteLength + 2;
  if (Array.isArray(value)) return value.reduce((sum, element) => sum + sizeOf(element), 2);
  return Object.entries(value).reduce((sum, [name, field]) => sum + name.length + 1 + sizeOf(field), 2);
}

/** How long the text `pad` must be for the document of these fields to be as large as it may. */
function padding(fields) {
  const system = { _id: "k".repeat(32), _creationTime: 0 };
  return MAX_DOCUMENT - sizeOf({ ...system, ...fields, pad: "" });
}

/** The text of row `n` as SQL: the second is at the limit, the third over it. */
const padded = (pad) => `CASE n WHEN 2 THEN repeat('p', ${pad}) WHEN 3 THEN repeat('p', ${pad + 1}) END`;

const figure = (number) => number.toLocaleString("en-US");

/** What is in the column `v`, as SQL and as a value of Convex. */
const VALUES = {
  "a text": { type: "text", sql: "repeat('é', 1000)", value: "é".repeat(1000) },
  "a long text": { type: "text", sql: "repeat('x', 900 * 1024)", value: "x".repeat(900 * 1024) },
  "bytes": { type: "bytea", sql: "decode(repeat('00ff', 1000), 'hex')", value: new ArrayBuffer(2000) },
  "numbers": { type: "float8[]", sql: "array_fill(0.5, '{8192}')", value: Array(8192).fill(0.5) },
  "numbers without JSON": { type: "float8[]", sql: "'{NaN,-0,Infinity}'", value: [NaN, -0, Infinity] },
  "integers": { type: "int8[]", sql: "'{1,-9223372036854775808}'", value: [1n, -(2n ** 63n)], int8: "int64" },
  "json": {
    type: "jsonb", sql: `'{"a": [null, true, 1.5, "é", {"": {}}], "bb": []}'`,
    value: { a: [null, true, 1.5, "é", { "": {} }], bb: [] },
  },
  "a composite": { type: "pair", sql: "ROW(1, '{a,b}')::pair", value: { first: 1, second: ["a", "b"] } },
};

for (const [name, { type, sql, value, int8 = "number" }] of Object.entries(VALUES)) {
  test(`documents of 1 MiB with ${name}, and one byte more`, async (t) => {
    const pad = padding({ supabaseId: "2", v: value });
    const { client, convex, migrate, rejects, keys } = await open(t, {
      functions: insertsInto(["items"]), options: { batch_bytes: "4MB", int8 },
      sql: `CREATE TYPE pair AS (first int, second text[]);
        CREATE TABLE items (id int PRIMARY KEY, v ${type}, pad text);
        INSERT INTO items SELECT n, ${sql}, ${padded(pad)} FROM generate_series(1, 4) AS n;`,
    });
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: 3, failed: 1 });
    assert.deepEqual(await keys("items"), ["1", "2", "4"]);
    const [largest, size] = [["v", sizeOf(value) + 2], ["pad", pad + 7]].sort(([, a], [, b]) => b - a)[0];
    assert.deepEqual(await rejects(), [{
      source: "items", key: "3",
      reason: "document_too_large: 1,048,577 bytes in Convex's measure, at most 1,048,576; "
        + `field "${largest}" has ${figure(size)}`,
    }]);
    const items = [{ id: "3", v: value, pad: "p".repeat(pad + 1) }];
    await assert.rejects(convex.mutation("migrate:migrateItems", { items }), /too large/);
    const { rows } = await client.query(
      "SELECT problem, rows::int, example FROM convex_check() WHERE severity = 'error'");
    assert.deepEqual(rows, [{ problem: "document_too_large", rows: 1, example: "3" }]);
  });
}

/** Values at a limit and over it, as SQL; what a reject says. */
const LIMITS = {
  "levels": {
    value: (levels) => `(repeat('[', ${levels}) || repeat(']', ${levels}))::jsonb`, at: 15, over: 16,
    reason: `nested_too_deeply: v${"[0]".repeat(15)}: more than 16 levels, counting the document itself`,
  },
  "levels of objects": {
    value: (levels) => `(repeat('{"a":', ${levels - 1}) || '{}' || repeat('}', ${levels - 1}))::jsonb`,
    at: 15, over: 16,
    reason: `nested_too_deeply: v${".a".repeat(15)}: more than 16 levels, counting the document itself`,
  },
  "fields of an object": {
    value: (fields) => `(SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, ${fields}) AS n)`,
    at: 1024, over: 1025,
    reason: "too_many_fields: v: 1,025 fields, at most 1,024",
  },
  "elements of an array": {
    value: (elements) => `jsonb_build_object('a', to_jsonb(array_fill(1, '{${elements}}')))`, at: 8192, over: 8193,
    reason: "array_too_long: v.a: 8,193 elements, at most 8,192",
  },
  "bytes of a key": {
    value: (length) => `jsonb_build_array(jsonb_build_object(repeat('k', ${length}), 1))`, at: 1024, over: 1025,
    reason: "illegal_key: v[0]: a key of 1,025 bytes, at most 1,024",
  },
};

for (const [name, { value, at, over, reason }] of Object.entries(LIMITS)) {
  test(`${at} ${name}, and ${over}`, async (t) => {
    const { client, convex, migrate, rejects, keys } = await open(t, {
      functions: insertsInto(["items"]),
      sql: `CREATE TABLE items (id int PRIMARY KEY, v jsonb);
        INSERT INTO items VALUES (1, '1'), (2, ${value(at)}), (3, ${value(over)}), (4, '4');`,
    });
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: 3, failed: 1 });
    assert.deepEqual(await keys("items"), ["1", "2", "4"]);
    assert.deepEqual(await rejects(), [{ source: "items", key: "3", reason }]);
    const { rows: [{ v }] } = await client.query("SELECT v FROM items WHERE id = 3");
    await assert.rejects(convex.mutation("migrate:migrateItems", { items: [{ id: "3", v }] }));
  });
}

test("a table of 1,100 columns: 1,024 fields, and 1,025", async (t) => {
  const names = Array.from({ length: 1099 }, (_, i) => `c${i + 1}`);
  // With the old key, _id and _creationTime.
  const at = 1024 - 3;
  const row = (id, fields) => `INSERT INTO items (id, ${names.slice(0, fields).join(", ")})
    VALUES (${id}, ${Array(fields).fill(true).join(", ")});`;
  const { client, convex, migrate, rejects, keys } = await open(t, {
    functions: insertsInto(["items"]),
    sql: `CREATE TABLE items (id int PRIMARY KEY, ${names.map((name) => `${name} bool`).join(", ")});
      ${row(1, 1)} ${row(2, at)} ${row(3, at + 1)} ${row(4, 1099)} ${row(5, 1)}`,
  });
  const [{ migrated, failed }] = await migrate();
  assert.deepEqual({ migrated, failed }, { migrated: 3, failed: 2 });
  assert.deepEqual(await keys("items"), ["1", "2", "5"]);
  assert.deepEqual(await rejects(), [
    { source: "items", key: "3", reason: "too_many_fields: 1,025 fields, at most 1,024" },
    { source: "items", key: "4", reason: "too_many_fields: 1,102 fields, at most 1,024" },
  ]);
  const fields = Object.fromEntries(names.slice(0, at + 1).map((name) => [name, true]));
  await assert.rejects(convex.mutation("migrate:migrateItems", { items: [{ id: "3", ...fields }] }));
  // NULLs that go are fields as well.
  await client.query("ALTER SERVER convex OPTIONS (ADD nulls 'null')");
  const [again] = await migrate();
  assert.deepEqual([again.migrated, again.failed], [0, 5]);
});

test("documents of 1 MiB with references, and one byte more", async (t) => {
  const id = "k".repeat(32);
  const pad = padding({ supabaseId: "2", parent_id: id });
  const { migrate, rejects, keys } = await open(t, {
    functions: insertsInto(["parents", "items"]),
    sql: `CREATE TABLE parents (id int PRIMARY KEY);
      INSERT INTO parents VALUES (1);
      CREATE TABLE items (id int PRIMARY KEY, parent_id int REFERENCES parents, pad text);
      INSERT INTO items SELECT n, 1, ${padded(pad)} FROM generate_series(1, 4) AS n;`,
  });
  await migrate();
  assert.deepEqual(await keys("items"), ["1", "2", "4"]);
  const [{ key, reason }, ...others] = await rejects();
  assert.deepEqual([key, others], ["3", []]);
  assert.match(reason, /^document_too_large: 1,048,577 bytes/);
});

test("documents of 1 MiB whose references come in the second pass, and one byte more", async (t) => {
  const id = "k".repeat(32);
  const pad = padding({ supabaseId: "2", first_id: id, second_id: id });
  const { convex, migrate, rejects, keys } = await open(t, {
    functions: upsertsInto(["items"]),
    sql: `CREATE TABLE items (
        id int PRIMARY KEY, first_id int REFERENCES items, second_id int REFERENCES items, pad text);
      INSERT INTO items SELECT n, 4, 1, ${padded(pad)} FROM generate_series(1, 4) AS n;`,
  });
  const report = await migrate();
  assert.deepEqual([report.at(-1).migrated, report.at(-1).failed], [3, 1]);
  assert.deepEqual(await keys("items"), ["1", "2", "4"]);
  const documents = new Map((await convex.tableData("items")).map((document) => [document.supabaseId, document]));
  assert.equal(documents.get("2").first_id, documents.get("4")._id);
  assert.equal(documents.get("2").second_id, documents.get("1")._id);
  const [{ key, reason }, ...others] = await rejects();
  assert.deepEqual([key, others], ["3", []]);
  assert.match(reason, /^document_too_large: 1,048,577 bytes/);
});

test("a value of 50 MB, and one of 900 KB", async (t) => {
  const { convex, migrate, rejects, keys } = await open(t, {
    functions: insertsInto(["items"]),
    sql: `CREATE TABLE items (id int PRIMARY KEY, v text, list text[]);
      INSERT INTO items VALUES (1, 'a', NULL), (2, repeat('x', 50 * 1000 * 1000), NULL),
        (3, repeat('x', 900 * 1000), NULL), (4, NULL, ARRAY['', repeat('x', 50 * 1000 * 1000)]), (5, 'b', NULL);`,
  });
  await migrate();
  assert.deepEqual(await keys("items"), ["1", "3", "5"]);
  assert.equal((await convex.tableData("items")).find(({ supabaseId }) => supabaseId === "3").v.length, 900_000);
  const [first, second] = await rejects();
  assert.deepEqual(first, {
    source: "items", key: "2", reason: "value_too_large: v: 50,000,000 bytes, at most 16,777,216 in one request",
  });
  assert.equal(second.key, "4");
  assert.match(second.reason, /^value_too_large: list: 50,000,\d\d\d bytes, at most 16,777,216 in one request$/);
});
