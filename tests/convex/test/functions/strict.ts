// What the server does not let user code do, or not for long.
import { v } from "convex/values";
import { api } from "./_generated/api";
import { internalAction, mutation, query } from "./_generated/server";

let calls = 0;

/** A module's variables are new in every call, and so is the global object. */
export const countCalls = query({
  args: {},
  handler: async () => {
    const globals = globalThis as any;
    globals.calls = (globals.calls ?? 0) + 1;
    return [++calls, globals.calls];
  },
});

export const countInside = query({
  args: {},
  handler: async (ctx): Promise<number[]> => {
    calls += 10;
    return await ctx.runQuery(api.strict.countCalls, {});
  },
});

export const zone = query({
  args: { year: v.number(), month: v.number() },
  handler: async (_ctx, { year, month }) => new Date(year, month).toISOString(),
});

export const compileText = query({
  args: { how: v.string() },
  handler: async (_ctx, { how }) => {
    // eslint-disable-next-line no-eval
    if (how === "eval") return (0, eval)("1 + 1");
    return new Function("return 2")();
  },
});

const refused = { key: 1n, _own: 2 } as any;

/** How a write that is refused is listened to. */
export const refuseAWrite = mutation({
  args: { listen: v.string() },
  handler: async (ctx, { listen }) => {
    await ctx.db.insert("loose", { key: "first" });
    const failing = ctx.db.insert("loose", refused);
    if (listen === "at once") return await failing.catch(() => "caught");
    if (listen === "all") return (await Promise.allSettled([failing]))[0].status;
    if (listen === "after another write") {
      await ctx.db.insert("loose", { key: "second" });
      return await failing.catch(() => "caught too late");
    }
    return "never";
  },
});

/** A read that fails and one that does not come back together. */
export const refuseARead = query({
  args: {},
  handler: async (ctx) => {
    const failing = ctx.db.get("no id" as any);
    await ctx.db.query("loose").first();
    return await failing.catch(() => "caught");
  },
});

export const dropOwnRejection = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("loose", { key: "written" });
    void Promise.reject(new TypeError("nobody listens"));
    return null;
  },
});

/** A nested mutation with a dropped rejection fails alone. */
export const nestDropped = mutation({
  args: {},
  handler: async (ctx): Promise<string[]> => {
    await ctx.db.insert("loose", { key: "outer" });
    try {
      await ctx.runMutation(api.strict.dropOwnRejection, {});
    } catch (error) {
      await ctx.db.insert("loose", { key: (error as Error).message.split("\n")[0] });
    }
    return (await ctx.db.query("loose").collect()).map((document) => document.key);
  },
});

export const readMany = query({
  args: { times: v.number() },
  handler: async (ctx, { times }) => {
    for (let i = 0; i < times; i += 1) await ctx.db.query("loose").first();
    return times;
  },
});

export const internalAct = internalAction({ args: {}, handler: async () => null });

/** Keeps so much while it asks the database. */
export const hold = query({
  args: { what: v.string(), mebibytes: v.number() },
  handler: async (ctx, { what, mebibytes }) => {
    const kept = Array.from({ length: mebibytes }, () =>
      what === "buffers" ? new ArrayBuffer(1 << 20) : new Array(1 << 17).fill(1.5),
    );
    await ctx.db.query("loose").first();
    return kept.length;
  },
});
