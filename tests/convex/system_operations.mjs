/** What the system functions ask besides the database: operations named "local/…". */
import { DeveloperError } from "./errors.mjs";

const LISTED_IMPORTS = 20;

/** @type {Record<string, (deployment: Deployment, args: any) => unknown>} */
const OPERATIONS = {
  "local/tableMapping": ({ database }) =>
    Object.fromEntries(database.tables.map((table) => [table.number, table.name])),
  "local/schemas": ({ database }) => ({
    active: database.schema.json,
    inProgress: database.schemaInProgress?.schema.json,
  }),
  "local/apiSpec": ({ functions }) => functions.apiSpec(),
  "local/import": ({ imports }, { importId }) => imports.records.document(importId),
  "local/imports": ({ imports }) => imports.records.latest(LISTED_IMPORTS),
  "local/latestExport": ({ exports }) => exports.latest(),
};

/**
 * @typedef {{database: import("./database.mjs").Database, functions: import("./functions.mjs").Functions,
 *   imports: import("./import/imports.mjs").Imports, exports: import("./export/exports.mjs").Exports}} Deployment
 * @param {Deployment} deployment
 * @param {string} operation
 * @param {unknown} args
 * @returns {unknown} JSON
 */
export function systemOperation(deployment, operation, args) {
  if (!Object.hasOwn(OPERATIONS, operation))
    throw new DeveloperError("UnknownOperation", `Unknown operation ${operation}`);
  return OPERATIONS[operation](deployment, args);
}
