/** Numbers of documents. */
import { queryGeneric } from "convex/server";
import { v } from "convex/values";
import { askServer, componentArgument } from "../syscall.js";

export default queryGeneric({
  args: { tableName: v.string(), ...componentArgument },
  handler: async ({ db }, { tableName }) => (tableName === "" ? 0 : await db.query(tableName).count()),
});

export const sizeOfAllTables = queryGeneric({
  args: componentArgument,
  handler: async ({ db }) => {
    const names = Object.values(askServer("tableMapping"));
    const sizes = await Promise.all(names.map((name) => db.query(name).count()));
    return sizes.reduce((sum, size) => sum + size, 0);
  },
});
