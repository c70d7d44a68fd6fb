// The functions of migrate.ts, with a second pass that refuses one employee.
import { internalMutation } from "./_generated/server";
import { v } from "convex/values";

export { migrateDepartments, migrateEmployees } from "./migrate";

export const complete = internalMutation({
  args: { table: v.string(), records: v.array(v.any()) },
  handler: async (_ctx, { records }) =>
    records.map(({ id, convexId }) =>
      id === "2" ? { supabaseId: id, error: "not this one" } : { supabaseId: id, convexId }),
});
