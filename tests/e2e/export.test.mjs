/**
 * convex_export(): the file has what a run leaves in Convex, whichever way it is compressed; its ids are those of
 * convex_id(), with the numbers of the deployment's tables; a standby writes the same file; what is cancelled or
 * refused leaves none. The file is read by unzip and bsdtar. (tests/property compares files of random tables.)
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { decodeId } from "../convex/ids.mjs";
import { exportFolder, readExport } from "../harness/exported.mjs";
import {
  compareDocuments, errorOf, loadMessaging, messagingProject, mustRun, openScenario, prepareDatabase, startCluster, upsertsInto,
} from "../harness/index.mjs";

const TABLES = {
  workspaces: "workspaces", workspace_members: "workspaceMembers", contacts: "contacts",
  conversations: "conversations", messages: "messages", contact_notes: "contactNotes",
};
const SIZES = { contacts: 60, conversations: 100, messages: 500, notes: 40 };
const SALT = "no secret of anybody";

const folder = exportFolder();
let cluster;
let files = 0;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** The report of an export into a new file, and the file. */
async function exportTo(client, path = `${folder}/${++files}.zip`, parameters = "") {
  const { rows } = await client.query(
    `SELECT source::text, target, rows_read::int, exported::int, failed::int, orphans::int, status
       FROM convex_export($1${parameters})`, [path]);
  return { path, report: rows };
}

/** Documents without what differs between the methods. */
function fieldsOf(documents) {
  return documents
    .map(({ _id, _creationTime, conversation_id, contact_id, workspace_id, ...fields }) => fields)
    .sort((a, b) => (a.supabaseId < b.supabaseId ? -1 : 1));
}

test("the example: what a run leaves, in every compression, with the ids of convex_id()", async (t) => {
  const { client, convex, database, migrate } = await openScenario(t, cluster, { functions: messagingProject("upserts") });
  await client.query("DROP EXTENSION convex_migrate CASCADE");
  await loadMessaging(cluster, { database, sizes: SIZES });
  await prepareDatabase(client, convex);
  await migrate();
  const { rows: [mapped] } = await client.query(
    "SELECT m.convex_id = convex_id(m.source, m.key) AS same, m.convex_id FROM convex_id_map m WHERE source = 'contacts'::regclass LIMIT 1");
  assert.ok(mapped.same, "convex_id() is not what the map has");

  const { path, report } = await exportTo(client);
  const exported = await readExport(path);
  const total = report.at(-1);
  assert.deepEqual({ ...total, rows_read: 0 }, { source: null, target: null, rows_read: 0, exported: total.rows_read, failed: 0, orphans: 0, status: "complete" });
  const { documents, differences } = await compareDocuments(client, exported);
  assert.deepEqual(differences.slice(0, 3), []);
  assert.equal(documents, total.exported);

  const mapping = await convex.query("_system/frontend/getTableMapping", {});
  for (const [source, target] of Object.entries(TABLES)) {
    const number = exported.numbers.get(target);
    assert.equal(mapping[number], target);
    assert.deepEqual(fieldsOf(await exported.tableData(target)), fieldsOf(await convex.tableData(target)));
    const { rows } = await client.query(`SELECT id::text AS key, convex_id($1, id::text) AS id, convex_uuid(convex_id($1, id::text))::text AS back FROM ${source}`, [source]);
    const ids = new Map((await exported.tableData(target)).map(({ supabaseId, _id }) => [supabaseId, _id]));
    for (const { key, id, back } of rows) {
      assert.equal(ids.get(key), id);
      assert.equal(back, key);
      const { tableNumber, internalId } = decodeId(id);
      assert.equal(tableNumber, number);
      assert.equal(Buffer.from(internalId).toString("hex"), key.replaceAll("-", ""));
    }
    assert.equal(ids.size, rows.length);
  }
  const contact = (await exported.tableData("contacts"))[0];
  assert.equal(contact._creationTime, contact.created_at);

  for (const compression of ["none", "zstd"]) {
    const verb = compression === "none" ? "ADD" : "SET";
    await client.query(`ALTER SERVER convex OPTIONS (${verb} compression '${compression}')`);
    const other = await exportTo(client);
    assert.deepEqual(other.report, report);
    assert.deepEqual((await readExport(other.path)).lines, exported.lines);
    if (compression === "none") await mustRun("unzip", ["-tq", other.path]);
  }

  // Ids that Convex makes take the place of those that were computed.
  await migrate("tables => '{workspaces}'");
  const { rows: targets } = await client.query("SELECT target FROM convex_targets WHERE number IS NULL");
  assert.deepEqual(targets, [{ target: "workspaces" }]);
});

