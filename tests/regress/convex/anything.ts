// Takes whatever comes into two tables without a schema, for matching.sql: what
// counts there is which parent a child's reference points to.
import { internalMutation, query } from "./_generated/server";
import { v } from "convex/values";

function insertInto(table: string) {
  return async (ctx: any, args: any) => {
    const answers = [];
    for (const { id, ...fields } of args[table]) {
      answers.push({ supabaseId: id, convexId: await ctx.db.insert(table, { supabaseId: id, ...fields }) });
    }
    return answers;
  };
}

export const migrateParents = internalMutation({ args: { parents: v.any() }, handler: insertInto("parents") });
export const migrateChildren = internalMutation({ args: { children: v.any() }, handler: insertInto("children") });

// Old keys of children, each with that of the parent that its reference points to.
export const family = query({
  args: {},
  handler: async (ctx) => {
    const children: any[] = await ctx.db.query("children" as any).collect();
    return Promise.all(children.map(async ({ supabaseId, ref }) => {
      const parent: any = ref === undefined ? null : await ctx.db.get(ref);
      return [supabaseId, parent?.supabaseId ?? null];
    }));
  },
});
