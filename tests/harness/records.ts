/**
 * Migration functions for any table, whatever its fields: copied into the
 * projects that functions.mjs writes. They take and answer what the contract
 * of convex_migrate says, no more.
 */
import { v } from "convex/values";
import { internalMutation, mutation } from "./_generated/server";

/** `_pending` names the fields that the second pass sets; `_id` is a field that is called "id". */
type Row = { id: string; _id?: any; _pending?: string[] } & Record<string, any>;
type Answer = { supabaseId: string; convexId: string };

function documentOf({ id, _id, _pending, ...fields }: Row) {
  return { supabaseId: id, ...fields, ...(_id === undefined ? {} : { id: _id }) };
}

function takes(table: string) {
  return { [table]: v.array(v.any()) };
}

/** A mutation that inserts what it is sent; called twice it inserts twice. */
export function inserts(table: string) {
  return mutation({
    args: takes(table),
    handler: async (ctx: any, args: Record<string, Row[]>) => {
      const answers: Answer[] = [];
      for (const row of args[table]) {
        answers.push({ supabaseId: row.id, convexId: await ctx.db.insert(table, documentOf(row)) });
      }
      return answers;
    },
  });
}

/**
 * An internal mutation that replaces the document of a key, or inserts it.
 * Fields that the second pass sets (`completes`) stay as they are stored.
 */
export function upserts(table: string) {
  return internalMutation({
    args: takes(table),
    handler: async (ctx: any, args: Record<string, Row[]>) => {
      const answers: Answer[] = [];
      for (const row of args[table]) {
        const { id, _pending = [] } = row;
        const known = await ctx.db
          .query(table)
          .withIndex("by_supabaseId", (q: any) => q.eq("supabaseId", id))
          .unique();
        const kept = Object.entries(known ?? {}).filter(([field]) => _pending.includes(field));
        const document = { ...Object.fromEntries(kept), ...documentOf(row) };
        if (known !== null) await ctx.db.replace(known._id, document);
        answers.push({ supabaseId: id, convexId: known?._id ?? (await ctx.db.insert(table, document)) });
      }
      return answers;
    },
  });
}

/** The internal mutation of the second pass: sets the deferred references of documents, or removes them (null). */
export function completes() {
  return internalMutation({
    args: {
      table: v.string(),
      records: v.array(v.object({ id: v.string(), convexId: v.string(), fields: v.any() })),
    },
    handler: async (ctx: any, { records }: any) => {
      const answers: Answer[] = [];
      for (const { id, convexId, fields } of records) {
        const entries = Object.entries(fields).map(([field, value]) => [field, value ?? undefined]);
        await ctx.db.patch(convexId, Object.fromEntries(entries));
        answers.push({ supabaseId: id, convexId });
      }
      return answers;
    },
  });
}
