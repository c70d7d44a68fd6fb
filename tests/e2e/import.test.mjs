/**
 * Method import: the documents are those of method mutation but for _id and _creationTime; ids are those of convex_id()
 * and the same in every run; modes; rows that the deployed schema does not accept are rejects, and take their children
 * along; what the report and the NOTICEs say.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrived, compareDocuments, errorOf, generate, loadMessaging, openGenerated, openScenario, prepareDatabase, startCluster, startConvex } from "../harness/index.mjs";
import { SALT, assertIds, collectNotices, runImport, snapshot } from "../harness/imported.mjs";

const SIZES = { contacts: 60, conversations: 100, messages: 500, notes: 40 };
const TABLES = {
  workspaces: "workspaces", workspace_members: "workspaceMembers", contacts: "contacts",
  conversations: "conversations", messages: "messages", contact_notes: "contactNotes",
};

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

test("the example: what method mutation leaves, with the ids of convex_id(), again and again", async (t) => {
  const { client, convex, database } = await openScenario(t, cluster, {});
  await client.query("DROP EXTENSION convex_migrate CASCADE");
  await loadMessaging(cluster, { database, sizes: SIZES });
  await prepareDatabase(client, convex);
  await convex.control("functions", { directory: await generate(client) });
  const notices = collectNotices(client);

  const report = await runImport(client);
  const total = report.at(-1);
  assert.deepEqual(total, { source: null, target: null, rows_read: 711, migrated: 711, failed: 0, orphans: 0, status: "complete" });
  const { documents, differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 3), []);
  assert.equal(documents, 711);
  for (const [source, target] of Object.entries(TABLES)) assert.ok(await assertIds(client, convex, source, target) > 0);
  const [contact] = await convex.tableData("contacts");
  assert.equal(contact._creationTime, contact.created_at);

  const changes = notices.find(({ message }) => message === "what Convex will change");
  assert.match(changes.detail, /^Import change summary:\ntable +\| create \| delete +\|\n-+\n/m);
  assert.match(changes.detail, /contacts +\| 60 +\| 0 of 0 +\|/);
  assert.ok(!changes.detail.includes("npx"));
  const announced = notices.find(({ message }) => /^importing 711 documents into deployment ".*", mode "require_empty"$/.test(message));
  assert.match(announced.detail, /about 1 s.*429/);
  const { rows: targets } = await client.query("SELECT target, documents::int FROM convex_targets WHERE number IS NOT NULL ORDER BY target COLLATE \"C\"");
  assert.deepEqual(targets.map(({ target }) => target), Object.values(TABLES).sort());
  assert.equal(targets.reduce((sum, { documents: count }) => sum + count, 0), 711);
  const { rows: runs } = await client.query("SELECT migrated::int FROM convex_runs WHERE source IS NULL");
  assert.deepEqual(runs, [{ migrated: 711 }]);

  const first = await snapshot(convex, Object.values(TABLES));
  assert.deepEqual(await runImport(client, "replace"), report);
  const second = await snapshot(convex, Object.values(TABLES));
  assert.deepEqual(second, first);
  // Another deployment, whose tables have the same numbers, has the same ids.
  const other = await startConvex({});
  t.after(() => other.stop());
  await other.control("functions", { directory: await generate(client) });
  await client.query("DROP SERVER convex CASCADE");
  await client.query(`CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url '${other.url}', method 'import')`);
  await client.query(`CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key '${other.deployKey}')`);
  await client.query("SELECT convex_migrate()");
  assert.deepEqual(await snapshot(other, Object.values(TABLES)), first);
});

const ITEMS = `
  CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
  INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 30) n`;

test("modes: filled tables are refused before anything is written, or replaced, or added to", async (t) => {
  const { client, convex } = await openGenerated(t, cluster, { sql: ITEMS, options: { id_salt: SALT } });
  await runImport(client);
  const uploads = async () => (await convex.control("stats")).requests["/api/import/start_upload"];
  const before = await uploads();
  const error = await errorOf(runImport(client));
  assert.match(error.message, /^tables of deployment ".*" are not empty$/);
  assert.equal(error.detail, 'Table "items": 30 documents.');
  assert.match(error.hint, /mode => 'replace'/);
  assert.equal(await uploads(), before);

  await client.query("DELETE FROM items WHERE id > 20; UPDATE items SET name = 'new' WHERE id = 1");
  await runImport(client, "replace");
  const replaced = await arrived(convex, ["items"]);
  assert.equal(Object.keys(replaced.items).length, 20);
  assert.equal(replaced.items[1].name, "new");

  await client.query("DELETE FROM items; INSERT INTO items SELECT n, 'later' FROM generate_series(101, 105) n");
  await runImport(client, "append");
  assert.equal((await convex.tableData("items")).length, 25);
  const twice = await errorOf(runImport(client, "append"));
  assert.match(twice.message, /did not carry out the import/);
  assert.match(twice.hint, /not atomic/);
  // what was added is known, so that nothing of the app's is taken away by this
  await runImport(client, "replace");
  assert.equal((await convex.tableData("items")).length, 5);
});

test("mode replace: what the app has created is named, and only taken away when that is said", async (t) => {
  const { client, convex, folder } = await openGenerated(t, cluster, { sql: ITEMS, options: { id_salt: SALT } });
  await runImport(client);
  await convex.mutation("_system/frontend/addDocument", { table: "items", documents: [{ supabaseId: "900", name: "the app's" }] });
  const error = await errorOf(runImport(client, "replace"));
  assert.match(error.message, /^mode "replace" would take away what was created in deployment/);
  assert.equal(error.detail, 'Table "items": 31 documents, where the last import has left 30.');
  assert.match(error.hint, /'replace!'/);
  assert.equal((await convex.tableData("items")).length, 31);
  await runImport(client, "replace!");
  assert.equal((await convex.tableData("items")).length, 30);

  const { readFileSync, writeFileSync } = await import("node:fs");
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema
    .replace("name: v.string(),", "name: v.string(),\n    starred: v.optional(v.boolean()),")
    .replace('.index("by_supabaseId"', '.index("by_name", { fields: ["name"], staged: true })\n    .index("by_supabaseId"'));
  await convex.control("functions", { directory: folder });
  const added = await errorOf(runImport(client, "replace"));
  assert.equal(added.detail, 'Table "items": index "by_name", which is staged.\nTable "items": field "starred", which table "items" does not have.');
  await runImport(client, "replace!");

  await client.query("SELECT convex_migrate(method => 'mutation')");
  const mixed = await errorOf(runImport(client, "replace"));
  assert.match(mixed.detail, /ids of documents, which Convex has made for rows that method "mutation" sent/);

  // The map of the session has no ids of documents that are gone.
  const mapped = async () => (await client.query("SELECT count(*)::int AS count FROM convex_id_map")).rows[0].count;
  assert.equal(await mapped(), 30);
  await runImport(client, "replace!");
  assert.equal(await mapped(), 0);
});

test("rows that the deployed schema does not accept are rejects, and so are their children; the others go", async (t) => {
  const { client, convex, folder, rejects } = await openGenerated(t, cluster, {
    options: { id_salt: SALT, int8: "int64" },
    sql: `
      CREATE TABLE parents (id int PRIMARY KEY, state text, size float8, big int8, flags text[], extra jsonb);
      CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents, self int REFERENCES children);
      INSERT INTO parents VALUES (1, 'open', 1.5, 1, '{a}', '{"k": 1}'), (2, 'ajar', 1, 1, '{}', 'null'), (3, 'open', 7, 1, '{}', '{}'),
        (4, 'open', 1, 9, '{}', '{}'), (5, 'closed', 2, 5, '{a,b}', '{"k": "x"}'), (6, 'closed', 2, 5, '{a,z}', '{}'), (7, NULL, NULL, NULL, NULL, NULL);
      INSERT INTO children VALUES (1, 1, 1), (2, 2, 1), (3, 5, 2), (4, 7, 4)`,
  });
  const { readFileSync, writeFileSync } = await import("node:fs");
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema
    .replace("state: v.optional(v.string())", 'state: v.optional(v.union(v.literal("open"), v.literal("closed")))')
    .replace("size: v.optional(v.number())", "size: v.optional(v.union(v.literal(1.5), v.literal(1), v.literal(2)))")
    .replace("big: v.optional(v.int64())", "big: v.optional(v.union(v.literal(1n), v.literal(5n)))")
    .replace("flags: v.optional(v.array(v.string()))", 'flags: v.optional(v.array(v.union(v.literal("a"), v.literal("b"))))')
    .replace("extra: v.optional(v.any())", "extra: v.optional(v.union(v.null(), v.record(v.string(), v.any())))"));
  await convex.control("functions", { directory: folder });
  const report = await runImport(client);
  assert.deepEqual(await rejects(), [
    { source: "children", key: "2", reason: (await rejects()).find(({ source }) => source === "children").reason },
    { source: "children", key: "3", reason: (await rejects()).filter(({ source }) => source === "children")[1].reason },
    { source: "parents", key: "2", reason: "schema_mismatch: state: the deployed schema accepts only v.union()" },
    { source: "parents", key: "3", reason: "schema_mismatch: size: the deployed schema accepts only v.union()" },
    { source: "parents", key: "4", reason: "schema_mismatch: big: the deployed schema accepts only v.union()" },
    { source: "parents", key: "6", reason: "schema_mismatch: flags[1]: the deployed schema accepts only v.union()" },
  ]);
  assert.deepEqual(report.at(-1), { source: null, target: null, rows_read: 11, migrated: 5, failed: 6, orphans: 0, status: "incomplete" });
  assert.deepEqual(Object.keys((await arrived(convex, ["parents"])).parents), ["1", "5", "7"]);
  assert.deepEqual(Object.keys((await arrived(convex, ["children"])).children), ["1", "3", "4"]); // 3 without its reference to 2
});
