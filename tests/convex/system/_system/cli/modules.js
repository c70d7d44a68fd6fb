/** `npx convex function-spec`. */
import { queryGeneric } from "convex/server";
import { jsonToConvex } from "convex/values";
import { askServer, componentArgument } from "../syscall.js";

export const apiSpec = queryGeneric({
  args: componentArgument,
  handler: async () =>
    askServer("apiSpec").map((spec) => ({
      ...spec,
      args: jsonToConvex(spec.args),
      returns: jsonToConvex(spec.returns),
    })),
});
