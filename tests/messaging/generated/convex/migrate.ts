// The functions that convex_migrate calls to move Postgres into Convex. Written
// by its convex_functions(): to change them, run that again.
//
// Database: messaging
//
// All are internal: only the deploy key can call them, clients cannot. They can
// be called again, since they find a document by its key in Postgres and write
// what differs. When the move is over, delete this file.
//
// Needs npm convex 1.32.0 or later.
import {
  internalMutationGeneric as internalMutation,
  internalQueryGeneric as internalQuery,
  type GenericDatabaseReader,
  type GenericDataModel,
} from "convex/server";
import {
  convexToJson,
  v,
  type GenericId,
  type GenericValidator,
  type PropertyValidators,
  type Value,
} from "convex/values";
import { tables } from "./schema";

/**
 * Lets Convex keep this module, which has no state, for the next call. Where it
 * does not, the module runs anew in every call: so arguments are described only
 * when they are asked for, which is at a deployment.
 */
export const experimental_reuseContext = true;

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

type Document = { [field: string]: Value | undefined };

/**
 * A record as it is sent: its key, fields, and which of them the link pass will
 * set. A field that is called "id" is sent as "_id".
 */
type SourceRecord = Document & { id: string; _pending?: string[] };

const onWire = (field: string) => (field === "id" ? "_id" : field);

/** What became of a record. On the wire its key is always `supabaseId`. */
type Answer<Outcome> = { supabaseId: string } & (Outcome | { error: string });

const tableName = () =>
  v.union(
    ...(Object.keys(sourceFields) as TableName[]).map((name) =>
      v.literal(name),
    ),
  );

/** A document that is read, of whichever table. */
type Stored = Document & { _id: GenericId<TableName> };

/** The document with this key, or null. */
async function find(
  db: GenericDatabaseReader<GenericDataModel>,
  table: TableName,
  key: string,
) {
  const document = await db
    .query(table)
    .withIndex(`by_${KEY_FIELD}`, (q) => q.eq(KEY_FIELD, key))
    .unique();
  return document as Stored | null;
}

/**
 * Looks keys up, all at once. The result gives the document of the key at an
 * index, or throws what its look-up threw, as that of a key with two
 * documents does.
 */
async function findEach(
  db: GenericDatabaseReader<GenericDataModel>,
  table: TableName,
  keys: string[],
) {
  const found = await Promise.allSettled(
    keys.map((key) => find(db, table, key)),
  );
  return (index: number) => {
    const outcome = found[index];
    if (outcome?.status === "rejected") throw outcome.reason;
    return outcome?.value ?? undefined;
  };
}

/** Whether values are the same to the last bit, as far as is quickly seen. */
function isSame(a: Value | undefined, b: Value | undefined) {
  if (typeof a !== "object" || typeof b !== "object")
    return a === b && (a !== 0 || Object.is(a, b));
  return JSON.stringify(convexToJson(a)) === JSON.stringify(convexToJson(b));
}

/**
 * Writes records in their order and says what became of each: one that cannot
 * be written does not hold up the others. An error that begins "Too many" means
 * that the call is larger than a transaction may be. No record is to blame for
 * it, so the call fails and convex_migrate sends smaller ones.
 */
async function answerEach<Sent extends { id: string }, Outcome>(
  records: Sent[],
  write: (record: Sent, index: number) => Promise<Outcome>,
): Promise<Answer<Outcome>[]> {
  const answers: Answer<Outcome>[] = [];
  for (const [index, record] of records.entries()) {
    try {
      const outcome = await write(record, index);
      answers.push({ supabaseId: record.id, ...outcome });
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
  return internalMutation({
    get args() {
      const fields: string[] = sourceFields[table];
      const validators: PropertyValidators = tables[table].validator.fields;
      const record = v.object({
        ...Object.fromEntries(
          fields.map((field) => [onWire(field), validators[field]]),
        ),
        id: v.string(),
        _pending: v.optional(v.array(v.string())),
      });
      return { [argument]: v.array(record) };
    },
    handler: async (ctx, { [argument]: records = [] }) => {
      const fields: string[] = sourceFields[table];
      const absent = Object.fromEntries(
        fields.map((field) => [field, undefined]),
      );
      const keys = records.map(({ id }) => id);
      const known = await findEach(ctx.db, table, keys);
      const write = async (record: SourceRecord, index: number) => {
        const { id, _id, _pending = [], ...sent } = record;
        const document: Document = { ...absent, ...sent };
        if ("id" in absent) document["id"] = _id;
        const stored = known(index);
        if (stored === undefined) {
          const created = { ...document, [KEY_FIELD]: id };
          const newId = await ctx.db.insert(table, created);
          return { convexId: newId, inserted: true };
        }
        for (const field of _pending) delete document[field];
        // A field may have a name that every object knows ("constructor").
        const before: Document = { ...absent, ...stored };
        const isStored = (field: string) =>
          isSame(document[field], before[field]);
        // A patch that changes nothing writes nothing, but reads once more.
        if (!Object.keys(document).every(isStored))
          await ctx.db.patch(table, stored._id, document);
        return { convexId: stored._id };
      };
      return await answerEach(records, write);
    },
  });
}

function isReference(validator: GenericValidator | undefined): boolean {
  if (validator?.kind === "union") return validator.members.some(isReference);
  if (validator?.kind === "array") return isReference(validator.element);
  return validator?.kind === "id";
}

/** The link pass: sets references to rows that came later; null removes. */
export const complete = internalMutation({
  get args() {
    const reference = v.union(v.string(), v.array(v.string()), v.null());
    const record = v.object({
      id: v.string(),
      convexId: v.string(),
      fields: v.record(v.string(), reference),
    });
    return { table: tableName(), records: v.array(record) };
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
      return { convexId: id };
    });
  },
});

