/**
 * convex_verify(): what is not in Convex as it is in PostgreSQL is found, each with its kind and key, and nothing else.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openGenerated, startCluster } from "../harness/index.mjs";

const KEY = "supabaseId";

/** What an app does to documents: nothing that the generated functions do. */
const app = `import { mutationGeneric as mutation } from "convex/server";
import { v } from "convex/values";
export const insert = mutation({ args: { table: v.string(), document: v.any() },
  handler: async (ctx, { table, document }) => await ctx.db.insert(table as never, document as never) });
export const patch = mutation({ args: { id: v.any(), fields: v.any(), absent: v.optional(v.array(v.string())) },
  handler: async (ctx, { id, fields, absent = [] }) =>
    await ctx.db.patch(id, { ...fields, ...Object.fromEntries(absent.map((field) => [field, undefined])) } as never) });
export const remove = mutation({ args: { id: v.any() }, handler: async (ctx, { id }) => await ctx.db.delete(id) });
`;

const sql = `
  CREATE TABLE owners (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, boss uuid REFERENCES owners);
  CREATE TABLE labels (code text PRIMARY KEY, title text);
  CREATE TABLE things (id int PRIMARY KEY, owner uuid NOT NULL REFERENCES owners, label text REFERENCES labels, amount float8, big bigint,
    at timestamptz, bytes bytea, flag bool, note text, data jsonb, tags text[], price numeric(20, 4));
  CREATE TABLE pairs (a int, b text, n int, PRIMARY KEY (a, b));
  CREATE TABLE logs (line text, level int);
  INSERT INTO owners (name) SELECT 'owner ' || i FROM generate_series(1, 20) AS i;
  UPDATE owners SET boss = (SELECT o.id FROM owners o WHERE o.name = 'owner 1') WHERE name <> 'owner 1';
  INSERT INTO labels SELECT 'label ' || i, 'Größe ' || i FROM generate_series(1, 5) AS i;
  INSERT INTO things SELECT i, o.id, CASE WHEN i % 3 > 0 THEN 'label ' || 1 + i % 5 END, CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 0
      WHEN 3 THEN i / 7.0::float8 ELSE '-Infinity' END, i * 1000000007::bigint, '2024-02-29 12:00:00.123456+00'::timestamptz + i * interval '1 hour',
      decode(md5(i::text), 'hex'), i % 2 = 0, E'line\\nbreak "' || i || '" \\u00e9 😀', jsonb_build_object('n', i, 'list', jsonb_build_array(1, null, 'x', jsonb_build_object('deep', i))),
      ARRAY['a', i::text], i / 3.0
    FROM generate_series(1, 60) AS i JOIN owners o ON o.name = 'owner ' || 1 + i % 20;
  INSERT INTO pairs SELECT i, 'b "' || i, i FROM generate_series(1, 30) AS i;
  INSERT INTO logs SELECT 'line ' || i % 4, i % 2 FROM generate_series(1, 20) AS i;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** Migrated, with a schema in which documents may be anything. */
async function open(t, { options, ...others } = {}) {
  const scenario = await openGenerated(t, cluster, { sql, options: { int8: "int64", batch_rows: 50, ...options }, ...others });
  const { client, convex, folder } = scenario;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/app.ts`, app);
  const { rows: [{ schema }] } = await client.query("SELECT convex_schema(wide => true) AS schema");
  writeFileSync(`${folder}/schema.ts`, `${schema}\n`);
  await convex.control("functions", { directory: folder });
  await scenario.migrate();
  const verify = async (parameters = "", connection = client) => {
    const { rows } = await connection.query(`SELECT source::text, rows::int, expected::int, documents::int, equal::int, different::int, missing::int,
      unexpected::int, repeated_keys::int, wrong_references::int, without_key::int, status FROM convex_verify(${parameters})`);
    return rows;
  };
  const differences = async () => (await client.query(`SELECT concat_ws(' ', source, key, kind, path) AS difference FROM convex_differences
    ORDER BY source::text, key COLLATE "C", kind, path`)).rows.map(({ difference }) => difference);
  const find = async (table, key) => (await convex.tableData(table)).find((document) => document[KEY] === key);
  return { ...scenario, verify, differences, find };
}

const total = (rows) => rows.at(-1);
const OK = { different: 0, missing: 0, unexpected: 0, repeated_keys: 0, wrong_references: 0, status: "pass" };

function assertPasses(rows) {
  for (const row of rows) assert.deepEqual({ ...row, ...OK, equal: row.expected }, row);
}

