/**
 * Generated functions at the limits of a transaction: the largest batches of convex_migrate pass, and a batch that is
 * too large fails as a whole, with an error that begins "Too many", without a record being refused.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { messagingProject, startConvex } from "../harness/index.mjs";

/** The extension's own limits of a batch (options batch_rows and batch_bytes). */
const BATCH_ROWS = 1000;
const BATCH_BYTES = 4 << 20;

let convex;

before(async () => {
  // No limit of time: the machine that runs the tests may be slow or busy.
  convex = await startConvex({ functions: messagingProject("generated"), args: ["--user-time-limit", "0"] });
});

after(() => convex?.stop());

beforeEach(() => convex.control("reset", {}));

/** Workspaces with consecutive keys, each with a text of so many bytes. */
function workspaces(count, bytes, { first = 0, letter = "x" } = {}) {
  return Array.from({ length: count }, (_, n) => ({
    id: `key-${first + n}`,
    name: "Acme",
    slug: "acme",
    owner_id: "u1",
    settings: letter.repeat(bytes),
    created_at: 1,
  }));
}

function send(records) {
  return convex.mutation("migrate:migrateWorkspaces", { workspaces: records });
}

/** Stores workspaces in calls that are small enough. */
async function store(count, bytes) {
  const perCall = Math.max(1, Math.floor(BATCH_BYTES / (bytes + 300)));
  for (let first = 0; first < count; first += perCall) {
    const answers = await send(workspaces(Math.min(perCall, count - first), bytes, { first }));
    assert.equal(
      answers.some(({ error }) => error !== undefined),
      false,
    );
  }
  assert.equal((await convex.documentsWritten()).inserted, count);
}

async function assertTooLarge(records, what) {
  const written = await convex.documentsWritten();
  await assert.rejects(send(records), (error) => {
    assert.match(error.message, new RegExp(`Uncaught Error: Too many ${what}`));
    return true;
  });
  assert.deepEqual(await convex.documentsWritten(), written);
}

for (const [what, bytes] of [
  ["rows", 100],
  ["bytes", Math.floor(BATCH_BYTES / BATCH_ROWS) - 130],
]) {
  test(`the most ${what} of a batch, inserted, updated, and again unchanged`, async (t) => {
    for (const letter of ["a", "b", "b"]) {
      const began = performance.now();
      const answers = await send(workspaces(BATCH_ROWS, bytes, { letter }));
      t.diagnostic(`${Math.round(performance.now() - began)} ms`);
      assert.equal(answers.filter(({ convexId }) => convexId !== undefined).length, BATCH_ROWS);
    }
    const { inserted, patched } = await convex.documentsWritten();
    assert.deepEqual({ inserted, patched }, { inserted: BATCH_ROWS, patched: BATCH_ROWS });
  });
}

test("inserts that write too many bytes", async () => {
  // Just under the 16 MiB that a call may carry; the ids and times of 3,900 documents come on top.
  await assertTooLarge(workspaces(3900, 4190), "bytes written");
});

test("lookups of more ranges than there may be", async () => {
  await assertTooLarge(workspaces(4097, 10), "reads");
});

test("updates of more ranges than there may be: two each, one of them when it is written", async () => {
  await store(2049, 10);
  await assertTooLarge(workspaces(2049, 10, { letter: "y" }), "reads");
  const answers = await send(workspaces(2048, 10, { letter: "y" }));
  assert.equal(
    answers.some(({ error }) => error !== undefined),
    false,
  );
});

test("lookups of stored documents that are too large together", async () => {
  await store(20, 900000);
  await assertTooLarge(workspaces(20, 10), "bytes read");
});

test("updates of stored documents that are too large together: read again when written", async () => {
  await store(10, 900000);
  await assertTooLarge(workspaces(10, 10), "bytes read");
  const answers = await send(workspaces(9, 10));
  assert.equal(
    answers.some(({ error }) => error !== undefined),
    false,
  );
});

test("a failed lookup fails the call of resolve and remove too", async () => {
  const args = { table: "workspaces", keys: workspaces(4097, 0).map(({ id }) => id) };
  await assert.rejects(convex.query("migrate:resolve", args), /Too many reads/);
  await assert.rejects(convex.mutation("migrate:remove", args), /Too many reads/);
});

test("completing stored documents that are too large together", async () => {
  const [{ convexId: workspace }] = await send(workspaces(1, 10));
  const [contact] = await convex.mutation("migrate:migrateContacts", {
    contacts: [
      {
        id: "c",
        workspace_id: workspace,
        name: "Ada",
        tags: [],
        lead_score: 1,
        lead_status: "new",
        created_at: 1,
        updated_at: 2,
      },
    ],
  });
  const [conversation] = await convex.mutation("migrate:migrateConversations", {
    conversations: [
      {
        id: "v",
        workspace_id: workspace,
        contact_id: contact.convexId,
        channel: "sms",
        status: "open",
        unread_count: 0,
        is_starred: false,
        created_at: 1,
      },
    ],
  });
  const records = [];
  for (let n = 0; n < 20; n += 1) {
    const message = {
      id: String(n),
      conversation_id: conversation.convexId,
      direction: "inbound",
      body: "x".repeat(900000),
      attachments: [],
      byte_size: 1,
      sent_at: 1,
    };
    const [{ convexId }] = await convex.mutation("migrate:migrateMessages", { messages: [message] });
    records.push({ id: message.id, convexId, fields: { contact_id: contact.convexId } });
  }
  await assert.rejects(
    convex.mutation("migrate:complete", { table: "messages", records }),
    /Uncaught Error: Too many bytes/,
  );
  assert.equal((await convex.documentsWritten()).patched, 0);
});
