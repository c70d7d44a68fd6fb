/** Imports, by which clients see how far one is. */
import { queryGeneric } from "convex/server";
import { jsonToConvex, v } from "convex/values";
import { askServer } from "../syscall.js";

export default queryGeneric({
  args: { importId: v.id("_snapshot_imports") },
  handler: async (ctx, { importId }) => jsonToConvex(askServer("import", { importId })),
});

export const list = queryGeneric({
  args: {},
  handler: async () => jsonToConvex(askServer("imports")),
});
