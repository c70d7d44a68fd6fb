/** The active schema and the one that a push wants to make active, as JSON texts. */
import { queryGeneric } from "convex/server";
import { askServer, componentArgument } from "../syscall.js";

export default queryGeneric({
  args: componentArgument,
  handler: async () => {
    const { active, inProgress } = askServer("schemas");
    return { active, inProgress };
  },
});