test("a Convex table that has the documents of another one: the file is written, and it is said", async (t) => {
  const { client } = await openScenario(t, cluster, {
    functions: upsertsInto(["items"]), sql: "CREATE TABLE items (id uuid PRIMARY KEY); INSERT INTO items VALUES (gen_random_uuid())",
  });
  await client.query(`INSERT INTO convex_targets (deployment, target, source, key)
    SELECT option_value, 'items', 'old.items', '{id}' FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE option_name = 'url'`);
  const notices = [];
  client.on("notice", (notice) => notices.push(notice));
  await client.query("SET client_min_messages = warning");
  // The deployment has no table "items" before its first document.
  await client.query("SELECT convex_migrate()").catch(() => {});
  await exportTo(client);
  const { rows } = await client.query("SELECT source, number FROM convex_targets");
  assert.deepEqual(rows, [{ source: "old.items", number: null }]);
  assert.ok(notices.some(({ message }) => message === 'Convex table "items" has the documents of old.items(id)'));
});

test("a key in another encoding has the same id", async (t) => {
  const ids = [];
  for (const encoding of ["UTF8", "LATIN1"]) {
    const { client } = await openScenario(t, cluster, {
      functions: upsertsInto(["grossen"]), encoding, options: { id_salt: SALT, table_case: "camel" },
      sql: `CREATE TABLE "größen" ("ä" text PRIMARY KEY); INSERT INTO "größen" VALUES ('ü'), ('plain')`,
    });
    const { path } = await exportTo(client);
    const exported = await readExport(path);
    const [table] = exported.numbers.keys();
    ids.push((await exported.tableData(table)).map(({ supabaseId, _id }) => [supabaseId, _id]));
  }
  assert.equal(ids[0].length, 2);
  assert.deepEqual(ids[0], ids[1]);
});

test("keys that print otherwise in the child, composite ones, and rows without one", async (t) => {
  const { client, migrate } = await openScenario(t, cluster, {
    functions: upsertsInto(["amounts", "pairs", "logs", "children"]), options: { id_salt: SALT },
    sql: `
      CREATE TABLE amounts (amount numeric PRIMARY KEY);
      CREATE TABLE pairs (a text, b int, PRIMARY KEY (a, b));
      CREATE TABLE logs (line text, code int UNIQUE);
      CREATE TABLE children (id int PRIMARY KEY, amount numeric REFERENCES amounts, a text, b int,
        code int REFERENCES logs (code), self int REFERENCES children, FOREIGN KEY (a, b) REFERENCES pairs);
      INSERT INTO amounts SELECT n + 0.50 FROM generate_series(1, 40) n;
      INSERT INTO pairs SELECT 'x"' || n, n FROM generate_series(1, 40) n;
      INSERT INTO logs SELECT 'line', n FROM generate_series(1, 40) n;
      INSERT INTO children SELECT n, n + 0.5, 'x"' || n, n, n, 41 - n FROM generate_series(1, 40) n`,
  });
  await migrate(); // the deployment has the tables then
  const { path, report } = await exportTo(client);
  assert.deepEqual(report.map(({ exported, failed }) => [exported, failed]), [[40, 0], [40, 0], [40, 0], [40, 0], [160, 0]]);
  const exported = await readExport(path);
  const documents = {};
  for (const table of exported.numbers.keys()) {
    documents[table] = await exported.tableData(table);
    for (const { supabaseId, _id } of documents[table]) {
      const { rows } = await client.query("SELECT convex_id($1, $2) AS id", [table, supabaseId]);
      assert.equal(rows[0].id, _id);
    }
  }
  const find = (table, field, value) => documents[table].find((document) => document[field] === value)._id;
  for (const { id, code, amount, self, ...child } of documents.children) {
    assert.equal(code, find("logs", "code", Number(child.supabaseId)));
    assert.equal(amount, find("amounts", "supabaseId", `${child.supabaseId}.50`));
    assert.equal(child.pairs_id, find("pairs", "supabaseId", JSON.stringify([`x"${child.supabaseId}`, child.supabaseId])));
    assert.equal(self, find("children", "supabaseId", String(41 - child.supabaseId)));
  }
});

