// Reads and writes as thin as they can be, so that tests can aim at one rule each.
import { ConvexError, v } from "convex/values";
import { api, internal } from "./_generated/api";
import { action, internalMutation, internalQuery, mutation, query } from "./_generated/server";

export const insert = mutation({
  args: { table: v.string(), document: v.any() },
  handler: async (ctx, { table, document }) => await ctx.db.insert(table as any, document),
});

export const insertMany = mutation({
  args: { table: v.string(), documents: v.array(v.any()) },
  handler: async (ctx, { table, documents }) => {
    const ids = [];
    for (const document of documents) ids.push(await ctx.db.insert(table as any, document));
    return ids;
  },
});

// A write that fails for one record is reported, the others go in.
export const insertEach = mutation({
  args: { table: v.string(), documents: v.array(v.any()) },
  handler: async (ctx, { table, documents }) => {
    const results = [];
    for (const document of documents) {
      try {
        results.push({ id: await ctx.db.insert(table as any, document) });
      } catch (error) {
        results.push({ error: (error as Error).message, isError: error instanceof Error });
      }
    }
    return results;
  },
});

export const insertCopies = mutation({
  args: { table: v.string(), document: v.any(), copies: v.number() },
  handler: async (ctx, { table, document, copies }) => {
    for (let i = 0; i < copies; i += 1) await ctx.db.insert(table as any, document);
  },
});

export const patch = mutation({
  args: {
    table: v.optional(v.string()),
    id: v.string(),
    value: v.any(),
    remove: v.optional(v.array(v.string())),
  },
  handler: async (ctx, { table, id, value, remove = [] }) => {
    const removed = Object.fromEntries(remove.map((field) => [field, undefined]));
    if (table === undefined) await ctx.db.patch(id as any, { ...value, ...removed });
    else await (ctx.db.patch as any)(table, id, { ...value, ...removed });
  },
});

export const replace = mutation({
  args: { table: v.optional(v.string()), id: v.string(), value: v.any() },
  handler: async (ctx, { table, id, value }) => {
    if (table === undefined) await ctx.db.replace(id as any, value);
    else await (ctx.db.replace as any)(table, id, value);
  },
});

export const remove = mutation({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.db.delete(id as any),
});

export const get = query({
  args: { table: v.optional(v.string()), id: v.string() },
  handler: async (ctx, { table, id }) =>
    table === undefined ? await ctx.db.get(id as any) : await (ctx.db.get as any)(table, id),
});

export const normalize = query({
  args: { table: v.string(), id: v.string() },
  handler: async (ctx, { table, id }) => ctx.db.normalizeId(table as any, id),
});

export const all = query({
  args: { table: v.string() },
  handler: async (ctx, { table }) => await ctx.db.query(table as any).collect(),
});

export const echo = query({ args: { value: v.any() }, handler: async (_ctx, { value }) => value });

export const insertThenThrow = mutation({
  args: { data: v.optional(v.any()) },
  handler: async (ctx, { data }) => {
    await ctx.db.insert("loose", { key: "must not stay" });
    if (data !== undefined) throw new ConvexError(data);
    throw new Error("thrown on purpose");
  },
});

export const readOwnWrites = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("loose", { key: "own" });
    const byKey = () =>
      ctx.db
        .query("loose")
        .withIndex("by_key", (q: any) => q.eq("key", "own"))
        .collect();
    const afterInsert = (await byKey()).length;
    await ctx.db.patch(id, { key: "changed" });
    const afterPatch = (await byKey()).length;
    await ctx.db.delete(id);
    return { afterInsert, afterPatch, afterDelete: await ctx.db.get(id) };
  },
});

export const fail = internalMutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => {
    await ctx.db.insert("loose", { key });
    throw new ConvexError({ refused: key });
  },
});

export const nested = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("loose", { key: "outer" });
    let caught: unknown;
    try {
      await ctx.runMutation(internal.store.fail, { key: "inner" });
    } catch (error) {
      caught = (error as ConvexError<any>).data;
    }
    await ctx.runMutation(api.store.insert, { table: "loose", document: { key: "second" } });
    const keys = await ctx.runQuery(internal.store.keys, {});
    return { caught, keys };
  },
});

export const keys = internalQuery({
  args: {},
  handler: async (ctx) => (await ctx.db.query("loose").collect()).map((document) => document.key),
});

export const returnsString = query({
  args: { value: v.any() },
  returns: v.string(),
  handler: async (_ctx, { value }) => value,
});

export const noArgsValidator = query(async (_ctx, args: any) => args);

export const argsAsSent = query(async (_ctx, args: any) => ({
  order: Object.keys(args),
  isMinusZero: Object.is(args.b, -0),
  text: args.text,
}));

export const identity = query({ args: {}, handler: async (ctx) => await ctx.auth.getUserIdentity() });

export const logs = query({
  args: {},
  handler: async () => {
    console.log("hello", 1);
    console.warn({ a: 1 });
    return null;
  },
});

let hasSpun = false;

export const spin = query({
  args: { where: v.string() },
  handler: async (ctx, { where }) => {
    hasSpun = true;
    if (where === "after an await") await null;
    if (where === "in a reaction") {
      void Promise.resolve().then(() => {
        for (;;);
      });
      return;
    }
    while (where === "around calls") {
      try {
        await ctx.db.get("" as any);
      } catch {
        // Tries for ever.
      }
    }
    for (;;);
  },
});

export const spun = query({ args: {}, handler: async () => hasSpun });

export const throwAtOnce = query({
  args: {},
  handler: () => {
    throw new TypeError("at once");
  },
});

export const neverResolves = query({ args: {}, handler: async () => await new Promise(() => {}) });

export const clock = query({
  args: {},
  handler: async () => {
    const before = Date.now();
    for (let i = 0; i < 3e6; i += 1) Math.sqrt(i);
    return { isFrozen: Date.now() === before, isSame: new Date().getTime() === before };
  },
});

export const recurse = mutation({
  args: {},
  handler: async (ctx): Promise<null> => await ctx.runMutation(api.store.recurse, {}),
});

export const longResult = query({
  args: { mebibytes: v.number() },
  handler: async (_ctx, { mebibytes }) => Array.from({ length: mebibytes }, () => "x".repeat(1 << 20)),
});

// Around the types: a query that tries to write.
export const writeInQuery = query({
  args: { operation: v.string(), args: v.any() },
  handler: async (_ctx, { operation, args }) =>
    await (globalThis as any).Convex.asyncSyscall(operation, JSON.stringify(args)),
});

export const schedule = mutation({
  args: {},
  handler: async (ctx) => await ctx.scheduler.runAfter(0, api.store.all, { table: "loose" }),
});

export const insertByAction = action({
  args: { key: v.string() },
  handler: async (ctx, { key }) => {
    const id = await ctx.runMutation(api.store.insert, { table: "loose", document: { key } });
    return await ctx.runQuery(api.store.get, { id });
  },
});

export const metrics = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("loose", { key: "m" });
    await ctx.db.get(id);
    await ctx.db.patch(id, { key: "n" });
    return await (ctx as any).meta.getTransactionMetrics();
  },
});

export default query({ args: {}, handler: async () => "the default export" });