describe("a database that is as it was migrated", () => {
  for (const level of ["content", "keys"]) {
    test(`level ${level}`, async (t) => {
      const { verify, differences } = await open(t);
      const rows = await verify(`level => '${level}'`);
      assertPasses(rows);
      assert.deepEqual(total(rows), { source: null, rows: 135, expected: 135, documents: 135, equal: 135, ...OK, without_key: 0 });
      assert.deepEqual(await differences(), []);
    });
  }

  test("level counts reads no document", async (t) => {
    const { convex, verify } = await open(t);
    const rows = await verify("level => 'counts'");
    assert.deepEqual(rows.map(({ source, expected, documents, equal, status }) => [source, expected, documents, equal, status]),
      [["labels", 5, 5, null, "pass"], ["logs", 20, 20, null, "pass"], ["owners", 20, 20, null, "pass"], ["pairs", 30, 30, null, "pass"],
        ["things", 60, 60, null, "pass"], [null, 135, 135, null, "pass"]].sort((a, b) => rows.findIndex((r) => r.source === a[0]) - rows.findIndex((r) => r.source === b[0])));
    assert.equal((await convex.control("stats")).functionCalls["migrate:range"], undefined);
  });

  for (const [name, options] of [["nulls are null", { nulls: "null" }], ["everything otherwise", { int8: "string", numeric: "string", timestamps: "iso", field_case: "snake", key_field: "legacy" }]]) {
    test(name, async (t) => {
      const { verify } = await open(t, { options });
      assertPasses(await verify());
    });
  }
});

/** Each plants one fault; what convex_differences must say. */
const FAULTS = {
  "a document that is missing": async ({ convex, find }) => {
    await convex.mutation("app:remove", { id: (await find("pairs", '["3","b \\"3"]'))._id });
    return ['pairs ["3","b \\"3"] missing'];
  },
  "a document that is there twice": async ({ convex, find }) => {
    const { _id, _creationTime, ...document } = await find("things", "7");
    await convex.mutation("app:insert", { table: "things", document });
    return ["things 7 repeated_key"];
  },
  "a bit": async ({ convex, find }) => {
    const { _id, amount } = await find("things", "8");
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, amount);
    bits.setBigUint64(0, bits.getBigUint64(0) ^ 1n);
    await convex.mutation("app:patch", { id: _id, fields: { amount: bits.getFloat64(0) } });
    return ["things 8 field_value amount"];
  },
  "an Int64 in the place of a Float64": async ({ convex, find }) => {
    const { _id, n } = await find("pairs", '["4","b \\"4"]');
    await convex.mutation("app:patch", { id: _id, fields: { n: BigInt(n) } });
    return ['pairs ["4","b \\"4"] field_type n'];
  },
  "a Float64 in the place of an Int64": async ({ convex, find }) => {
    const { _id, big } = await find("things", "9");
    await convex.mutation("app:patch", { id: _id, fields: { big: Number(big) } });
    return ["things 9 field_type big"];
  },
  "-0 for 0": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "12"))._id, fields: { amount: -0 } });
    return ["things 12 field_value amount"];
  },
  "0 for -0": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "11"))._id, fields: { amount: 0 } });
    return ["things 11 field_value amount"];
  },
  "a number for NaN": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "10"))._id, fields: { amount: 0 } });
    return ["things 10 field_value amount"];
  },
  "NaN for a number": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "13"))._id, fields: { amount: NaN } });
    return ["things 13 field_value amount"];
  },
  "a microsecond": async ({ convex, find }) => {
    const { _id, at } = await find("things", "14");
    await convex.mutation("app:patch", { id: _id, fields: { at: (Math.round(at * 1000) + 1) / 1000 } });
    return ["things 14 field_value at"];
  },
  "a byte": async ({ convex, find }) => {
    const { _id, bytes } = await find("things", "15");
    const others = new Uint8Array(bytes.slice(0));
    others[15] ^= 1;
    await convex.mutation("app:patch", { id: _id, fields: { bytes: others.buffer } });
    return ["things 15 field_value bytes"];
  },
  "a text with more behind a NUL": async ({ convex, find }) => {
    const { _id, note } = await find("things", "16");
    await convex.mutation("app:patch", { id: _id, fields: { note: `${note}\0` } });
    return ["things 16 field_value note"];
  },
  "deep in a json": async ({ convex, find }) => {
    const { _id, data } = await find("things", "17");
    await convex.mutation("app:patch", { id: _id, fields: { data: { ...data, list: [1, null, "x", { deep: 17, more: 1 }] } } });
    return ["things 17 field_extra data.list[3].more"];
  },
  "an element that is gone": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "18"))._id, fields: { tags: ["a"] } });
    return ["things 18 field_value tags"];
  },
  "a field that is gone": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "19"))._id, fields: {}, absent: ["flag"] });
    return ["things 19 field_absent flag"];
  },
  "a field that should not be": async ({ convex, find }) => {
    const { _id, label } = await find("things", "21");
    assert.equal(label, undefined);
    await convex.mutation("app:patch", { id: _id, fields: { label: (await find("labels", "label 1"))._id } });
    return ["things 21 reference label"];
  },
  "a reference to another row's document": async ({ convex, client, find }) => {
    const { rows: [{ other }] } = await client.query("SELECT id AS other FROM owners WHERE name = 'owner 9'");
    await convex.mutation("app:patch", { id: (await find("things", "22"))._id, fields: { owner: (await find("owners", other))._id } });
    return ["things 22 reference owner"];
  },
  "a reference to another table's document": async ({ convex, find }) => {
    await convex.mutation("app:patch", { id: (await find("things", "23"))._id, fields: { owner: (await find("labels", "label 1"))._id } });
    return ["things 23 reference owner"];
  },
  "a reference to a document that is removed": async ({ convex, find }) => {
    await convex.mutation("app:remove", { id: (await find("labels", "label 5"))._id });
    const pointing = [4, 14, 19, 29, 34, 44, 49, 59].map((id) => `things ${id} reference label`);
    return ["labels label 5 missing", ...pointing.sort()];
  },
  "a reference of the link pass": async ({ convex, client, find }) => {
    const { rows: [{ one, other }] } = await client.query(`SELECT (SELECT id FROM owners WHERE name = 'owner 9') AS one,
      (SELECT id FROM owners WHERE name = 'owner 8') AS other`);
    await convex.mutation("app:patch", { id: (await find("owners", one))._id, fields: { boss: (await find("owners", other))._id } });
    return [`owners ${one} reference boss`];
  },
  "a document of no row": async ({ convex, find }) => {
    const { _id, _creationTime, ...document } = await find("things", "24");
    await convex.mutation("app:insert", { table: "things", document: { ...document, [KEY]: "none" } });
    return ["things none unexpected"];
  },
  "a document of a row that is gone": async ({ client }) => {
    await client.query("DELETE FROM things WHERE id = 25");
    return ["things 25 unexpected"];
  },
  "a row that is new": async ({ client }) => {
    await client.query("INSERT INTO pairs VALUES (100, 'new', 1)");
    return ['pairs ["100","new"] missing'];
  },
};

