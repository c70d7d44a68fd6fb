// Tables of the local Convex's own tests.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  // Any document; ordered indexes.
  loose: defineTable(v.any())
    .index("by_key", ["key"])
    .index("by_a_and_b", ["a", "b"])
    .index("by_nested", ["o.x"]),
  // Every kind of validator.
  typed: defineTable({
    name: v.string(),
    count: v.optional(v.number()),
    big: v.optional(v.int64()),
    blob: v.optional(v.bytes()),
    flag: v.optional(v.boolean()),
    nothing: v.optional(v.null()),
    color: v.optional(v.union(v.literal("red"), v.literal("green"))),
    level: v.optional(v.literal(3)),
    tags: v.optional(v.array(v.string())),
    scores: v.optional(v.record(v.string(), v.number())),
    point: v.optional(v.object({ x: v.number(), y: v.optional(v.number()) })),
    parent: v.optional(v.id("parents")),
    anything: v.optional(v.any()),
    maybe: v.optional(v.union(v.string(), v.null())),
  }).index("by_name", ["name"]),
  parents: defineTable({ name: v.string() }),
  shapes: defineTable(
    v.union(
      v.object({ kind: v.literal("circle"), radius: v.number() }),
      v.object({ kind: v.literal("square"), side: v.number() }),
    ),
  ),
});
