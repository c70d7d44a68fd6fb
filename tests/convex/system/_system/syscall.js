/**
 * System functions of the local Convex: the few of
 * npm-packages/system-udfs/convex/_system that clients of a deployment use, with
 * the same paths, arguments and results. They run like user functions; what the
 * database alone cannot tell comes through operations named "local/…".
 */
import { v } from "convex/values";

/** Argument that every dashboard function takes; only the root component exists here. */
export const componentArgument = { componentId: v.optional(v.union(v.string(), v.null())) };

/** Asks the local Convex itself. */
export function askServer(operation, args = {}) {
  return JSON.parse(globalThis.Convex.syscall(`local/${operation}`, JSON.stringify(args)));
}
