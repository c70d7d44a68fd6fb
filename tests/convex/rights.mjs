/** What an admin's key must allow for a function, and how a function tells that it does not. */
import { requireOperation } from "./auth.mjs";
import { FunctionError } from "./errors.mjs";

/** What an admin's key must allow for an internal function: queries and mutations tell it as an error of the function
 * (`is_deterministic_user_error`), actions as one of the request. */
export function requireRunInternal(caller, type) {
  const operation = { Query: "RunInternalQueries", Mutation: "RunInternalMutations" }[type];
  if (operation === undefined) requireOperation(caller, "RunInternalActions");
  else
    asFunctionError(
      (message) => message,
      () => requireOperation(caller, operation),
    );
}

/** System functions that ask for something else than the data. */
const OPERATIONS = { "_system/cli/queryImport.js": "ViewBackups", "_system/cli/exports.js": "ViewBackups" };

/** System functions ask in their own code (`requireOperation`, npm-packages/system-udfs/convex/_system/server.ts). */
export function requireSystemOperation(caller, { path, type }) {
  const operation = OPERATIONS[path] ?? (type === "Mutation" ? "WriteData" : "ViewData");
  asFunctionError(
    (message) => `Uncaught Error: ${message}`,
    () => requireOperation(caller, operation),
  );
}

function asFunctionError(toText, check) {
  try {
    check();
  } catch (error) {
    throw new FunctionError(toText(error.message));
  }
}
