/**
 * convex_tables and convex_columns: a dump brings them into a new database, and
 * they mean the same there; rows of tables that are gone are an error; and what
 * another role planted is never run, nor what it keeps back sent. A filter runs with the rights of
 * whoever migrates: that it is not called is seen by a sequence that it would
 * advance, which no rollback takes back.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, errorOf, openScenario, startCluster, temporaryFolder, upsertsInto } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
  const client = await cluster.connect();
  await client.query(`CREATE ROLE planter LOGIN; CREATE ROLE "Planter ""two""" LOGIN; CREATE ROLE "POSTGRES" LOGIN; CREATE ROLE keeper`);
  await client.end();
});

after(() => cluster?.stop());

/** A shop whose settings use every column of both tables; names need quotes. */
const shop = `
  CREATE SCHEMA "the Shop";
  CREATE TABLE "the Shop"."Users" (id int PRIMARY KEY, email text NOT NULL UNIQUE, joined timestamptz, secret text, tag text);
  CREATE TABLE "the Shop".orders (id int PRIMARY KEY, user_email text, total numeric(8, 2), paid bool);
  CREATE TABLE "the Shop".audit (id int PRIMARY KEY, order_id int REFERENCES "the Shop".orders);
  INSERT INTO "the Shop"."Users" SELECT i, 'u' || i, '2026-01-01'::timestamptz - i * interval '1 day', 's', 't' FROM generate_series(1, 20) AS i;
  INSERT INTO "the Shop".orders SELECT i, 'u' || 1 + i % 20, i * 1.25, i % 3 > 0 FROM generate_series(1, 60) AS i;
  INSERT INTO "the Shop".audit SELECT i, i FROM generate_series(1, 10) AS i;`;

const shopSettings = `
  INSERT INTO convex_tables (server, source, target, key, creation_time)
    VALUES ('convex', '"the Shop"."Users"', 'people', '{email}', 'joined');
  INSERT INTO convex_tables (server, source, filter, owner)
    VALUES ('convex', '"the Shop".orders', 'paid AND user_email <> ''u''''1'' -- paid', 'keeper');
  INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', '"the Shop".audit', true);
  INSERT INTO convex_columns (server, source, source_column, target) VALUES ('convex', '"the Shop"."Users"', 'tag', 'label');
  INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', '"the Shop"."Users"', 'secret', true);
  INSERT INTO convex_columns (server, source, source_column, type, owner) VALUES ('convex', '"the Shop".orders', 'total', 'string', 'keeper');
  INSERT INTO convex_columns (server, source, source_column, target_reference)
    VALUES ('convex', '"the Shop".orders', 'user_email', '"the Shop"."Users"(email)');`;

/** What the shop must be in Convex. */
const shopExpected = {
  schemas: ["the Shop"], targets: { "the Shop.Users": "people" }, excluded: ["the Shop.audit"],
  keys: { "the Shop.Users": ["email"] }, rows: { "the Shop.orders": "r.paid" },
  fields: { "the Shop.Users": { tag: "label", secret: null } },
  references: { "the Shop.orders": [{ column: "user_email", parent: "the Shop.Users", parentColumn: "email" }] },
  numeric: "string",
};

/** All settings with their owners, and the plan that comes of them. */
async function settingsAndPlan(client) {
  const read = async (sql) => (await client.query(sql)).rows;
  return {
    tables: await read(`SELECT server, source::text, target, exclude, filter, key, creation_time, owner::text FROM convex_tables ORDER BY 2`),
    columns: await read(`SELECT server, source::text, source_column, target, exclude, type, target_reference, owner::text
      FROM convex_columns ORDER BY 2, 3`),
    plan: await read(`SELECT level, source::text, target, kind, key, "references", notes FROM convex_plan()`),
  };
}

const runsOf = async (client) => (await client.query("SELECT * FROM convex_runs ORDER BY run, source")).rows;

const restores = {
  plain: async (from, to) => {
    const dump = await cluster.program("pg_dump", [], { database: from });
    await cluster.program("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1"], { database: to, input: dump });
  },
  custom: async (from, to) => {
    const file = `${temporaryFolder("convex-dump")}/dump`;
    await cluster.program("pg_dump", ["-Fc", "-f", file], { database: from });
    await cluster.program("pg_restore", ["--exit-on-error", "-d", to, file]);
  },
};

for (const [format, restore] of Object.entries(restores)) {
  test(`settings and runs survive pg_dump and a restore, ${format} format`, async (t) => {
    const { database, client, convex, migrate } = await openScenario(t, cluster, {
      functions: upsertsInto(["people", "orders"]), sql: shop, options: { schemas: '"the Shop"' },
    });
    await client.query(`ALTER SERVER convex OWNER TO keeper; ${shopSettings}`);
    const before = await settingsAndPlan(client);
    assert.deepEqual(before.tables.map(({ owner }) => owner).sort(), ["keeper", "postgres", "postgres"]);
    const report = await migrate();
    assert.deepEqual(report.map(({ target, migrated, failed }) => [target, migrated, failed]),
      [["people", 20, 0], ["orders", 40, 0], [null, 60, 0]]);
    assert.deepEqual((await compareDocuments(client, convex, shopExpected)).differences, []);

    // a number in the place of a table could be any table after a restore: those rows stay behind
    await client.query(`CREATE TABLE gone (id int);
      INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'gone', true);
      INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'gone', 'id', true);
      DROP TABLE gone`);
    const restored = `${database}_${format}`;
    await client.query(`CREATE DATABASE ${restored}`);
    await restore(database, restored);
    const other = await cluster.connect({ database: restored });
    assert.deepEqual(await settingsAndPlan(other), before);
    assert.deepEqual(await runsOf(other), await runsOf(client));
    const written = await convex.documentsWritten();
    assert.deepEqual(await migrate("", other), report);
    assert.equal((await runsOf(other)).length, 2 * report.length);
    assert.equal(new Set((await runsOf(other)).map(({ run }) => run)).size, 2);
    assert.deepEqual(await convex.documentsWritten(), written);
  });
}