test("planted faults: each is found alone, and all at once", async (t) => {
  const world = await open(t);
  for (const [name, plant] of Object.entries(FAULTS)) {
    await t.test(name, async () => {
      const { client, convex, verify, differences, migrate, find } = world;
      const expected = await plant(world);
      const rows = await verify();
      assert.deepEqual(await differences(), expected.sort());
      assert.equal(total(rows).status, "fail");
      // mended by hand
      await client.query("DELETE FROM pairs WHERE a = 100");
      for (const key of ["none", "25"]) {
        const stray = await find("things", key);
        if (stray && expected[0].includes("unexpected")) await convex.mutation("app:remove", { id: stray._id });
      }
      const doubled = (await convex.tableData("things")).filter((document) => document[KEY] === "7");
      if (doubled.length > 1) await convex.mutation("app:remove", { id: doubled[1]._id });
      await migrate();
      assertPasses(await verify());
    });
  }
});

test("what the app has is no difference: fields and documents of its own", async (t) => {
  const { convex, verify, differences, find } = await open(t);
  await convex.mutation("app:patch", { id: (await find("things", "1"))._id, fields: { seen: true, extra: { a: 1n } } });
  await convex.mutation("app:insert", { table: "things", document: { seen: true } });
  await convex.mutation("app:insert", { table: "things", document: { [KEY]: 5 } });
  const rows = await verify();
  assertPasses(rows);
  assert.equal(total(rows).without_key, 2);
  assert.deepEqual(await differences(), ["things without_key", "things without_key"]);
});

test("all at once; repair mends all but what it must not touch, and the second time all is well", async (t) => {
  const world = await open(t);
  const { client, convex, verify, differences, find } = world;
  await convex.mutation("app:patch", { id: (await find("things", "1"))._id, fields: { seen: true } });
  await convex.mutation("app:insert", { table: "things", document: { seen: "no key" } });
  const doubled = "a document that is there twice";
  const expected = [];
  for (const [name, plant] of Object.entries(FAULTS)) if (name !== doubled) expected.push(...await plant(world));
  await verify();
  const found = await differences();
  // a row that points to what is missing has a fault of its own besides: each is there
  for (const difference of expected) assert.ok(found.includes(difference), difference);
  await verify("repair => true");
  const seen = await find("things", "1");
  assert.equal(seen.seen, true);
  const rows = await verify();
  assertPasses(rows);
  assert.deepEqual(await differences(), ["things without_key"]);
  assert.equal((await convex.tableData("things")).filter((document) => document.seen === "no key").length, 1);
  // two documents with one key are not to be told apart: they stay
  await FAULTS[doubled](world);
  await verify("repair => true");
  assert.equal(total(await verify()).repeated_keys, 1);
  await client.query("SELECT 1");
});

