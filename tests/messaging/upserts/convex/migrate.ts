/**
 * Migration functions that can be run again: they find a document by its old
 * key and set exactly the fields that Postgres has, so that a second run
 * without changes writes nothing. They are internal: only the deploy key may
 * call them, and no public write function is left behind.
 */
import type { PropertyValidators } from "convex/values";
import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
import {
  contactFields,
  contactNoteFields,
  conversationFields,
  messageFields,
  workspaceFields,
  workspaceMemberFields,
} from "../../schema";

type Answer = { supabaseId: string; convexId: string } | { supabaseId: string; error: string };

/**
 * Writes records one by one and answers for each: the id of its document, or
 * why it could not be written; the others are written all the same.
 * An error that begins "Too many" says that the batch is larger than one
 * transaction may be. No single record is to blame, so the whole call fails.
 */
async function writeEach<Record extends { id: string }>(
  records: Record[],
  write: (record: Record) => Promise<string>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const record of records) {
    try {
      answers.push({ supabaseId: record.id, convexId: await write(record) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason.startsWith("Too many")) throw error;
      answers.push({ supabaseId: record.id, error: reason });
    }
  }
  return answers;
}

/** All of `fields` as undefined: what a record leaves out is removed from its document. */
function absent<Fields extends PropertyValidators>(fields: Fields) {
  const entries = Object.keys(fields).map((name) => [name, undefined]);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: undefined };
}

export const migrateWorkspaces = internalMutation({
  args: { workspaces: v.array(v.object({ id: v.string(), ...workspaceFields })) },
  handler: (ctx, { workspaces }) =>
    writeEach(workspaces, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(workspaceFields), ...fields };
      const known = await ctx.db
        .query("workspaces")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("workspaces", document);
      await ctx.db.patch("workspaces", known._id, document);
      return known._id;
    }),
});

export const migrateWorkspaceMembers = internalMutation({
  args: { workspaceMembers: v.array(v.object({ id: v.string(), ...workspaceMemberFields })) },
  handler: (ctx, { workspaceMembers }) =>
    writeEach(workspaceMembers, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(workspaceMemberFields), ...fields };
      const known = await ctx.db
        .query("workspaceMembers")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("workspaceMembers", document);
      await ctx.db.patch("workspaceMembers", known._id, document);
      return known._id;
    }),
});

export const migrateContacts = internalMutation({
  args: { contacts: v.array(v.object({ id: v.string(), ...contactFields })) },
  handler: (ctx, { contacts }) =>
    writeEach(contacts, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(contactFields), ...fields };
      const known = await ctx.db
        .query("contacts")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("contacts", document);
      await ctx.db.patch("contacts", known._id, document);
      return known._id;
    }),
});

export const migrateConversations = internalMutation({
  args: { conversations: v.array(v.object({ id: v.string(), ...conversationFields })) },
  handler: (ctx, { conversations }) =>
    writeEach(conversations, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(conversationFields), ...fields };
      const known = await ctx.db
        .query("conversations")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("conversations", document);
      await ctx.db.patch("conversations", known._id, document);
      return known._id;
    }),
});

export const migrateMessages = internalMutation({
  args: { messages: v.array(v.object({ id: v.string(), ...messageFields })) },
  handler: (ctx, { messages }) =>
    writeEach(messages, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(messageFields), ...fields };
      const known = await ctx.db
        .query("messages")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("messages", document);
      await ctx.db.patch("messages", known._id, document);
      return known._id;
    }),
});

export const migrateContactNotes = internalMutation({
  args: { contactNotes: v.array(v.object({ id: v.string(), ...contactNoteFields })) },
  handler: (ctx, { contactNotes }) =>
    writeEach(contactNotes, async ({ id, ...fields }) => {
      const document = { supabaseId: id, ...absent(contactNoteFields), ...fields };
      const known = await ctx.db
        .query("contactNotes")
        .withIndex("by_supabaseId", (q) => q.eq("supabaseId", id))
        .unique();
      if (known === null) return await ctx.db.insert("contactNotes", document);
      await ctx.db.patch("contactNotes", known._id, document);
      return known._id;
    }),
});
