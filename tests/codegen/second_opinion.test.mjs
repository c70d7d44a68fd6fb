/**
 * The generated functions of the example under convex-test, the official mock: the same documents and answers as in the
 * local Convex.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { makeFunctionReference } from "convex/server";
import { convexTest } from "convex-test";
import { loadModules } from "../convex/test/load_modules.mjs";
import { messagingProject, startConvex } from "../harness/index.mjs";

const TABLES = ["workspaces", "contacts", "conversations", "messages"];

const convex = await startConvex({ functions: messagingProject("generated") });
after(() => convex.stop());

const modules = await loadModules(messagingProject("generated"));

/** The mock as the harness calls a local Convex; one of its module paths must contain "_generated". */
function startMock() {
  const loaders = Object.fromEntries(
    Object.keys(modules).map((path) => [`/convex/${path}`, async () => modules[path]]),
  );
  const mock = convexTest(modules["schema.js"].default, { ...loaders, "/convex/_generated/api.js": async () => ({}) });
  return {
    mutation: (path, args) => mock.mutation(makeFunctionReference(path), args),
    query: (path, args) => mock.query(makeFunctionReference(path), args),
    tableData: (table) => mock.run((ctx) => ctx.db.query(table).collect()),
  };
}

/** A migration, changes, a second one, a few documents removed. @returns what can be seen of it, without ids */
async function scenario({ mutation, query, tableData }) {
  const idOf = {};
  const written = [];
  const migrate = async (table, ...records) => {
    const name = `migrate:migrate${table[0].toUpperCase()}${table.slice(1)}`;
    const answers = await mutation(name, { [table]: records });
    for (const { supabaseId, convexId } of answers) idOf[supabaseId] = convexId;
    written.push(...answers);
  };
  for (const change of [{}, { email: undefined, name: "Grace", metadata: null }]) {
    await migrate("workspaces", {
      id: "w",
      name: "Acme",
      slug: "acme",
      owner_id: "u",
      settings: { a: [1] },
      created_at: 1.5,
    });
    const contact = {
      name: "Ada",
      email: "a@example.com",
      tags: ["x"],
      lead_score: 1,
      lead_status: "new",
      created_at: 1,
      updated_at: 2,
    };
    await migrate(
      "contacts",
      ...["c1", "c2", "c3"].map((id) => ({ id, workspace_id: idOf.w, ...contact, ...(id === "c2" ? change : {}) })),
    );
    await migrate("conversations", {
      id: "v",
      workspace_id: idOf.w,
      contact_id: idOf.c2,
      channel: "sms",
      status: "open",
      unread_count: 0,
      is_starred: false,
      created_at: 1,
    });
    const message = {
      conversation_id: idOf.v,
      direction: "inbound",
      body: "Hi",
      attachments: [],
      byte_size: -1,
      sent_at: 1,
    };
    await migrate("messages", { id: "m1", ...message, contact_id: idOf.c2 }, { id: "m2", ...message });
  }
  const removed = await mutation("migrate:remove", { table: "contacts", keys: ["c3", "c4"] });
  const reference = { id: "m2", convexId: idOf.m2, fields: { contact_id: idOf.c1 } };
  const completed = await mutation("migrate:complete", {
    table: "messages",
    records: [reference, { ...reference, fields: { body: "x" } }],
  });
  const resolved = await query("migrate:resolve", { table: "contacts", keys: ["c1", "c3"] });
  const ranges = {};
  for (const [after, upTo] of [
    [null, null],
    ["c1", null],
    [null, "c1"],
  ]) {
    const limits = { cursor: null, numItems: 10, numBytes: 1 << 20, keysOnly: after === null };
    const { page, isDone } = await query("migrate:range", { table: "contacts", after, upTo, ...limits });
    const withoutTime = page.map(({ document, ...found }) => ({ ...found, ...document, _creationTime: undefined }));
    ranges[`${after} ${upTo}`] = { page: withoutTime, isDone };
  }
  const about = await query("migrate:about", {});
  const documents = {};
  for (const table of TABLES)
    documents[table] = (await tableData(table)).map(({ _creationTime, ...document }) => document);
  const keyOf = new Map(Object.entries(idOf).map(([key, id]) => [id, `id of ${key}`]));
  const seen = {
    removed,
    completed,
    resolved,
    written,
    ranges,
    about,
    documents,
  };
  return JSON.parse(JSON.stringify(seen, (_, value) => keyOf.get(value) ?? value));
}

test("the same documents and answers as under convex-test", async () => {
  const seen = await scenario({
    mutation: (...call) => convex.mutation(...call),
    query: (...call) => convex.query(...call),
    tableData: (table) => convex.tableData(table),
  });
  assert.deepEqual(seen, await scenario(startMock()));
  assert.deepEqual(
    Object.values(seen.ranges).map(({ page }) => page.map(({ supabaseId }) => supabaseId)),
    [["c1", "c2"], ["c2"], ["c1"]],
  );
  assert.deepEqual(
    seen.documents.contacts.map(({ name, email }) => [name, email]),
    [
      ["Ada", "a@example.com"],
      ["Grace", undefined],
    ],
  );
  assert.deepEqual(
    seen.documents.messages.map(({ contact_id }) => contact_id),
    ["id of c2", "id of c1"],
  );
});
