// The Convex side of the regression files sql/migrate.sql, failures.sql and
// session.sql (a small library), and cycles.sql.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  authors: defineTable({
    supabaseId: v.string(),
    name: v.string(),
    age: v.optional(v.number()),
  }).index("by_supabaseId", ["supabaseId"]),
  books: defineTable({
    supabaseId: v.string(),
    title: v.string(),
    author_id: v.optional(v.union(v.id("authors"), v.string())),
    translator_id: v.optional(v.id("authors")),
  }).index("by_supabaseId", ["supabaseId"]),
  // A circle: a department has a head, an employee a department and a manager.
  departments: defineTable({
    supabaseId: v.string(),
    name: v.string(),
    head_id: v.optional(v.id("employees")),
  }).index("by_supabaseId", ["supabaseId"]),
  employees: defineTable({
    supabaseId: v.string(),
    name: v.string(),
    department_id: v.id("departments"),
    manager_id: v.optional(v.id("employees")),
    mentor_id: v.optional(v.id("employees")),
  }).index("by_supabaseId", ["supabaseId"]),
});