/** The ids of the documents with these keys, as far as there are any. */
export const resolve = internalQuery({
  get args() {
    return { table: tableName(), keys: v.array(v.string()) };
  },
  handler: async (ctx, { table, keys }) => {
    const found = await Promise.all(
      keys.map(async (key) => {
        const stored = await find(ctx.db, table, key);
        return stored === null
          ? []
          : [{ supabaseId: key, convexId: stored._id }];
      }),
    );
    return found.flat();
  },
});

/** Deletes the documents with these keys, as far as there are any. */
export const remove = internalMutation({
  get args() {
    return { table: tableName(), keys: v.array(v.string()) };
  },
  handler: async (ctx, { table, keys }) => {
    const known = await findEach(ctx.db, table, keys);
    const records = keys.map((id) => ({ id }));
    return await answerEach(records, async (_record, index) => {
      const stored = known(index);
      if (stored !== undefined) await ctx.db.delete(table, stored._id);
      return { removed: stored !== undefined };
    });
  },
});

/**
 * A page of the documents with a key after one and up to another, in the order
 * of their keys; null is the beginning or the end of the table. Those without a
 * key come first. The next page is that of the same arguments and the cursor.
 */
export const range = internalQuery({
  get args() {
    return {
      table: tableName(),
      after: v.union(v.string(), v.null()),
      upTo: v.union(v.string(), v.null()),
      cursor: v.union(v.string(), v.null()),
      numItems: v.number(),
      numBytes: v.number(),
      keysOnly: v.boolean(),
    };
  },
  handler: async (ctx, { table, after, upTo, keysOnly, ...limits }) => {
    const { cursor, numItems, numBytes } = limits;
    const { page, isDone, continueCursor } = await ctx.db
      .query(table)
      .withIndex(`by_${KEY_FIELD}`, (q) => {
        const rest = after === null ? q : q.gt(KEY_FIELD, after);
        return upTo === null ? rest : rest.lte(KEY_FIELD, upTo);
      })
      .paginate({ cursor, numItems, maximumBytesRead: numBytes });
    const found = page.map((document) => {
      const { _id: convexId, [KEY_FIELD]: key } = document;
      return {
        supabaseId: typeof key === "string" ? key : undefined,
        convexId,
        document: keysOnly ? undefined : document,
      };
    });
    return { page: found, isDone, continueCursor };
  },
});

/** By this convex_migrate knows functions that it wrote, and for which tables. */
export const about = internalQuery({
  args: {},
  handler: () => ({
    generator: "convex_migrate",
    contract: 4,
    version: "0.1.0",
    fingerprint: "71e94e7cfff41d99",
    // by Convex table: the table of Postgres, and the columns of its key
    sources: {
      workspaces: ["public.workspaces", "id"],
      contacts: ["public.contacts", "id"],
      workspaceMembers: ["public.workspace_members", "id"],
      contactNotes: ["public.contact_notes", "id"],
      conversations: ["public.conversations", "id"],
      messages: ["public.messages", "id"],
    },
  }),
});

export const migrateWorkspaces = upserts("workspaces");
export const migrateContacts = upserts("contacts");
export const migrateWorkspaceMembers = upserts("workspaceMembers");
export const migrateContactNotes = upserts("contactNotes");
export const migrateConversations = upserts("conversations");
export const migrateMessages = upserts("messages");
