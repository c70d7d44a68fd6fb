/**
 * What the example's functions promise to whoever calls them, on a local Convex:
 * the contract between convex_migrate and functions written by hand.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { messagingProject, run, startConvex } from "../../harness/index.mjs";

const tests = fileURLToPath(new URL("../../", import.meta.url));

let upserts, inserts;

before(async () => {
  upserts = await startConvex({ functions: messagingProject("upserts") });
  inserts = await startConvex({ functions: messagingProject("inserts") });
});

after(async () => {
  await upserts?.stop();
  await inserts?.stop();
});

function workspace(id, fields = {}) {
  return { id, name: "Acme", slug: id, owner_id: "u1", settings: {}, created_at: 1, ...fields };
}

function contact(id, workspaceId, fields = {}) {
  return {
    id, workspace_id: workspaceId, name: "Ada", tags: [], lead_score: 1, lead_status: "new",
    created_at: 1, updated_at: 2, ...fields,
  };
}

async function newWorkspace(convex, id) {
  const [{ convexId }] = await convex.mutation("migrate:migrateWorkspaces", { workspaces: [workspace(id)] });
  return convexId;
}

async function documentOf(convex, table, id) {
  const documents = await convex.tableData(table);
  const { _id, _creationTime, ...document } = documents.find(({ supabaseId }) => supabaseId === id);
  return document;
}

test("both projects pass the type checker", async () => {
  const { stdout, code } = await run("node_modules/.bin/tsc", ["-p", "messaging"], { cwd: tests });
  assert.deepEqual({ stdout, code }, { stdout: "", code: 0 });
});

test("a record is stored with its key as supabaseId, and without id", async () => {
  for (const convex of [upserts, inserts]) {
    const workspaceId = await newWorkspace(convex, "stored");
    await convex.mutation("migrate:migrateContacts", { contacts: [contact("c-stored", workspaceId)] });
    const { id, ...fields } = contact("c-stored", workspaceId);
    assert.deepEqual(await documentOf(convex, "contacts", "c-stored"), { supabaseId: id, ...fields });
  }
});

test("upserts: the same record again gives the same id and writes nothing", async () => {
  const workspaceId = await newWorkspace(upserts, "again");
  const call = () => upserts.mutation("migrate:migrateContacts", { contacts: [contact("c-again", workspaceId, { email: "a@example.com" })] });
  const first = await call();
  const written = await upserts.documentsWritten();
  assert.ok(written.inserted > 0);
  assert.deepEqual(await call(), first);
  assert.deepEqual(await upserts.documentsWritten(), written);
});

test("upserts: a changed field is set, one left out is removed", async () => {
  const workspaceId = await newWorkspace(upserts, "changed");
  const full = contact("c-changed", workspaceId, { email: "a@example.com", metadata: { a: 1 } });
  await upserts.mutation("migrate:migrateContacts", { contacts: [full] });
  await upserts.mutation("migrate:migrateContacts", { contacts: [contact("c-changed", workspaceId, { name: "Grace", metadata: null })] });
  const { id, ...fields } = contact("c-changed", workspaceId, { name: "Grace", metadata: null });
  assert.deepEqual(await documentOf(upserts, "contacts", "c-changed"), { supabaseId: id, ...fields });
});

test("upserts: a record that cannot be written is reported, the others are written", async () => {
  const answers = await upserts.mutation("migrate:migrateWorkspaces", {
    workspaces: [workspace("fits"), workspace("large", { name: "x".repeat(1100000) }), workspace("fits-too")],
  });
  assert.deepEqual(answers.map(({ supabaseId, error }) => [supabaseId, error !== undefined]),
    [["fits", false], ["large", true], ["fits-too", false]]);
  assert.match(answers[1].error, /too large/i);
  const stored = (await upserts.tableData("workspaces")).map(({ supabaseId }) => supabaseId);
  assert.deepEqual(["fits", "large", "fits-too"].map((id) => stored.includes(id)), [true, false, true]);
});

test("upserts: a batch beyond the limits of a transaction fails as a whole", async () => {
  // One index range is read for each record, and 4,096 are allowed.
  const workspaces = Array.from({ length: 4200 }, (_, n) => workspace(`many-${n}`));
  await assert.rejects(upserts.mutation("migrate:migrateWorkspaces", { workspaces }), /Too many/);
  const stored = await upserts.tableData("workspaces");
  assert.equal(stored.some(({ supabaseId }) => supabaseId.startsWith("many-")), false);
});

test("upserts cannot be called without the deploy key, inserts can", async () => {
  const call = async ({ url }) => {
    const response = await fetch(`${url}/api/mutation`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path: "migrate:migrateWorkspaces", args: { workspaces: [] } }),
    });
    return (await response.json()).status;
  };
  assert.deepEqual([await call(upserts), await call(inserts)], ["error", "success"]);
});
