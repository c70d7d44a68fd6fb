// The functions that convex_migrate calls to move Postgres into Convex. Written
// by its convex_functions(): to change them, run that again.
//
// Database: messaging
//
// All are internal: only the deploy key can call them, clients cannot. They can
// be called again, since they find a document by its key in Postgres and write
// what differs. When the move is over, delete this file.
//
// Needs npm convex 1.31.0 or later.
import {
  internalMutationGeneric as internalMutation,
  internalQueryGeneric as internalQuery,
  type GenericDatabaseReader,
  type GenericDataModel,
  type PaginationResult,
} from "convex/server";
import {
  v,
  type GenericId,
  type GenericValidator,
  type PropertyValidators,
  type Value,
} from "convex/values";
import { tables } from "./schema";

/** The field with a document's key in Postgres; it needs an index. */
const KEY_FIELD = "supabaseId";

/** What comes from Postgres. Other fields of these tables are left alone. */
const sourceFields = {
  workspaces: ["name", "slug", "owner_id", "settings", "created_at"],
  contacts: [
    "workspace_id",
    "name",
    "email",
    "phone",
    "tags",
    "metadata",
    "lead_score",
    "lead_status",
    "engagement",
    "created_at",
    "updated_at",
    "last_contacted_at",
  ],
  workspaceMembers: [
    "workspace_id",
    "user_id",
    "role",
    "invited_email",
    "joined_at",
  ],
  contactNotes: ["contact_id", "author_id", "body", "pinned", "created_at"],
  conversations: [
    "workspace_id",
    "contact_id",
    "channel",
    "status",
    "subject",
    "unread_count",
    "is_starred",
    "created_at",
    "last_message_at",
  ],
  messages: [
    "conversation_id",
    "contact_id",
    "direction",
    "body",
    "attachments",
    "byte_size",
    "cost",
    "sentiment",
    "sent_at",
    "delivered_at",
    "read_at",
  ],
} satisfies { [Name in keyof typeof tables]?: FieldOf<Name>[] };

type FieldOf<Name extends keyof typeof tables> =
  (typeof tables)[Name]["validator"] extends { fields: infer Fields }
    ? keyof Fields
    : never;
type TableName = keyof typeof sourceFields;

/** A record as it is sent: its key, and fields that the second pass will set. */
type SourceRecord = {
  [field: string]: Value | undefined;
  id: string;
  _pending?: string[];
};

/** What became of a record. On the wire its key is always `supabaseId`. */
type Answer =
  | { supabaseId: string; convexId: string }
  | { supabaseId: string; error: string };

const tableName = v.union(
  ...(Object.keys(sourceFields) as TableName[]).map((name) => v.literal(name)),
);

/** The id of the document with this key, or undefined. */
async function find(
  db: GenericDatabaseReader<GenericDataModel>,
  table: TableName,
  key: string,
) {
  const document = await db
    .query(table)
    .withIndex(`by_${KEY_FIELD}`, (q) => q.eq(KEY_FIELD, key))
    .unique();
  // One function serves all tables, so TypeScript does not know the document's.
  return document?._id as GenericId<TableName> | undefined;
}

/**
 * Writes records in their order and says what became of each: one that cannot
 * be written does not hold up the others. An error that begins "Too many" means
 * that the call is larger than a transaction may be. No record is to blame for
 * it, so the call fails and convex_migrate sends smaller ones.
 */
async function answerEach<Sent extends { id: string }>(
  records: Sent[],
  write: (record: Sent, index: number) => Promise<string>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [index, record] of records.entries()) {
    try {
      const convexId = await write(record, index);
      answers.push({ supabaseId: record.id, convexId });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason.startsWith("Too many")) throw error;
      answers.push({ supabaseId: record.id, error: reason });
    }
  }
  return answers;
}

/**
 * A mutation that inserts records of a table, or updates their documents. A
 * source field that a record does not have is removed, unless it is pending.
 */
