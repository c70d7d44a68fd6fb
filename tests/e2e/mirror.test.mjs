/**
 * Documents go whose row is gone: convex_migrate(mode => 'mirror'), within what max_removals allows, and convex_clear().
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { assertVerifies, compareDocuments, insertsInto, openGenerated, openScenario, startCluster } from "../harness/index.mjs";
import { errorOf, textsOf } from "../harness/scenario.mjs";

/** What an app does to documents. */
const app = `import { mutationGeneric as mutation } from "convex/server";
import { v } from "convex/values";
export const insert = mutation({ args: { table: v.string(), document: v.any() },
  handler: async (ctx, { table, document }) => await ctx.db.insert(table as never, document as never) });
`;

/** Two tables that point to each other, children of both, a key of two columns, a table without a key. */
const sql = `
  CREATE TABLE teams (id int PRIMARY KEY, lead int);
  CREATE TABLE people (id int PRIMARY KEY, team int REFERENCES teams ON DELETE CASCADE ON UPDATE CASCADE, active bool NOT NULL);
  ALTER TABLE teams ADD FOREIGN KEY (lead) REFERENCES people ON DELETE SET NULL ON UPDATE CASCADE;
  CREATE TABLE shifts (person int REFERENCES people ON DELETE CASCADE ON UPDATE CASCADE, day date, PRIMARY KEY (person, day));
  CREATE TABLE logs (body text);
  INSERT INTO teams SELECT i FROM generate_series(1, 20) AS i;
  INSERT INTO people SELECT i, 1 + i % 20, i % 10 > 0 FROM generate_series(1, 400) AS i;
  UPDATE teams SET lead = id;
  INSERT INTO shifts SELECT id, '2026-01-01'::date + id FROM people;
  INSERT INTO logs SELECT 'log ' || i % 5 FROM generate_series(1, 20) AS i;`;

const MIRROR = "mode => 'mirror'";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, options) => openGenerated(t, cluster, { sql, options: { batch_rows: 50, ...options } });

async function assertEqual({ client, convex }) {
  const { differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 5), []);
  await assertVerifies(client);
}

const CHANGES = {
  "nothing": "",
  "one row of a child": "DELETE FROM shifts WHERE person = 5",
  "one row of a parent, with its children": "DELETE FROM people WHERE id = 7",
  "rows that others point to in a circle": "DELETE FROM teams WHERE id = 3",
  "keys": "UPDATE people SET id = id + 1000 WHERE id <= 20",
  "equal rows without a key": "DELETE FROM logs WHERE ctid IN (SELECT ctid FROM logs WHERE body = 'log 1' LIMIT 2)",
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`changed: ${what}`, async (t) => {
    const scenario = await open(t);
    await scenario.migrate();
    await scenario.client.query(change);
    await scenario.migrate(MIRROR);
    await assertEqual(scenario);
    const { rows: modes } = await scenario.client.query("SELECT mode FROM convex_runs WHERE source IS NULL ORDER BY run");
    assert.deepEqual(modes, [{ mode: null }, { mode: "mirror" }]);
  });
}

for (const [table, statement] of [["logs", "DELETE FROM logs"], ["people", "DELETE FROM people WHERE id > 200"]]) {
  test(`too many rows of ${table} are gone: nothing is sent, until the server allows it`, async (t) => {
    const scenario = await open(t);
    const { client, convex, migrate, migrateFails } = scenario;
    await migrate();
    await client.query(`${statement}; INSERT INTO teams VALUES (21)`);
    const written = await convex.documentsWritten();
    const error = await migrateFails(MIRROR);
    assert.match(textsOf(error), /more documents would be removed than option "max_removals" of server "convex" allows/);
    assert.match(error.detail, new RegExp(`${table}: \\d+ of \\d+ documents have no row`));
    assert.deepEqual(await convex.documentsWritten(), written);
    await client.query(error.hint.match(/ALTER SERVER .*\)/)[0]);
    await migrate(MIRROR);
    await assertEqual(scenario);
  });
}

test("a filter that was added takes documents away", async (t) => {
  const scenario = await open(t);
  const { client, convex, migrate } = scenario;
  await migrate();
  await client.query("INSERT INTO convex_tables (source, filter) VALUES ('shifts', 'person > 30')");
  await scenario.deployGenerated();
  await migrate(MIRROR);
  assert.equal((await convex.tableData("shifts")).length, 370);
});

test("a row that is rejected is not gone", async (t) => {
  const { client, convex, migrate, rejects } = await open(t);
  await migrate();
  await client.query("UPDATE logs SET body = repeat('x', 2000000) WHERE ctid IN (SELECT ctid FROM logs LIMIT 1)");
  await client.query("ALTER TABLE people ADD note text");
  await migrate(MIRROR).catch(() => undefined);
  assert.equal((await convex.tableData("people")).length, 400);
  assert.ok((await rejects()).length <= 1);
});

