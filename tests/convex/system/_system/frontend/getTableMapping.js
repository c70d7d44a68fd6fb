/** Table number → name. */
import { queryGeneric } from "convex/server";
import { askServer, componentArgument } from "../syscall.js";

const MAX_ENTRIES = 1000;
/** System tables that the dashboard shows; their numbers on a current deployment (crates/model/src/lib.rs). */
const VISIBLE_SYSTEM_TABLES = { 539: "_scheduled_jobs", 540: "_file_storage" };

export default queryGeneric({
  args: componentArgument,
  handler: async () => {
    const mapping = { ...VISIBLE_SYSTEM_TABLES, ...askServer("tableMapping") };
    return Object.fromEntries(Object.entries(mapping).slice(0, MAX_ENTRIES));
  },
});
