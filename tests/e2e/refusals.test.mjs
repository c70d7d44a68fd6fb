/**
 * One record that cannot go does not keep the others back: it becomes a row of
 * convex_rejects with code and field path, whether the deployment's texts say
 * who is to blame or not; its children follow the option orphans.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster, textsOf, writeFunctions } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, world) => openScenario(t, cluster, world);

/** Numbers from..to as keys. */
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** Takes leads whose score is a number, as schema and arguments say. */
const leads = () => writeFunctions(`
  import { v } from "convex/values";
  import { mutation } from "./_generated/server";
  export const migrateLeads = mutation({
    args: { leads: v.array(v.object({ id: v.string(), name: v.string(), lead_score: v.number() })) },
    handler: async (ctx, { leads }) => {
      const pairs = [];
      for (const { id, ...lead } of leads) {
        pairs.push({ supabaseId: id, convexId: await ctx.db.insert("leads", { supabaseId: id, ...lead }) });
      }
      return pairs;
    },
  });`);

/** A table of leads; lead_score is a number but where the condition holds. */
const leadsTable = (rows, isBad) => `
  CREATE TABLE leads (id int PRIMARY KEY, name text NOT NULL, lead_score jsonb NOT NULL);
  INSERT INTO leads SELECT i, 'lead ' || i, CASE WHEN ${isBad} THEN '"hot: secret"'::jsonb ELSE to_jsonb(i) END
    FROM generate_series(1, ${rows}) AS i;`;

for (const redact of [false, true]) {
  test(`one of 250 records fails argument validation${redact ? ", error texts redacted" : ""}`, async (t) => {
    const { migrate, rejects, keys } = await open(t, { functions: leads(), sql: leadsTable(250, "i = 117"), convex: { redact } });
    const [{ rows_read, migrated, failed, status }] = await migrate();
    assert.deepEqual({ rows_read, migrated, failed, status }, { rows_read: 250, migrated: 249, failed: 1, status: "incomplete" });
    assert.deepEqual(await keys("leads"), range(1, 250).filter((key) => key !== "117"));
    const [reject, ...others] = await rejects();
    assert.deepEqual(others, []);
    assert.deepEqual([reject.source, reject.key], ["leads", "117"]);
    if (redact) assert.match(reject.reason, /^function_error: Server Error/);
    else assert.match(reject.reason, /^argument_validation: lead_score: /);
    assert.ok(!reject.reason.includes("secret"), "a reason never has the value");
  });

  test(`several bad records in several batches${redact ? ", error texts redacted" : ""}`, async (t) => {
    const { migrate, rejects, keys } = await open(t, {
      functions: leads(), sql: leadsTable(300, "i % 40 = 1"), convex: { redact },
    });
    const bad = [1, 41, 81, 121, 161, 201, 241, 281].map(String);
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: 292, failed: 8 });
    assert.deepEqual((await rejects()).map(({ key }) => key), bad);
    assert.deepEqual(await keys("leads"), range(1, 300).filter((key) => !bad.includes(key)));
  });

  test(`every record of a large table is refused: the run stops${redact ? ", error texts redacted" : ""}`, async (t) => {
    const { client, migrateFails, rejects, keys } = await open(t, {
      functions: leads(), sql: leadsTable(1000, "true"), convex: { redact }, options: { concurrency: 2 },
    });
    const error = await migrateFails();
    assert.equal(error.code, "39000");
    assert.match(error.message, /refuses every row of table "leads"/);
    assert.ok(error.hint);
    assert.ok(!textsOf(error).includes("secret"), textsOf(error));
    const warning = client.notices.find(({ severity }) => severity === "WARNING");
    assert.match(warning.detail, /First rows that failed:\nleads \d+: /);
    assert.ok(!textsOf(warning).includes("secret"), textsOf(warning));
    assert.deepEqual(await rejects(), [], "the transaction takes the rows back");
    assert.deepEqual(await keys("leads"), []);
  });

  test(`every record of a small table is refused: the run goes on${redact ? ", error texts redacted" : ""}`, async (t) => {
    const { migrate, rejects, keys } = await open(t, {
      functions: leads(), sql: leadsTable(99, "true"), convex: { redact },
    });
    const [{ migrated, failed, status }] = await migrate();
    assert.deepEqual({ migrated, failed, status }, { migrated: 0, failed: 99, status: "incomplete" });
    assert.deepEqual((await rejects()).map(({ key }) => key), range(1, 99));
    assert.deepEqual(await keys("leads"), []);
  });
}

