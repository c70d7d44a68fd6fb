/**
 * Migration functions for any table, whatever its fields: copied into the
 * projects that functions.mjs writes. They take and answer what the contract
 * of convex_migrate says, no more.
 */
import { v } from "convex/values";
import { internalMutation, mutation } from "./_generated/server";

type Row = { id: string } & Record<string, any>;
type Answer = { supabaseId: string; convexId: string };

function takes(table: string) {
  return { [table]: v.array(v.any()) };
}

/** A mutation that inserts what it is sent; called twice it inserts twice. */
export function inserts(table: string) {
  return mutation({
    args: takes(table),
    handler: async (ctx: any, args: Record<string, Row[]>) => {
      const answers: Answer[] = [];
      for (const { id, ...fields } of args[table]) {
        answers.push({ supabaseId: id, convexId: await ctx.db.insert(table, { supabaseId: id, ...fields }) });
      }
      return answers;
    },
  });
}

/** An internal mutation that replaces the document of a key, or inserts it. */
export function upserts(table: string) {
  return internalMutation({
    args: takes(table),
    handler: async (ctx: any, args: Record<string, Row[]>) => {
      const answers: Answer[] = [];
      for (const { id, ...fields } of args[table]) {
        const document = { supabaseId: id, ...fields };
        const known = await ctx.db
          .query(table)
          .withIndex("by_supabaseId", (q: any) => q.eq("supabaseId", id))
          .unique();
        if (known !== null) await ctx.db.replace(known._id, document);
        answers.push({ supabaseId: id, convexId: known?._id ?? (await ctx.db.insert(table, document)) });
      }
      return answers;
    },
  });
}