test("what is cancelled, or refused by the deployment, leaves the file as it was", async (t) => {
  const { client, convex } = await openScenario(t, cluster, {
    functions: upsertsInto(["slow"]), options: { id_salt: SALT },
    sql: "CREATE VIEW slow AS SELECT n, pg_sleep(0.1)::text AS pause FROM generate_series(1, 1000) AS n",
  });
  const own = `${folder}/own`;
  await mustRun("mkdir", ["-m", "777", own]);
  writeFileSync(`${own}/all.zip`, "as it was");
  await client.query("SET statement_timeout = '1s'");
  assert.equal((await errorOf(exportTo(client, `${own}/all.zip`, ", tables => '{slow}'"))).code, "57014");
  await client.query("RESET statement_timeout");
  assert.deepEqual(readdirSync(own), ["all.zip"]);
  await convex.control("keys", []);
  assert.match((await errorOf(exportTo(client, `${own}/all.zip`, ", tables => '{slow}'"))).message, /key/);
  assert.deepEqual(readdirSync(own), ["all.zip"]);
  assert.equal(readFileSync(`${own}/all.zip`, "utf8"), "as it was");
});

test("a standby writes the same file, and nothing else", async () => {
  const other = await startCluster();
  try {
    let client = await other.connect();
    await client.query(`
      CREATE TABLE items (id int PRIMARY KEY, parent int REFERENCES items, at timestamptz, extra jsonb);
      INSERT INTO items SELECT n, nullif(n / 2, 0), now(), CASE WHEN n = 9 THEN '{"$no": 1}' END::jsonb FROM generate_series(1, 2000) n;
      CREATE EXTENSION convex_migrate;
      CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', id_salt '${SALT}', max_retries '0')`);
    const primary = await exportTo(client);
    await client.end();
    writeFileSync(`${other.directory}/data/standby.signal`, "");
    await other.restart("fast");
    client = await other.connect();
    assert.ok((await client.query("SELECT pg_is_in_recovery() AS yes")).rows[0].yes);
    const standby = await exportTo(client);
    assert.deepEqual(standby.report, primary.report);
    assert.ok(readFileSync(standby.path).equals(readFileSync(primary.path)));
  } finally {
    await other.stop();
  }
});

test("a row is measured by the longer of what a deferred reference may become, as in a run", async (t) => {
  const { client, migrate, rejects } = await openScenario(t, cluster, {
    functions: upsertsInto(["items"]), options: { orphans: "keep", id_salt: SALT },
    sql: `CREATE TABLE items (id text PRIMARY KEY, parent text REFERENCES items, body text NOT NULL);
      INSERT INTO items VALUES (repeat('k', 60), NULL, ''), ('child', repeat('k', 60), repeat('x', 1048430));`,
  });
  await migrate();
  const ofRun = await rejects();
  await exportTo(client);
  assert.match(ofRun[0].reason, /^document_too_large: /);
  assert.deepEqual(await rejects(), ofRun);
});
