/**
 * The messaging example from end to end: all six tables arrive complete and
 * exact, with hand-written inserts, with upserts, and where the deployment
 * redacts its error texts; a second run of the upserts writes nothing.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  compareDocuments, loadMessaging, messagingProject, prepareDatabase, startCluster, startConvex,
} from "../harness/index.mjs";

const sizes = { contacts: 500, conversations: 1000, messages: 5000, notes: 200 };

/** Rows of each table, and the table each becomes. */
const expectedRows = {
  workspaces: ["workspaces", 1],
  workspace_members: ["workspaceMembers", 10],
  contacts: ["contacts", 500],
  conversations: ["conversations", 1000],
  messages: ["messages", 5000],
  contact_notes: ["contactNotes", 200],
};
const TOTAL = 6711;

let cluster;

before(async () => {
  cluster = await startCluster();
  await loadMessaging(cluster, { sizes });
});

after(() => cluster?.stop());

/** Gives each test a deployment of its own and an extension that points to it. */
async function withConvex(t, options) {
  const convex = await startConvex(options);
  const client = await cluster.connect();
  t.after(async () => {
    await client.query("DROP EXTENSION IF EXISTS convex_migrate CASCADE");
    await convex.stop();
  });
  await prepareDatabase(client, convex);
  return { convex, client };
}

async function migrate(client) {
  const { rows } = await client.query(
    `SELECT source::text, target, rows_read::int, migrated::int, failed::int, status FROM convex_migrate()`);
  return rows;
}

/** The report has a row for each table, parents before children, and the total at the end. */
function assertReport(report) {
  const total = report[report.length - 1];
  assert.deepEqual({ ...total, status: undefined },
    { source: null, target: total.target, rows_read: TOTAL, migrated: TOTAL, failed: 0, status: undefined });
  const tables = report.slice(0, -1);
  assert.deepEqual(
    Object.fromEntries(tables.map(({ source, target, rows_read }) => [source, [target, rows_read]])), expectedRows);
  for (const { source, rows_read, migrated, failed } of tables) {
    assert.deepEqual({ migrated, failed }, { migrated: rows_read, failed: 0 }, source);
  }
  const position = (source) => tables.findIndex((row) => row.source === source);
  for (const [parent, child] of [
    ["workspaces", "workspace_members"], ["workspaces", "contacts"], ["contacts", "conversations"],
    ["conversations", "messages"], ["contacts", "contact_notes"],
  ]) {
    assert.ok(position(parent) < position(child), `${parent} before ${child}`);
  }
}

async function assertComplete(client, convex) {
  const { documents, differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.equal(documents, TOTAL);
}

for (const project of ["inserts", "upserts"]) {
  for (const redact of [false, true]) {
    test(`${project}${redact ? ", error texts redacted" : ""}: every row arrives exactly`, async (t) => {
      const { convex, client } = await withConvex(t, { functions: messagingProject(project), redact });
      assertReport(await migrate(client));
      await assertComplete(client, convex);
    });
  }
}

test("the id map has the document of every row, and only for this session", async (t) => {
  const { convex, client } = await withConvex(t, { functions: messagingProject("upserts") });
  await migrate(client);
  const { rows } = await client.query("SELECT source::text, key, convex_id FROM convex_id_map");
  const map = Object.fromEntries(Object.keys(expectedRows).map((source) => [source, {}]));
  for (const { source, key, convex_id } of rows) map[source][key] = convex_id;
  assert.equal(rows.length, TOTAL);
  for (const [source, [target]] of Object.entries(expectedRows)) {
    const documents = await convex.tableData(target);
    assert.deepEqual(map[source], Object.fromEntries(documents.map(({ supabaseId, _id }) => [supabaseId, _id])), source);
  }
  const other = await cluster.connect();
  const { rows: elsewhere } = await other.query("SELECT to_regclass('pg_temp.convex_id_map') AS map");
  assert.equal(elsewhere[0].map, null);
});

test("the first message names the deployment, and none has the deploy key", async (t) => {
  const { convex, client } = await withConvex(t, { functions: messagingProject("upserts") });
  await migrate(client);
  assert.ok([convex.instance, convex.url].some((name) => client.notices[0].message.includes(name)), client.notices[0].message);
  const secret = convex.deployKey.split("|").pop();
  for (const { message, detail, hint } of client.notices) {
    assert.ok(!`${message} ${detail} ${hint}`.includes(secret), message);
  }
});

test("a second run from a new connection writes nothing", async (t) => {
  const { convex, client } = await withConvex(t, { functions: messagingProject("upserts") });
  await migrate(client);
  const written = await convex.documentsWritten();
  assert.equal(written.inserted, TOTAL);
  const again = await cluster.connect();
  assertReport(await migrate(again));
  assert.deepEqual(await convex.documentsWritten(), written);
  await assertComplete(again, convex);
});

test("a changed row is the only one written by a second run", async (t) => {
  const { convex, client } = await withConvex(t, { functions: messagingProject("upserts") });
  await migrate(client);
  const written = await convex.documentsWritten();
  const { rows: [{ id, phone }] } = await client.query("SELECT id, phone FROM contacts WHERE phone IS NOT NULL ORDER BY id LIMIT 1");
  t.after(() => client.query("UPDATE contacts SET phone = $2 WHERE id = $1", [id, phone]));
  await client.query("UPDATE contacts SET phone = NULL WHERE id = $1", [id]);
  assertReport(await migrate(await cluster.connect()));
  assert.deepEqual(await convex.documentsWritten(), { ...written, patched: written.patched + 1 });
  await assertComplete(client, convex);
});