test("rows of a dropped table, which may have kept something back, stop every run until they are removed", async (t) => {
  const { client, migrate, migrateFails } = await openScenario(t, cluster, {
    functions: upsertsInto(["kept", "gone"]),
    sql: `CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept SELECT generate_series(1, 9);
      CREATE TABLE gone (id int PRIMARY KEY, secret text)`,
  });
  await client.query(`
    INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'gone', 'secret', true);
    DROP TABLE gone;
    CREATE TABLE gone (id int PRIMARY KEY, secret text)`);
  const error = await migrateFails();
  assert.equal(error.code, "42P01");
  const [, remove] = /and (DELETE .*)\.$/.exec(error.hint);
  await client.query(remove);
  await client.query(`INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'gone', 'secret', true)`);
  assert.equal((await migrate()).at(-1).migrated, 9);
});

/** Items, and a filter that leaves a trace when it is called; everybody may write settings. */
const traced = `
  CREATE TABLE items (id int PRIMARY KEY);
  INSERT INTO items SELECT generate_series(1, 9);
  CREATE SEQUENCE calls;
  CREATE FUNCTION is_wanted(int) RETURNS bool LANGUAGE sql VOLATILE
    AS $$ SELECT nextval('public.calls') > 0 AND $1 > 4 $$;
  GRANT USAGE ON SEQUENCE calls TO PUBLIC;`;

const anybodyWrites = `
  GRANT USAGE ON FOREIGN SERVER convex TO PUBLIC;
  GRANT SELECT, INSERT, UPDATE, DELETE ON convex_tables, convex_columns TO PUBLIC;`;

async function openTraced(t) {
  const scenario = await openScenario(t, cluster, { functions: upsertsInto(["items"]), sql: traced });
  await scenario.client.query(anybodyWrites);
  const wasCalled = async () => (await scenario.client.query("SELECT is_called FROM calls")).rows[0].is_called;
  return { ...scenario, wasCalled };
}

const FILTER = "public.is_wanted(id)";

/** Every way to look at or run the plan, by the superuser. */
const EVERYTHING = [
  "SELECT * FROM convex_plan()", "SELECT convex_plan_graph()", "SELECT convex_document(i) FROM items i",
  "SELECT * FROM convex_check()", "SELECT convex_schema()", "SELECT migrated::int FROM convex_migrate()",
];

/** Nothing of it is done: what a filter keeps back must not be sent because the filter does not count. */
async function assertEverythingFails({ client }) {
  for (const sql of EVERYTHING) {
    const error = await errorOf(client.query(sql));
    assert.equal(error.code, "42501", sql);
    assert.match(error.message, /restricts what is sent, but was written by another role/);
  }
}

test("a filter of one's own is run: what the next tests rely on", async (t) => {
  const scenario = await openTraced(t);
  await scenario.client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'items', $1)", [FILTER]);
  for (const sql of EVERYTHING) await scenario.client.query(sql);
  assert.equal(await scenario.wasCalled(), true);
});

for (const [name, user] of [
  ["a role", "planter"],
  ["a role whose name needs quotes", 'Planter "two"'],
  ["a role whose name is a superuser's but for its case", "POSTGRES"],
]) {
  test(`a filter that ${name} planted is not run`, async (t) => {
    const scenario = await openTraced(t);
    const planter = await scenario.connect({ user });
    await planter.query(`INSERT INTO convex_tables (server, source, filter, owner) VALUES ('convex', 'items', $1, 'postgres')`, [FILTER]);
    await assertEverythingFails(scenario);
    assert.equal(await scenario.wasCalled(), false);
    const { rows } = await scenario.client.query("SELECT rolname FROM convex_tables t JOIN pg_roles r ON r.oid = t.owner");
    assert.deepEqual(rows, [{ rolname: user }]);
  });

  test(`a filter that ${name} put into a superuser's row is not run`, async (t) => {
    const scenario = await openTraced(t);
    await scenario.client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'items', 'id > 7')");
    const planter = await scenario.connect({ user });
    await planter.query("UPDATE convex_tables SET filter = $1", [FILTER]);
    await planter.query("UPDATE convex_tables SET owner = 'postgres'");
    await assertEverythingFails(scenario);
    assert.equal(await scenario.wasCalled(), false);
  });
}

test("what a role planted in convex_columns does not count, and does for itself", async (t) => {
  const { client, connect } = await openTraced(t);
  const planter = await connect({ user: "planter" });
  await planter.query(`INSERT INTO convex_columns (server, source, source_column, target, owner)
    VALUES ('convex', 'items', 'id', 'planted', 'postgres')`);
  const notes = async (connection) => (await connection.query("SELECT notes FROM convex_plan()")).rows[0].notes;
  assert.deepEqual(await notes(client), []);
  assert.deepEqual(await notes(planter), ['Column "id" becomes field "planted".']);
});