test("a new run takes out the rejects of the last one", async (t) => {
  const { client, migrate, rejects } = await open(t, { functions: leads(), sql: leadsTable(10, "i = 3") });
  await migrate();
  assert.deepEqual((await rejects()).map(({ key }) => key), ["3"]);
  await client.query("UPDATE leads SET lead_score = '7' WHERE id = 3");
  await migrate();
  assert.deepEqual(await rejects(), []);
});

/** Answers {supabaseId, error} for keys that end in 7, and takes the others. */
const pickyFunctions = () => writeFunctions(`
  import { v } from "convex/values";
  import { mutation } from "./_generated/server";
  export const migrateItems = mutation({
    args: { items: v.array(v.any()) },
    handler: async (ctx, { items }) => {
      const answers = [];
      for (const { id, ...fields } of items) {
        answers.unshift(id.endsWith("7")
          ? { supabaseId: id, error: "no sevens, please" }
          : { supabaseId: id, convexId: await ctx.db.insert("items", { supabaseId: id, ...fields }) });
      }
      return answers;
    },
  });`);

const itemsTable = (rows) => `
  CREATE TABLE items (id bigint PRIMARY KEY, label text NOT NULL);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, ${rows}) AS i;`;

test("a function that refuses some records and answers in another order", async (t) => {
  const { client, migrate, rejects, keys } = await open(t, { functions: pickyFunctions(), sql: itemsTable(120) });
  const sevens = range(1, 120).filter((key) => key.endsWith("7"));
  const [{ migrated, failed }] = await migrate();
  assert.deepEqual({ migrated, failed }, { migrated: 108, failed: 12 });
  assert.deepEqual(await rejects(), sevens.map((key) => ({ source: "items", key, reason: "refused: no sevens, please" })));
  const { rows } = await client.query("SELECT key FROM convex_id_map ORDER BY key::int");
  assert.deepEqual(rows.map(({ key }) => key), range(1, 120).filter((key) => !key.endsWith("7")));
  assert.deepEqual(await keys("items"), rows.map(({ key }) => key));
});

test("keys that come back as numbers", async (t) => {
  const functions = writeFunctions(`
    import { v } from "convex/values";
    import { mutation } from "./_generated/server";
    export const migrateItems = mutation({
      args: { items: v.array(v.any()) },
      handler: async (ctx, { items }) => {
        const pairs = [];
        for (const { id, ...fields } of items) {
          pairs.push({ supabaseId: Number(id), convexId: await ctx.db.insert("items", { supabaseId: Number(id), ...fields }) });
        }
        return pairs;
      },
    });`);
  const { client, convex, migrate } = await open(t, {
    functions,
    sql: `${itemsTable(20)} UPDATE items SET id = 9007199254740992 WHERE id = 20; UPDATE items SET id = -5 WHERE id = 19;`,
  });
  const [{ migrated, failed }] = await migrate();
  assert.deepEqual({ migrated, failed }, { migrated: 20, failed: 0 });
  const { rows } = await client.query("SELECT key, convex_id FROM convex_id_map");
  const documents = await convex.tableData("items");
  assert.deepEqual(
    Object.fromEntries(rows.map(({ key, convex_id }) => [key, convex_id])),
    Object.fromEntries(documents.map(({ supabaseId, _id }) => [String(supabaseId), _id])));
});

