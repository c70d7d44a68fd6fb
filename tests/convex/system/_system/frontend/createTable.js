/** Makes an empty table. */
import { mutationGeneric } from "convex/server";
import { v } from "convex/values";
import { componentArgument } from "../syscall.js";

export default mutationGeneric({
  args: { table: v.string(), ...componentArgument },
  handler: async ({ db }, { table }) => {
    const id = await db.insert(table, {});
    await db.delete(id);
  },
});