test("documents without a key stay, and two with one key are reported", async (t) => {
  const { client, convex, folder, migrate } = await open(t);
  const { rows: [{ schema }] } = await client.query("SELECT convex_schema(wide => true) AS schema");
  writeFileSync(`${folder}/schema.ts`, `${schema}\n`);
  writeFileSync(`${folder}/app.ts`, app);
  await convex.control("functions", { directory: folder });
  await migrate();
  await convex.mutation("app:insert", { table: "logs", document: { body: "of the app" } });
  const { _id, _creationTime, ...twin } = (await convex.tableData("shifts")).find(({ person }) => person !== undefined);
  await convex.mutation("app:insert", { table: "shifts", document: twin });
  await client.query("DELETE FROM shifts WHERE array_to_json(ARRAY[person::text, day::text])::text = $1", [twin.supabaseId]);
  const notices = [];
  client.on("notice", ({ severity, message }) => severity === "WARNING" && notices.push(message));
  await migrate(MIRROR);
  assert.deepEqual(notices, ["shifts: documents of 1 keys could not be removed"]);
  assert.equal((await convex.tableData("logs")).length, 21);
  const { rows } = await client.query("SELECT removed::int, kept::int, refused::int FROM convex_clear(deployment => $1) WHERE source IS NULL", [convex.instance]);
  assert.deepEqual(rows, [{ removed: 839, kept: 1, refused: 1 }]);
  assert.deepEqual((await convex.tableData("logs")).map(({ body }) => body), ["of the app"]);
  assert.equal((await convex.tableData("shifts")).length, 2);
});

for (const [what, fault] of Object.entries({
  "an answer that is lost": { kind: "reset_after" },
  "a deployment without room": { kind: "status", status: 503, body: { code: "Overloaded", message: "busy" } },
})) {
  test(`a removal meets ${what}`, async (t) => {
    const scenario = await open(t);
    const { client, convex, migrate, faultStruck } = scenario;
    await migrate();
    await client.query("DELETE FROM people WHERE id = 9");
    await convex.control("faults", [{ match: { path: "migrate:remove", nth: 1 }, fault }]);
    await migrate(MIRROR);
    await faultStruck();
    await assertEqual(scenario);
  });
}

test("terminated while it removes, and run again", async (t) => {
  const scenario = await open(t);
  const { client, connect, convex, migrate, faultStruck } = scenario;
  await migrate();
  await client.query("DELETE FROM people WHERE id IN (9, 10)");
  await convex.control("faults", [{ match: { path: "migrate:remove", nth: 2 }, fault: { kind: "hang" } }]);
  const other = await connect();
  other.on("error", () => undefined);
  const { rows: [{ pid }] } = await other.query("SELECT pg_backend_pid() AS pid");
  const ended = errorOf(migrate(MIRROR, other));
  await faultStruck();
  await client.query("SELECT pg_terminate_backend($1)", [pid]);
  await ended;
  await convex.control("faults", []);
  await migrate(MIRROR);
  await assertEqual(scenario);
});

test("modes and functions that cannot be used", async (t) => {
  const { migrate, migrateFails, client } = await openScenario(t, cluster, {
    functions: insertsInto(["items"]), sql: "CREATE TABLE items (id int PRIMARY KEY, label text); INSERT INTO items VALUES (1, 'a')",
  });
  await migrate();
  assert.match(textsOf(await migrateFails(MIRROR)), /mode "mirror" needs the functions of convex_functions\(\)/);
  assert.match(textsOf(await migrateFails("mode => 'miror'")), /parameter "mode" of method "mutation" must be "mirror"/);
  assert.match(textsOf(await errorOf(client.query("SELECT FROM convex_clear()"))), /parameter "deployment" must not be null/);
  assert.match(textsOf(await errorOf(client.query("SELECT FROM convex_clear(deployment => 'other')"))), /server "convex" is not deployment "other"/);
});

test("convex_clear() that fails in the middle: what this session knew of the documents is not believed any more", async (t) => {
  const { client, convex, migrate } = await open(t);
  await migrate();
  await convex.control("faults", [{ match: { path: "migrate:remove", nth: 8 }, fault: { kind: "status", status: 403 } }]);
  await errorOf(client.query("SELECT FROM convex_clear(deployment => $1)", [convex.instance]));
  await convex.control("faults", []);
  const people = new Set((await convex.tableData("people")).map(({ _id }) => _id));
  assert.ok(people.size > 0 && people.size < 400, `${people.size} people are left`);
  await migrate("tables => '{shifts}'");
  const shifts = await convex.tableData("shifts");
  assert.equal(shifts.length, people.size);
  assert.ok(shifts.every(({ person }) => people.has(person)));
});

test("convex_clear() takes a rehearsal back; the next run is like the first", async (t) => {
  const scenario = await open(t);
  const { client, convex, migrate } = scenario;
  const first = await migrate();
  const { rows } = await client.query("SELECT source::text, removed::int, kept::int, refused::int FROM convex_clear(deployment => $1)", [convex.instance]);
  assert.deepEqual(rows.at(-1), { source: null, removed: 840, kept: 0, refused: 0 });
  const order = rows.map(({ source }) => source);
  assert.ok(order.indexOf("shifts") < order.indexOf("people"), "children before parents");
  for (const table of ["teams", "people", "shifts", "logs"]) assert.deepEqual(await convex.tableData(table), []);
  assert.deepEqual((await client.query("SELECT FROM convex_id_map")).rows, []);
  assert.deepEqual(await migrate(), first);
  await assertEqual(scenario);
});