for (const redact of [false, true]) {
  test(`a batch over a limit of one transaction shrinks${redact ? ", error texts redacted" : ""}`, async (t) => {
    // 1000 records, each of which the function writes 20 times: at most 16,000 documents go in one transaction
    const functions = writeFunctions(`
      import { v } from "convex/values";
      import { mutation } from "./_generated/server";
      export const migrateItems = mutation({
        args: { items: v.array(v.any()) },
        handler: async (ctx, { items }) => {
          const pairs = [];
          for (const { id, ...fields } of items) {
            const convexId = await ctx.db.insert("items", { supabaseId: id, ...fields });
            for (let copy = 1; copy < 20; copy++) await ctx.db.insert("copies", { of: convexId });
            pairs.push({ supabaseId: id, convexId });
          }
          return pairs;
        },
      });`);
    const { migrate, rejects, keys } = await open(t, {
      functions, sql: itemsTable(2000), options: { batch_rows: 1000, concurrency: 1 },
      convex: { redact, args: ["--user-time-limit", "0"] },
    });
    const [{ migrated, failed, status }] = await migrate();
    assert.deepEqual({ migrated, failed, status }, { migrated: 2000, failed: 0, status: "complete" });
    assert.deepEqual(await rejects(), []);
    assert.deepEqual(await keys("items"), range(1, 2000));
  });
}

for (const redact of [false, true]) {
  test(`rows larger than a document or a request may be${redact ? ", error texts redacted" : ""}`, async (t) => {
    const { client, migrate, rejects, keys } = await open(t, {
      functions: insertsInto(["items"]), sql: itemsTable(10), convex: { redact },
    });
    await client.query(`UPDATE items SET label = repeat('x', 1100000) WHERE id = 3;
      UPDATE items SET label = repeat('y', 17000000) WHERE id = 8`);
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: 8, failed: 2 });
    const [document, request] = await rejects();
    assert.equal(document.key, "3");
    assert.match(document.reason, /^document_too_large: .*; field "label" has 1,100,008$/);
    assert.equal(request.key, "8");
    assert.match(request.reason, /^value_too_large: label: /);
    assert.deepEqual(await keys("items"), range(1, 10).filter((key) => key !== "3" && key !== "8"));
  });
}

/** Items as above, and children of which the n-th points to the n-th item. */
const familyTables = `${itemsTable(20)}
  CREATE TABLE children (id bigint PRIMARY KEY, item_id bigint REFERENCES items);
  INSERT INTO children SELECT i, i FROM generate_series(1, 20) AS i;
  INSERT INTO children VALUES (21, NULL);`;

const familyFunctions = () => writeFunctions(`
  import { v } from "convex/values";
  import { mutation } from "./_generated/server";
  import { inserts } from "./records";
  export const migrateChildren = inserts("children");
  export const migrateItems = mutation({
    args: { items: v.array(v.any()) },
    handler: async (ctx, { items }) => {
      const answers = [];
      for (const { id, ...fields } of items) {
        answers.push(id === "7"
          ? { supabaseId: id, error: "no sevens, please" }
          : { supabaseId: id, convexId: await ctx.db.insert("items", { supabaseId: id, ...fields }) });
      }
      return answers;
    },
  });`);

