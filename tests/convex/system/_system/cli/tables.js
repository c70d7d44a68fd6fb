/** Names of all user tables. */
import { paginationOptsValidator, queryGeneric } from "convex/server";
import { askServer } from "../syscall.js";

export default queryGeneric({
  args: { paginationOpts: paginationOptsValidator },
  handler: async () => ({
    page: Object.values(askServer("tableMapping")).map((name) => ({ name })),
    isDone: true,
    continueCursor: "end",
  }),
});