function upserts(table: TableName) {
  const argument: string = table;
  const fields: string[] = sourceFields[table];
  const absent = Object.fromEntries(fields.map((field) => [field, undefined]));
  const validators: PropertyValidators = tables[table].validator.fields;
  const record = v.object({
    ...Object.fromEntries(fields.map((field) => [field, validators[field]])),
    id: v.string(),
    _pending: v.optional(v.array(v.string())),
  });
  return internalMutation({
    args: { [argument]: v.array(record) },
    handler: async (ctx, { [argument]: records = [] }) => {
      const known = await Promise.all(
        records.map(({ id }) => find(ctx.db, table, id)),
      );
      return await answerEach<SourceRecord>(records, async (record, index) => {
        const { id, _pending = [], ...sent } = record;
        const document: Partial<SourceRecord> = { ...absent, ...sent };
        const convexId = known[index];
        if (convexId === undefined)
          return await ctx.db.insert(table, { ...document, [KEY_FIELD]: id });
        for (const field of _pending) delete document[field];
        // A patch that changes nothing writes nothing.
        await ctx.db.patch(table, convexId, document);
        return convexId;
      });
    },
  });
}

function isReference(validator: GenericValidator | undefined): boolean {
  return validator?.kind === "union"
    ? validator.members.some(isReference)
    : validator?.kind === "id";
}

/** The second pass: sets references to rows that came later; null removes. */
export const complete = internalMutation({
  args: {
    table: tableName,
    records: v.array(
      v.object({
        id: v.string(),
        convexId: v.string(),
        fields: v.record(v.string(), v.union(v.string(), v.null())),
      }),
    ),
  },
  handler: async (ctx, { table, records }) => {
    const validators: PropertyValidators = tables[table].validator.fields;
    return await answerEach(records, async ({ convexId, fields }) => {
      const id = ctx.db.normalizeId(table, convexId);
      if (id === null) throw new Error(`Not an id of table "${table}"`);
      const references = Object.entries(fields).map(([field, value]) => {
        if (isReference(validators[field])) return [field, value ?? undefined];
        throw new Error(`Field "${field}" is not a reference`);
      });
      await ctx.db.patch(table, id, Object.fromEntries(references));
      return id;
    });
  },
});

/** The ids of the documents with these keys, as far as there are any. */
export const resolve = internalQuery({
  args: { table: tableName, keys: v.array(v.string()) },
  handler: async (ctx, { table, keys }) => {
    const found = await Promise.all(
      keys.map(async (key) => {
        const convexId = await find(ctx.db, table, key);
        return convexId === undefined ? [] : [{ supabaseId: key, convexId }];
      }),
    );
    return found.flat();
  },
});

/** Deletes the documents with these keys, as far as there are any. */
export const remove = internalMutation({
  args: { table: tableName, keys: v.array(v.string()) },
  handler: async (ctx, { table, keys }) =>
    await Promise.all(
      keys.map(async (key) => {
        const convexId = await find(ctx.db, table, key);
        if (convexId !== undefined) await ctx.db.delete(table, convexId);
        return { supabaseId: key, removed: convexId !== undefined };
      }),
    ),
});

/** A page of a table's documents, in the order of their insertion. */
export const list = internalQuery({
  args: {
    table: tableName,
    cursor: v.union(v.string(), v.null()),
    numItems: v.number(),
  },
  handler: async (ctx, page): Promise<PaginationResult<unknown>> =>
    await ctx.db
      .query(page.table)
      .paginate({ cursor: page.cursor, numItems: page.numItems }),
});

/** By this convex_migrate knows functions that it wrote, and for which tables. */
export const about = internalQuery({
  args: {},
  handler: () => ({
    generator: "convex_migrate",
    version: "0.1.0",
    fingerprint: "71e94e7cfff41d99",
  }),
});

export const migrateWorkspaces = upserts("workspaces");
export const migrateContacts = upserts("contacts");
export const migrateWorkspaceMembers = upserts("workspaceMembers");
export const migrateContactNotes = upserts("contactNotes");
export const migrateConversations = upserts("conversations");
export const migrateMessages = upserts("messages");
