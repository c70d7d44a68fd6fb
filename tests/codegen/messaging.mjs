/** The tables of tests/messaging/schema.sql, as write.mjs wants them. */
const string = ["string"];
const number = ["number"];
const any = ["any"];
const id = (table) => ["id", table];
const optional = (validator) => ["optional", validator];
const oneOf = (...texts) => ["union", ...texts.map((text) => ["literal", text])];

export const messaging = {
  database: "messaging",
  keyField: "supabaseId",
  tables: [
    {
      name: "workspaces",
      unique: [["slug"]],
      fields: { name: string, slug: string, owner_id: string, settings: any, created_at: number },
      indexes: [["slug"]],
    },
    {
      name: "contacts",
      leftOut: ["index contacts_email_idx (partial)", "index contacts_tags_idx (gin)"],
      fields: {
        workspace_id: id("workspaces"),
        name: string,
        email: optional(string),
        phone: optional(string),
        tags: ["array", string],
        metadata: optional(any),
        lead_score: number,
        lead_status: oneOf("new", "contacted", "qualified", "lost"),
        engagement: optional(number),
        created_at: number,
        updated_at: number,
        last_contacted_at: optional(number),
      },
      indexes: [["workspace_id"], ["workspace_id", "lead_status"]],
    },
    {
      name: "workspaceMembers",
      unique: [["workspace_id", "user_id"]],
      fields: {
        workspace_id: id("workspaces"),
        user_id: string,
        role: oneOf("owner", "admin", "member"),
        invited_email: optional(string),
        joined_at: number,
      },
      indexes: [["workspace_id"], ["workspace_id", "user_id"]],
    },
    {
      name: "contactNotes",
      fields: { contact_id: id("contacts"), author_id: string, body: string, pinned: ["boolean"], created_at: number },
      indexes: [["contact_id"], ["contact_id"]],
    },
    {
      name: "conversations",
      fields: {
        workspace_id: id("workspaces"),
        contact_id: id("contacts"),
        channel: oneOf("sms", "whatsapp", "email", "voice"),
        status: oneOf("open", "snoozed", "closed"),
        subject: optional(string),
        unread_count: number,
        is_starred: ["boolean"],
        created_at: number,
        last_message_at: optional(number),
      },
      indexes: [["workspace_id"], ["contact_id"], ["contact_id"], ["workspace_id", "last_message_at"]],
    },
    {
      name: "messages",
      fields: {
        conversation_id: id("conversations"),
        contact_id: optional(id("contacts")),
        direction: oneOf("inbound", "outbound"),
        body: string,
        attachments: any,
        byte_size: number,
        cost: optional(number),
        sentiment: optional(number),
        sent_at: number,
        delivered_at: optional(number),
        read_at: optional(number),
      },
      comments: {
        contact_id: "Who wrote it; null where a member of the workspace did.",
        byte_size: "Negative where the provider reports a correction.",
      },
      indexes: [["conversation_id"], ["contact_id"], ["conversation_id", "sent_at"]],
    },
  ],
};