test("repair writes parents before their children, and removes children first", async (t) => {
  const { client, convex, verify } = await open(t);
  for (const table of ["owners", "things", "labels"]) {
    for (const { _id } of await convex.tableData(table)) await convex.mutation("app:remove", { id: _id });
  }
  const rows = await verify("repair => true");
  assert.equal(total(rows).missing, 85);
  assertPasses(await verify());
  await client.query("TRUNCATE things, owners, labels, pairs, logs");
  assert.equal(total(await verify("repair => true")).unexpected, 135);
  assert.deepEqual(total(await verify()), { source: null, rows: 0, expected: 0, documents: 0, equal: 0, ...OK, without_key: 0 });
});

test("while others write to PostgreSQL and Convex there is no false difference", async (t) => {
  const { connect, convex, verify, differences, find } = await open(t, { options: { concurrency: 2 } });
  const other = await connect();
  let stop = false;
  let n = 0;
  const label = (await find("labels", "label 2"))._id;
  const things = await Promise.all(["1", "2", "3"].map(async (key) => (await find("things", key))._id));
  const labels = [];
  // as an app does that writes to both: the row, then its document
  const writer = (async () => {
    while (!stop) {
      n++;
      await other.query("UPDATE things SET note = $1, label = 'label 2' WHERE id = $2", [`note ${n}`, 1 + n % 3]);
      // in between a look at both sides finds them different: only another one tells that they are not
      await setTimeout(120);
      await convex.mutation("app:patch", { id: things[n % 3], fields: { note: `note ${n}`, label } });
      await other.query("INSERT INTO labels VALUES ($1, 'new')", [`new ${n}`]);
      labels[n] = await convex.mutation("app:insert", { table: "labels", document: { [KEY]: `new ${n}`, code: `new ${n}`, title: "new" } });
      await other.query("DELETE FROM labels WHERE code = $1", [`new ${n - 3}`]);
      if (labels[n - 3]) await convex.mutation("app:remove", { id: labels[n - 3] });
    }
  })();
  try {
    for (let round = 0; round < 8; round++) {
      const rows = await verify();
      assert.deepEqual(await differences(), []);
      assert.equal(total(rows).status, "pass");
    }
  } finally {
    stop = true;
    await writer;
  }
  assert.ok(n > 5);
});

test("who sees the differences: the role, and its members", async (t) => {
  const { client, verify } = await open(t);
  await client.query("DELETE FROM things WHERE id = 1; CREATE ROLE verify_reader");
  t.after(() => client.query("RESET ROLE; DROP ROLE verify_reader"));
  await verify();
  const count = async () => (await client.query("SELECT count(*)::int AS n FROM convex_differences")).rows[0].n;
  assert.equal(await count(), 1);
  await client.query("SET ROLE verify_reader");
  assert.equal(await count(), 0);
  await assert.rejects(client.query("SELECT FROM convex_difference_rows"), /permission denied/);
});

test("some of the tables: what they point to is looked up", async (t) => {
  const { connect, verify } = await open(t);
  const rows = await verify("tables => '{things}'", await connect());
  assertPasses(rows);
  assert.equal(total(rows).expected, 60);
});

test("a filter, and rows that do not go", async (t) => {
  const { client, verify, differences, migrate } = await open(t);
  await client.query("INSERT INTO pairs VALUES (200, 'bad', 1)");
  await client.query("INSERT INTO convex_tables (source, filter) VALUES ('labels', $$code <> 'label 5'$$)");
  await client.query("UPDATE things SET data = '{\"$bad\": 1}' WHERE id = 30");
  const rows = await verify();
  const by = (name) => rows.find(({ source }) => source === name);
  assert.deepEqual([by("labels").rows, by("labels").expected, by("labels").unexpected], [5, 4, 1]);
  assert.deepEqual([by("things").rows, by("things").expected], [60, 51]);
  assert.deepEqual((await differences()).filter((d) => !d.startsWith("things")), ["labels label 5 unexpected", 'pairs ["200","bad"] missing']);
  assert.deepEqual(new Set((await differences()).filter((d) => d.startsWith("things")).map((d) => d.split(" ").at(-1))), new Set(["rejected_row"]));
  await migrate();
});

test("what is not possible is an ERROR", async (t) => {
  const { client, verify } = await open(t);
  await assert.rejects(verify("level => 'all'"), /invalid value for parameter "level": "all"/);
  await assert.rejects(verify("level => NULL"), /parameter "level" must not be null/);
  await assert.rejects(verify("level => 'counts', repair => true"), /level "counts" finds nothing/);
  await client.query("BEGIN; CREATE TABLE other ()");
  await assert.rejects(verify("repair => true"), /cannot repair in a transaction that has already written/);
  await client.query("ROLLBACK");
});
