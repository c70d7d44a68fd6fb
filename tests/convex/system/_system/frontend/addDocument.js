/** Inserts documents without user code. */
import { mutationGeneric } from "convex/server";
import { ConvexError, v } from "convex/values";
import { componentArgument } from "../syscall.js";

const MAX_IMPORT_COUNT = 4096;

export default mutationGeneric({
  args: { ...componentArgument, table: v.string(), documents: v.array(v.any()) },
  handler: async ({ db }, { table, documents }) => {
    if (documents.length > MAX_IMPORT_COUNT) {
      return { success: false, error: `Can’t import more than ${MAX_IMPORT_COUNT} documents at once.` };
    }
    const insertedIds = [];
    try {
      for (const document of documents) insertedIds.push(await db.insert(table, document));
    } catch (error) {
      for (const id of insertedIds) await db.delete(id);
      throw new ConvexError(error.message);
    }
    return { success: true };
  },
});
