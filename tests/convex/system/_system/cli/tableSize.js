/** Number of documents of a table. */
import { queryGeneric } from "convex/server";
import { v } from "convex/values";

export default queryGeneric({
  args: { tableName: v.string() },
  handler: async ({ db }, { tableName }) => await db.query(tableName).count(),
});
