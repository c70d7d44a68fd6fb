/** The active schema as JSON text; a deployment here never has one in progress. */
import { queryGeneric } from "convex/server";
import { askServer, componentArgument } from "../syscall.js";

export default queryGeneric({
  args: componentArgument,
  handler: async () => ({ active: askServer("schema") ?? undefined, inProgress: undefined }),
});
