/**
 * Does the comparison see what it must? The messaging example is moved here
 * without the extension, by SQL that makes JSON and plain HTTP calls. Then
 * nothing may differ, and each kind of damage must be found.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, loadMessaging, messagingProject, startCluster, startConvex } from "../index.mjs";

/** Records to a call. */
const BATCH = 500;

/** Each table's records as SQL gives them, parents first: references still hold the key of the parent. */
const TABLES = [
  { table: "workspaces", function: "migrateWorkspaces", argument: "workspaces", times: ["created_at"], references: {} },
  {
    table: "workspace_members", function: "migrateWorkspaceMembers", argument: "workspaceMembers",
    times: ["joined_at"], references: { workspace_id: "workspaces" },
  },
  {
    table: "contacts", function: "migrateContacts", argument: "contacts",
    times: ["created_at", "updated_at", "last_contacted_at"], references: { workspace_id: "workspaces" },
  },
  {
    table: "conversations", function: "migrateConversations", argument: "conversations",
    times: ["created_at", "last_message_at"], references: { workspace_id: "workspaces", contact_id: "contacts" },
  },
  {
    table: "messages", function: "migrateMessages", argument: "messages",
    times: ["sent_at", "delivered_at", "read_at"], references: { conversation_id: "conversations", contact_id: "contacts" },
  },
  {
    table: "contact_notes", function: "migrateContactNotes", argument: "contactNotes",
    times: ["created_at"], references: { contact_id: "contacts" },
  },
];

let cluster, convex, client;

before(async () => {
  cluster = await startCluster();
  await loadMessaging(cluster, { sizes: { contacts: 700, conversations: 900, messages: 3000, notes: 100 } });
  client = await cluster.connect();
  convex = await startConvex({ functions: messagingProject("upserts") });
  await moveByHand();
});

after(async () => {
  await convex?.stop();
  await cluster?.stop();
});

async function moveByHand() {
  const ids = {};
  for (const { table, function: name, argument, times, references } of TABLES) {
    const converted = times.map((column) => `'${column}', extract(epoch FROM ${column}) * 1000`).join(", ");
    const { rows } = await client.query(`SELECT to_jsonb(t) || jsonb_build_object(${converted}) AS record FROM ${table} t`);
    const records = rows.map(({ record }) => record);
    for (const record of records) {
      for (const [field, value] of Object.entries(record)) {
        if (value === null && (field !== "metadata" || await isSqlNull(record.id))) delete record[field];
        else if (value === "NaN" || value === "-Infinity") record[field] = Number(value);
        else if (field in references) record[field] = ids[references[field]].get(value);
      }
      // jsonb has no negative zero.
      if (table === "contacts" && record.engagement === 0) record.engagement = -0;
    }
    ids[table] = new Map();
    for (let start = 0; start < records.length; start += BATCH) {
      const answers = await convex.mutation(`migrate:${name}`, { [argument]: records.slice(start, start + BATCH) });
      for (const { supabaseId, convexId, error } of answers) {
        assert.equal(error, undefined);
        ids[table].set(supabaseId, convexId);
      }
    }
  }
}

/** to_jsonb prints NULL and a JSON null alike. */
async function isSqlNull(id) {
  const { rows } = await client.query("SELECT metadata IS NULL AS answer FROM contacts WHERE id = $1", [id]);
  return rows[0].answer;
}

/** Compares with one table's documents changed on the way. */
async function compareDamaged(damagedTable, damage) {
  const { differences } = await compareDocuments(client, {
    tableData: async (table) => {
      const documents = await convex.tableData(table);
      return table === damagedTable ? damage(documents) : documents;
    },
  });
  return differences.map(({ table, field, expected, found }) => ({ table, field, expected, found }));
}

/** Changes one field of the first document that the condition holds for. */
function changing(condition, field, value) {
  return (documents) => {
    const document = documents.find(condition);
    if (value === undefined) delete document[field];
    else document[field] = value(document);
    return documents;
  };
}

test("nothing differs after a faithful migration", async () => {
  assert.deepEqual(await compareDocuments(client, convex), { documents: 4711, differences: [], refusals: [] });
});

test("a missing and an extra document are found", async () => {
  const missing = await compareDamaged("contactNotes", (documents) => documents.slice(1));
  assert.deepEqual(missing.map(({ table, field, found }) => [table, field, found]), [["contactNotes", null, undefined]]);
  const extra = await compareDamaged("contactNotes", (documents) => [...documents, { ...documents[0], supabaseId: "unknown" }]);
  assert.deepEqual(extra.map(({ table, field, expected }) => [table, field, expected]), [["contactNotes", null, undefined]]);
});

test("a document that is there twice is found", async () => {
  const twice = await compareDamaged("contactNotes", (documents) => [...documents, documents[0]]);
  assert.deepEqual(twice.map(({ table, field, expected }) => [table, field, expected]), [["contactNotes", null, undefined]]);
});

test("a reference to the wrong document is found", async () => {
  const wrong = await compareDamaged("contactNotes", (documents) => {
    const other = documents.find(({ contact_id }) => contact_id !== documents[0].contact_id);
    documents[0].contact_id = other.contact_id;
    return documents;
  });
  assert.deepEqual(wrong.map(({ field }) => field), ["contact_id"]);
});

test("a field too few and a field too many are found", async () => {
  const always = () => true;
  assert.deepEqual((await compareDamaged("messages", changing(always, "body"))).map(({ field, found }) => [field, found]), [["body", undefined]]);
  const more = await compareDamaged("messages", changing(always, "extra", () => null));
  assert.deepEqual(more, [{ table: "messages", field: "extra", expected: undefined, found: null }]);
});

test("the smallest changes of a value are found", async () => {
  const changes = [
    ["messages", ({ byte_size }) => byte_size === 9007199254740991, "byte_size", () => 9007199254740990],
    ["messages", ({ cost }) => cost !== undefined, "cost", ({ cost }) => cost + 1e-15],
    ["messages", ({ sent_at }) => sent_at % 1 !== 0, "sent_at", ({ sent_at }) => Math.trunc(sent_at)],
    ["messages", ({ byte_size }) => byte_size > 0, "byte_size", ({ byte_size }) => BigInt(byte_size)],
    ["messages", ({ body }) => body.includes("𝒳"), "body", ({ body }) => body.replace("𝒳", "X")],
    ["contacts", ({ engagement }) => Object.is(engagement, -0), "engagement", () => 0],
    ["contacts", ({ engagement }) => Number.isNaN(engagement), "engagement", () => null],
    ["contacts", ({ metadata }) => metadata === null, "metadata", undefined],
    ["contacts", ({ tags }) => tags.length > 1, "tags", ({ tags }) => tags.toReversed?.() ?? [...tags].reverse()],
    ["contacts", ({ created_at }) => created_at < 0, "created_at", ({ created_at }) => -created_at],
  ];
  for (const [table, condition, field, value] of changes) {
    const found = await compareDamaged(table, changing(condition, field, value));
    assert.deepEqual(found.map((difference) => difference.field), [field], `${table}.${field}`);
  }
});
