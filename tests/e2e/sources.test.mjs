/**
 * Documents of one table's rows are not mixed with those of another's, nor
 * with those of the same rows under another key: a run that would do so is an
 * ERROR before it sends anything, and what its HINT says leads on.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const MIXED = /^rows of other tables, or under other keys, would be mixed with the documents of deployment /;

/** Runs into the ERROR. @returns {Promise<{ detail: string[], hint: string[] }>} its lines */
async function refused({ migrateFails, convex }) {
  const before = await convex.documentsWritten?.();
  const { code, message, detail, hint } = await migrateFails();
  assert.match(message, MIXED);
  assert.equal(code, "55000");
  assert.deepEqual(await convex.documentsWritten?.(), before);
  return { detail: detail.split("\n"), hint: hint.split("\n") };
}

/** The statement that a line of a HINT ends in. */
const statementIn = (line) => line.slice(line.indexOf("INSERT"));

for (const regenerated of [false, true]) {
  test(`tenants one after the other${regenerated ? ", functions written again" : ""}`, async (t) => {
    const scenario = await openGenerated(t, cluster, {
      sql: `CREATE SCHEMA acme; CREATE TABLE acme.users (id int PRIMARY KEY, name text);
        CREATE SCHEMA globex; CREATE TABLE globex.users (id int PRIMARY KEY, name text);
        INSERT INTO acme.users VALUES (1, 'ann'), (2, 'al'); INSERT INTO globex.users VALUES (1, 'gus');`,
      options: { schemas: "acme" },
    });
    const { client, convex, migrate, deployGenerated } = scenario;
    await migrate();
    await migrate();
    await client.query("ALTER SERVER convex OPTIONS (SET schemas 'globex')");
    if (regenerated) await deployGenerated();
    const { detail, hint } = await refused(scenario);
    assert.deepEqual(detail, ['Convex table "users" has the documents of acme.users(id), and would get those of globex.users(id).']);
    const own = statementIn(hint.find((line) => line.startsWith("Else give it a Convex table of its own")));
    await client.query(own);
    await deployGenerated();
    await migrate();
    assert.deepEqual((await convex.tableData("users")).map(({ name }) => name).sort(), ["al", "ann"]);
    assert.deepEqual((await convex.tableData(/'(users\w+)'/.exec(own)[1])).map(({ name }) => name), ["gus"]);
  });
}

test("a key that came later: an empty Convex table is the way on", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: `CREATE TABLE notes (n int NOT NULL, body text); INSERT INTO notes VALUES (1, 'a'), (2, 'b');
      CREATE TABLE items (code text NOT NULL UNIQUE, num int NOT NULL UNIQUE, label text); INSERT INTO items VALUES ('x', 1, 'ex');`,
  });
  const { client, convex, migrate, deployGenerated, keys } = scenario;
  await migrate();
  await client.query("ALTER TABLE notes ADD PRIMARY KEY (n); ALTER TABLE items ADD PRIMARY KEY (num)");
  await deployGenerated();
  const { detail, hint } = await refused(scenario);
  assert.deepEqual(detail, [
    'Convex table "items" has the documents of public.items(code), and would get those of public.items(num).',
    'Convex table "notes" has the documents of public.notes(), and would get those of public.notes(n).',
  ]);
  await client.query(statementIn(hint.find((line) => line.startsWith("To keep the key"))));
  assert.match(hint.at(-1), /^Or empty these Convex tables in the dashboard/);
  const documents = await convex.tableData("notes");
  await convex.mutation("migrate:remove", { table: "notes", keys: documents.map(({ supabaseId }) => supabaseId) });
  await deployGenerated();
  await migrate();
  await migrate();
  assert.deepEqual(await keys("notes"), ["1", "2"]);
  assert.deepEqual(await keys("items"), ["x"]);
});

test("a table that takes over the Convex name of another, or loses it", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: "CREATE TABLE app_users (id int PRIMARY KEY, name text); INSERT INTO app_users VALUES (1, 'ann');",
  });
  const { client, convex, migrate, deployGenerated } = scenario;
  await migrate();
  await client.query(`CREATE TABLE "appUsers" (id int PRIMARY KEY, name text); INSERT INTO "appUsers" VALUES (1, 'mallory')`);
  const { detail, hint } = await refused(scenario);
  assert.deepEqual(detail, [
    'Convex table "appUsers" has the documents of public.app_users(id), and would get those of public."appUsers"(id).',
  ]);
  assert.match(hint[0], /^To keep the names as they were: INSERT INTO convex_tables/);
  await client.query(statementIn(hint[0]));
  await deployGenerated();
  await migrate();
  assert.deepEqual((await convex.tableData("appUsers")).map(({ name }) => name), ["ann"]);
  await client.query(`DELETE FROM convex_tables; UPDATE convex_targets SET target = 'other' WHERE target <> 'appUsers';
    UPDATE convex_targets SET target = 'appUsers2', source = 'public.app_users' WHERE target = 'appUsers';
    UPDATE convex_targets SET target = 'appUsers', source = 'public."appUsers"' WHERE target = 'other';
    DROP TABLE "appUsers"`);
  const again = await refused(scenario);
  assert.match(again.hint[0], /'public\.app_users', 'appUsers2'/);
});

test("a table and a key column that were renamed, and the user says so", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: "CREATE TABLE people (id int, code text PRIMARY KEY); INSERT INTO people VALUES (1, 'a'), (2, 'b');",
  });
  const { client, convex, migrate, deployGenerated, keys } = scenario;
  await migrate();
  const ids = (await convex.tableData("people")).map(({ _id }) => _id).sort();
  await client.query(`ALTER TABLE people RENAME TO persons; ALTER TABLE persons RENAME code TO sign;
    INSERT INTO convex_tables (server, source, target) VALUES ('convex', 'persons', 'people');
    INSERT INTO convex_columns (server, source, source_column, target) VALUES ('convex', 'persons', 'sign', 'code')`);
  await deployGenerated();
  const { detail, hint } = await refused(scenario);
  assert.match(detail[0], /public\.people\(code\), and would get those of public\.persons\(sign\)/);
  await client.query(statementIn(hint.find((line) => line.startsWith("If the table was only renamed"))));
  await migrate();
  await migrate();
  assert.deepEqual(await keys("people"), ["a", "b"]);
  assert.deepEqual((await convex.tableData("people")).map(({ _id }) => _id).sort(), ids);
});
