/**
 * The Convex side of the example: the tables that `convex_migrate` fills.
 * Both projects (inserts/, upserts/) deploy it, and check what they are sent
 * with the same fields. `supabaseId` is the row's key in Postgres.
 *
 * `owner_id`, `user_id` and `author_id` point to auth.users, which is not
 * migrated: they stay the uuid as text. Times are milliseconds since 1970,
 * microseconds being the fraction; a column that may be NULL is optional.
 */
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export const workspaceFields = {
  name: v.string(),
  slug: v.string(),
  owner_id: v.string(),
  settings: v.any(),
  created_at: v.number(),
};

export const workspaceMemberFields = {
  workspace_id: v.id("workspaces"),
  user_id: v.string(),
  role: v.union(v.literal("owner"), v.literal("admin"), v.literal("member")),
  invited_email: v.optional(v.string()),
  joined_at: v.number(),
};

export const contactFields = {
  workspace_id: v.id("workspaces"),
  name: v.string(),
  email: v.optional(v.string()),
  phone: v.optional(v.string()),
  tags: v.array(v.string()),
  metadata: v.optional(v.any()),
  lead_score: v.number(),
  lead_status: v.string(),
  engagement: v.optional(v.number()),
  created_at: v.number(),
  updated_at: v.number(),
  last_contacted_at: v.optional(v.number()),
};

export const conversationFields = {
  workspace_id: v.id("workspaces"),
  contact_id: v.id("contacts"),
  channel: v.union(v.literal("sms"), v.literal("whatsapp"), v.literal("email"), v.literal("voice")),
  status: v.string(),
  subject: v.optional(v.string()),
  unread_count: v.number(),
  is_starred: v.boolean(),
  created_at: v.number(),
  last_message_at: v.optional(v.number()),
};

export const messageFields = {
  conversation_id: v.id("conversations"),
  contact_id: v.optional(v.id("contacts")),
  direction: v.union(v.literal("inbound"), v.literal("outbound")),
  body: v.string(),
  attachments: v.any(),
  byte_size: v.number(),
  cost: v.optional(v.number()),
  sentiment: v.optional(v.number()),
  sent_at: v.number(),
  delivered_at: v.optional(v.number()),
  read_at: v.optional(v.number()),
};

export const contactNoteFields = {
  contact_id: v.id("contacts"),
  author_id: v.string(),
  body: v.string(),
  pinned: v.boolean(),
  created_at: v.number(),
};

const supabaseId = v.string();

export default defineSchema({
  workspaces: defineTable({ supabaseId, ...workspaceFields })
    .index("by_supabaseId", ["supabaseId"]),
  workspaceMembers: defineTable({ supabaseId, ...workspaceMemberFields })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_workspace_id", ["workspace_id"]),
  contacts: defineTable({ supabaseId, ...contactFields })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_workspace_id_and_lead_status", ["workspace_id", "lead_status"]),
  conversations: defineTable({ supabaseId, ...conversationFields })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_contact_id", ["contact_id"]),
  messages: defineTable({ supabaseId, ...messageFields })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_conversation_id_and_sent_at", ["conversation_id", "sent_at"]),
  contactNotes: defineTable({ supabaseId, ...contactNoteFields })
    .index("by_supabaseId", ["supabaseId"])
    .index("by_contact_id", ["contact_id"]),
});