for (const orphans of ["reject", "null", "keep"]) {
  test(`the child of a rejected row, orphans = ${orphans}`, async (t) => {
    const { convex, migrate, rejects, keys } = await open(t, { functions: familyFunctions(), sql: familyTables, options: { orphans } });
    const [, children] = await migrate();
    const failed = orphans === "reject" ? 1 : 0;
    assert.deepEqual(
      { source: children.source, migrated: children.migrated, failed: children.failed },
      { source: "children", migrated: 21 - failed, failed });
    const [ofChildren] = (await rejects()).filter(({ source }) => source === "children");
    if (orphans === "reject") {
      assert.equal(ofChildren.key, "7");
      assert.match(ofChildren.reason, /^orphan: item_id: /);
    } else {
      assert.equal(ofChildren, undefined);
    }
    const ids = new Map((await convex.tableData("items")).map(({ supabaseId, _id }) => [supabaseId, _id]));
    const seventh = { reject: [], null: [["7", undefined]], keep: [["7", "7"]] }[orphans];
    const others = range(1, 20).filter((key) => key !== "7").map((key) => [key, ids.get(key)]);
    const expected = new Map([...others, ...seventh, ["21", undefined]]);
    const found = new Map((await convex.tableData("children")).map(({ supabaseId, item_id }) => [supabaseId, item_id]));
    assert.deepEqual(found, expected);
    assert.equal((await keys("children")).length, expected.size);
  });
}

/** Columns of a type, a value that cannot go, and the reason's beginning. */
const IMPOSSIBLE = [
  ["int8", "9007199254740993", /^number_not_exact: value: /],
  ["int8", "-9007199254740993", /^number_not_exact: value: /],
  ["int8[]", "ARRAY[1, 9007199254740993]", /^number_not_exact: value\[1\]: /],
  ["text[]", "ARRAY['a', NULL]", /^null_element: value\[1\]: /],
  ["int[]", "ARRAY[[1, 2], [3, 4]]", /^array_dimensions: value: /],
  ["int[]", "array_fill(1, ARRAY[8193])", /^array_too_long: value: /],
  ["jsonb", `'{"a": {"$x": 1}}'`, /^illegal_key: value\.a: /],
  ["jsonb", `'{"a": [0, {"__proto__": 1}]}'`, /^illegal_key: value\.a\[1\]: /],
  ["jsonb", "(repeat('[', 17) || repeat(']', 17))::jsonb", /^nested_too_deeply: value/],
  ["jsonb", "to_jsonb(array_fill(1, ARRAY[8193]))", /^array_too_long: value: /],
  ["jsonb", `'{"a": 12345678901234567890}'`, /^number_not_exact: value\.a: /],
  ["json", `'{"a": "x\\u0000y"}'`, /^illegal_json: value\.a: /],
  ["json", `'{"a": "\\ud800"}'`, /^illegal_json: value\.a: /],
  ["json", `'{"__proto__": 1}'`, /^illegal_key: value: /],
  ["json", "(repeat('[', 17) || repeat(']', 17))::json", /^nested_too_deeply: value/],
  ["timestamptz", "'294276-01-01 00:00:00.000001+00'", /^timestamp_not_exact: value: /],
];

test("values that cannot go are rejects with code and field path, the others go on", async (t) => {
  const names = IMPOSSIBLE.map((_, i) => `case_${i}`);
  const targets = IMPOSSIBLE.map((_, i) => `case${i}`);
  const sql = IMPOSSIBLE.map(([type, value], i) => `
    CREATE TABLE ${names[i]} (id int PRIMARY KEY, value ${type});
    INSERT INTO ${names[i]} VALUES (1, NULL), (2, ${value}), (3, NULL);`).join("");
  const { migrate, rejects, keys } = await open(t, { functions: insertsInto(targets), sql });
  const report = await migrate();
  const reasons = new Map((await rejects()).map(({ source, key, reason }) => [source, { key, reason }]));
  assert.equal(reasons.size, IMPOSSIBLE.length);
  for (const [i, [type, value, reason]] of IMPOSSIBLE.entries()) {
    const about = `${type} ${value}`;
    const { migrated, failed } = report.find(({ source }) => source === names[i]);
    assert.deepEqual({ migrated, failed }, { migrated: 2, failed: 1 }, about);
    assert.equal(reasons.get(names[i]).key, "2", about);
    assert.match(reasons.get(names[i]).reason, reason, about);
    assert.deepEqual(await keys(targets[i]), ["1", "3"], about);
  }
});
