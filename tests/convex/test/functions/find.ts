// Queries: index ranges, order, filters, pages.
import { v } from "convex/values";
import { api } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const bound = v.object({ op: v.string(), field: v.string(), value: v.optional(v.any()) });

export const range = query({
  args: {
    index: v.string(),
    bounds: v.array(bound),
    order: v.optional(v.union(v.literal("asc"), v.literal("desc"))),
    take: v.optional(v.number()),
  },
  handler: async (ctx, { index, bounds, order, take }) => {
    const build = (q: any) => bounds.reduce((built, { op, field, value }) => built[op](field, value), q);
    let found: any = ctx.db.query("loose").withIndex(index as any, build);
    if (order !== undefined) found = found.order(order);
    const documents = take === undefined ? await found.collect() : await found.take(take);
    return documents.map((document: any) => document.n ?? null);
  },
});

export const filtered = query({
  args: { op: v.string(), field: v.string(), value: v.any() },
  handler: async (ctx, { op, field, value }) => {
    const documents = await ctx.db
      .query("loose")
      .filter((q: any) => q[op](q.field(field), value))
      .collect();
    return documents.map((document) => document.n);
  },
});

export const arithmetic = query({
  args: { sum: v.any(), plus: v.any() },
  handler: async (ctx, { sum, plus }) => {
    const documents = await ctx.db
      .query("loose")
      .filter((q: any) => q.and(q.not(q.eq(q.field("n"), null)), q.eq(q.add(q.field("n"), plus), sum)))
      .collect();
    return documents.map((document) => document.n);
  },
});

export const unique = query({
  args: { key: v.any() },
  handler: async (ctx, { key }) => {
    const document = await ctx.db
      .query("loose")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    return document?.n ?? null;
  },
});

export const page = query({
  args: {
    numItems: v.number(),
    cursor: v.union(v.string(), v.null()),
    order: v.union(v.literal("asc"), v.literal("desc")),
    endCursor: v.optional(v.string()),
  },
  handler: async (ctx, { order, ...options }) => {
    const result = await ctx.db
      .query("loose")
      .withIndex("by_key")
      .order(order)
      .paginate(options as any);
    return { ...result, page: result.page.map((document) => document.n) };
  },
});

export const twoPages = query({
  args: {},
  handler: async (ctx) => {
    await ctx.db.query("loose").paginate({ numItems: 1, cursor: null });
    await ctx.db.query("loose").paginate({ numItems: 1, cursor: null });
  },
});

export const pointReads = mutation({
  args: { keys: v.number() },
  handler: async (ctx, { keys }) => {
    for (let i = 0; i < keys; i += 1) {
      await ctx.db
        .query("loose")
        .withIndex("by_key", (q) => q.eq("key", i))
        .first();
    }
  },
});

export const pageAndNestedPage = query({
  args: {},
  handler: async (ctx) => {
    const own = await ctx.db.query("loose").paginate({ numItems: 1, cursor: null });
    const nested = await ctx.runQuery(api.find.page, { numItems: 1, cursor: null, order: "desc" });
    return [own.page.length, nested.page.length];
  },
});

export const nestedMistakes = query({
  args: { path: v.string() },
  handler: async (ctx, { path }) => await ctx.runQuery(path as any, {}),
});
