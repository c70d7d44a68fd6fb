// Hand-written functions for the regression files: upserts for authors and
// books, and one function for each way to be wrong.
import { internalMutation, mutation, query } from "./_generated/server";
import { v } from "convex/values";

const author = { id: v.string(), name: v.string(), age: v.optional(v.number()) };

export const migrateAuthors = internalMutation({
  args: { authors: v.array(v.object(author)) },
  handler: async (ctx, { authors }) => {
    const answers = [];
    for (const { id, ...fields } of authors) {
      if (fields.name === "refused") {
        // As functions do that pass on what Convex said: with the record.
        const error = `no author of that name\n\nObject: ${JSON.stringify(fields)}`;
        answers.push({ supabaseId: id, error });
        continue;
      }
      const stored = await ctx.db
        .query("authors")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      const document = { supabaseId: id, ...fields };
      if (stored) await ctx.db.replace(stored._id, document);
      const convexId = stored ? stored._id : await ctx.db.insert("authors", document);
      answers.push({ supabaseId: id, convexId });
    }
    // Any order will do.
    return answers.reverse();
  },
});

const book = {
  // A number as key: the extension sends text, a function may think otherwise.
  id: v.string(),
  title: v.string(),
  author_id: v.optional(v.union(v.id("authors"), v.string())),
  translator_id: v.optional(v.id("authors")),
};

export const migrateBooks = internalMutation({
  args: { books: v.array(v.object(book)) },
  handler: async (ctx, { books }) => {
    const answers = [];
    for (const { id, ...fields } of books) {
      if (fields.title === "throw") throw new Error("a book that nobody can print");
      const stored = await ctx.db
        .query("books")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      const document = { supabaseId: id, ...fields };
      if (stored) await ctx.db.replace(stored._id, document);
      const convexId = stored ? stored._id : await ctx.db.insert("books", document);
      answers.push({ supabaseId: /^[0-9]+$/.test(id) ? Number(id) : id, convexId });
    }
    return answers;
  },
});

// Upserts of tables with deferred references: fields named in _pending come in
// the second pass and stay as they are stored, others that do not come are null.
async function upsert(ctx: any, table: string, records: any[]) {
  const answers = [];
  for (const { id, _pending = [], ...fields } of records) {
    const stored = await ctx.db
      .query(table)
      .withIndex("by_supabaseId", (q: any) => q.eq("supabaseId", id))
      .unique();
    const kept = Object.fromEntries(_pending.map((field: string) => [field, stored?.[field]]));
    const document = { ...kept, ...fields, supabaseId: id };
    if (stored) await ctx.db.replace(stored._id, document);
    answers.push({ supabaseId: id, convexId: stored ? stored._id : await ctx.db.insert(table, document) });
  }
  return answers;
}

export const migrateDepartments = internalMutation({
  args: { departments: v.array(v.any()) },
  handler: (ctx, { departments }) => upsert(ctx, "departments", departments),
});

export const migrateEmployees = internalMutation({
  args: { employees: v.array(v.any()) },
  handler: (ctx, { employees }) => upsert(ctx, "employees", employees),
});

// The second pass: deferred references of rows that are in.
export const complete = internalMutation({
  args: {
    table: v.string(),
    records: v.array(v.object({ id: v.string(), convexId: v.string(), fields: v.any() })),
  },
  handler: async (ctx, { records }) => {
    for (const { convexId, fields } of records) {
      const entries = Object.entries(fields).map(([field, value]) => [field, value ?? undefined]);
      await ctx.db.patch(convexId as any, Object.fromEntries(entries));
    }
    return records.map(({ id, convexId }) => ({ supabaseId: id, convexId }));
  },
});

// For cycles.sql: what the documents say of each other, by old keys.
export const organigram = query({
  args: {},
  handler: async (ctx) => {
    const key = async (id: any) => (id ? (await ctx.db.get(id) as any).supabaseId : null);
    const employees = await ctx.db.query("employees").collect();
    const departments = await ctx.db.query("departments").collect();
    return {
      managers: await Promise.all(employees.map(async (e) => [e.supabaseId, await key(e.manager_id), await key(e.department_id)])),
      heads: await Promise.all(departments.map(async (d) => [d.supabaseId, await key(d.head_id)])),
    };
  },
});

// Refuses whatever comes.
export const migrateHopeless = mutation({
  args: { hopeless: v.array(v.object({ id: v.string(), another: v.string() })) },
  handler: async () => [],
});

// Answers that break the contract.
export const migrateSilent = mutation({
  args: { silent: v.any() },
  handler: async () => null,
});

export const migrateForgetful = mutation({
  args: { forgetful: v.any() },
  handler: async (_ctx, { forgetful }) =>
    forgetful.slice(1).map(({ id }: { id: string }) => ({ supabaseId: id, convexId: "x" })),
});

export const migrateStammering = mutation({
  args: { stammering: v.any() },
  handler: async (_ctx, { stammering }) =>
    stammering.map(() => ({ supabaseId: stammering[0].id, convexId: "x" })),
});

export const migrateInventive = mutation({
  args: { inventive: v.any() },
  handler: async (_ctx, { inventive }) =>
    inventive.map(() => ({ supabaseId: "never sent", convexId: "x" })),
});

// Not what the name promises.
export const migrateReaders = query({ args: {}, handler: async () => null });

export const migrateShelves = mutation({
  args: { shelf: v.array(v.any()) },
  handler: async () => [],
});
