/** The latest export. */
import { queryGeneric } from "convex/server";
import { jsonToConvex } from "convex/values";
import { askServer } from "../syscall.js";

export const getLatest = queryGeneric({
  args: {},
  handler: async () => jsonToConvex(askServer("latestExport")),
});
