// The tables of a Postgres database as tables of Convex. Written by
// convex_schema() of convex_migrate; yours to edit from here on. What you add
// to a table, fields and indexes, is left alone when its rows are moved again.
//
// Database: messaging
//
// "supabaseId" is a row's key in Postgres, as text. Convex does not enforce
// what is called unique here: the functions that write have to see to it.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

// To have other tables besides: defineSchema({ ...tables, ...authTables }).
export const tables = {
  // Unique in Postgres: slug.
  // Not enforced here: CHECK ((slug ~ '^[a-z0-9-]+$'::text)).
  workspaces: defineTable({
    supabaseId: v.string(),
    name: v.string(),
    slug: v.string(),
    owner_id: v.string(),
    settings: v.any(),
    created_at: v.number(), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_slug", ["slug"]),

  // Left out: index contacts_email_idx (partial: email WHERE (email IS NOT NULL)).
  // Left out: index contacts_tags_idx (gin).
  contacts: defineTable({
    supabaseId: v.string(),
    workspace_id: v.id("workspaces"),
    name: v.string(),
    email: v.optional(v.string()),
    phone: v.optional(v.string()),
    tags: v.array(v.string()),
    metadata: v.optional(v.any()),
    lead_score: v.number(),
    lead_status: v.union(
      v.literal("new"),
      v.literal("contacted"),
      v.literal("qualified"),
      v.literal("lost"),
    ),
    engagement: v.optional(v.number()),
    created_at: v.number(), // milliseconds since 1970
    updated_at: v.number(), // milliseconds since 1970
    last_contacted_at: v.optional(v.number()), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_workspace_id_and_lead_status", ["workspace_id", "lead_status"]),

  // Unique in Postgres: workspace_id, user_id.
  workspaceMembers: defineTable({
    supabaseId: v.string(),
    workspace_id: v.id("workspaces"),
    user_id: v.string(),
    role: v.union(v.literal("owner"), v.literal("admin"), v.literal("member")),
    invited_email: v.optional(v.string()),
    joined_at: v.number(), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_workspace_id_and_user_id", ["workspace_id", "user_id"]),

  contactNotes: defineTable({
    supabaseId: v.string(),
    contact_id: v.id("contacts"),
    author_id: v.string(),
    body: v.string(),
    pinned: v.boolean(),
    created_at: v.number(), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_contact_id", ["contact_id"]),

  // Not enforced here: CHECK ((unread_count >= 0)).
  conversations: defineTable({
    supabaseId: v.string(),
    workspace_id: v.id("workspaces"),
    contact_id: v.id("contacts"),
    channel: v.union(
      v.literal("sms"),
      v.literal("whatsapp"),
      v.literal("email"),
      v.literal("voice"),
    ),
    status: v.union(
      v.literal("open"),
      v.literal("snoozed"),
      v.literal("closed"),
    ),
    subject: v.optional(v.string()),
    unread_count: v.number(),
    is_starred: v.boolean(),
    created_at: v.number(), // milliseconds since 1970
    last_message_at: v.optional(v.number()), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_contact_id", ["contact_id"])
    .index("by_workspace_id_and_last_message_at", [
      "workspace_id",
      "last_message_at",
    ]),

  // Not enforced here: CHECK (((contact_id IS NULL) OR (direction = 'inbound'::public.message_direction))).
  messages: defineTable({
    supabaseId: v.string(),
    conversation_id: v.id("conversations"),
    // Who wrote it; null where a member of the workspace did.
    contact_id: v.optional(v.id("contacts")),
    direction: v.union(v.literal("inbound"), v.literal("outbound")),
    body: v.string(),
    attachments: v.any(),
    // Negative where the provider reports a correction.
    byte_size: v.number(),
    cost: v.optional(v.number()),
    sentiment: v.optional(v.number()),
    sent_at: v.number(), // milliseconds since 1970
    delivered_at: v.optional(v.number()), // milliseconds since 1970
    read_at: v.optional(v.number()), // milliseconds since 1970
  })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_contact_id", ["contact_id"])
    .index("by_conversation_id_and_sent_at", ["conversation_id", "sent_at"]),
};

export default defineSchema(tables);
