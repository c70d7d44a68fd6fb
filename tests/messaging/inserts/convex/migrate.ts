/**
 * Migration functions as people write them by hand: public mutations that
 * insert what they are sent and answer with pairs of old key and new id.
 * Running one twice inserts twice; upserts/convex/migrate.ts does not.
 */
import { v } from "convex/values";
import { mutation } from "./_generated/server";
import {
  contactFields,
  contactNoteFields,
  conversationFields,
  messageFields,
  workspaceFields,
  workspaceMemberFields,
} from "../../schema";

/**
 * Inserts records one by one, `id` (the key in Postgres) becoming `supabaseId`.
 * Returns a pair for each; a record that cannot be inserted fails them all.
 */
async function insertAll<Fields, Id extends string>(
  records: (Fields & { id: string })[],
  insert: (document: Omit<Fields, "id"> & { supabaseId: string }) => Promise<Id>,
) {
  const pairs: { supabaseId: string; convexId: Id }[] = [];
  for (const { id, ...fields } of records) {
    const convexId = await insert({ supabaseId: id, ...fields });
    pairs.push({ supabaseId: id, convexId });
  }
  return pairs;
}

export const migrateWorkspaces = mutation({
  args: { workspaces: v.array(v.object({ id: v.string(), ...workspaceFields })) },
  handler: (ctx, { workspaces }) =>
    insertAll(workspaces, (document) => ctx.db.insert("workspaces", document)),
});

export const migrateWorkspaceMembers = mutation({
  args: { workspaceMembers: v.array(v.object({ id: v.string(), ...workspaceMemberFields })) },
  handler: (ctx, { workspaceMembers }) =>
    insertAll(workspaceMembers, (document) => ctx.db.insert("workspaceMembers", document)),
});

export const migrateContacts = mutation({
  args: { contacts: v.array(v.object({ id: v.string(), ...contactFields })) },
  handler: (ctx, { contacts }) =>
    insertAll(contacts, (document) => ctx.db.insert("contacts", document)),
});

export const migrateConversations = mutation({
  args: { conversations: v.array(v.object({ id: v.string(), ...conversationFields })) },
  handler: (ctx, { conversations }) =>
    insertAll(conversations, (document) => ctx.db.insert("conversations", document)),
});

export const migrateMessages = mutation({
  args: { messages: v.array(v.object({ id: v.string(), ...messageFields })) },
  handler: (ctx, { messages }) =>
    insertAll(messages, (document) => ctx.db.insert("messages", document)),
});

export const migrateContactNotes = mutation({
  args: { contactNotes: v.array(v.object({ id: v.string(), ...contactNoteFields })) },
  handler: (ctx, { contactNotes }) =>
    insertAll(contactNotes, (document) => ctx.db.insert("contactNotes", document)),
});
