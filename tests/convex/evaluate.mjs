/**
 * What schema.ts and convex.config.ts of a push say. Both run in realms of their own, where nothing else can be
 * imported (crates/isolate/src/environment/{schema,component_definitions}.rs, crates/application/src/deploy_config.rs).
 */
import { UserTimeout } from "./call_time.mjs";
import { DeveloperError, HttpError } from "./errors.mjs";
import { ModuleCode, ModuleSyntaxError } from "./module_code.mjs";
import { Sandbox } from "./sandbox.mjs";
import { parseSchema } from "./schema.mjs";
import { toFunctionError } from "./stack.mjs";

const SEE_SCHEMA_DOCS =
  "To learn more, see the schema documentation at https://docs.convex.dev/database/schemas.";

/** User code threw while it was evaluated, or took too long. */
class EvaluationError extends Error {}

/** What `export()` of a module's default export gives. */
async function exportDefault(module, options) {
  let code;
  try {
    code = await ModuleCode.compile(module);
  } catch (error) {
    if (error instanceof ModuleSyntaxError) throw new EvaluationError(`${error.message}\n`);
    throw error;
  }
  const modules = new Map([[code.path, code]]);
  const { result, failure } = runExportDefault(modules, code.path, options);
  if (failure !== undefined) throw new EvaluationError(toFunctionError(failure, modules).toText());
  return result;
}

function runExportDefault(modules, path, options) {
  try {
    return new Sandbox(modules, options).exportDefault(path);
  } catch (error) {
    if (!(error instanceof UserTimeout)) throw error;
    throw new EvaluationError(error.toText());
  }
}

/**
 * @param {import("./bundle.mjs").Module} module schema.js
 * @param {import("./sandbox.mjs").TimeLimits} options
 * @returns {Promise<import("./schema.mjs").Schema>}
 * @throws {HttpError} 400 for a schema that throws (`From<JsError> for anyhow::Error`, crates/common/src/errors.rs) or
 *   breaks a rule
 */
export async function evaluateSchema(module, options) {
  const { isMissing, isInvalid, exported } = await exportDefault(module, options).catch((error) => {
    throw error instanceof EvaluationError ? wrapSchemaError("Error", error.message) : error;
  });
  if (isMissing) throw schemaError("MissingSchemaExportError", "Schema file missing default export.");
  if (isInvalid || typeof exported !== "string")
    throw schemaError("InvalidSchemaExport", "Default export from schema file isn't a Convex schema.");
  try {
    return parseSchema(exported);
  } catch (error) {
    throw wrapSchemaError(error instanceof DeveloperError ? error.code : "InvalidSchema", error.message);
  }
}

function schemaError(code, problem) {
  return wrapSchemaError(code, `${problem} ${SEE_SCHEMA_DOCS}`);
}

function wrapSchemaError(code, message) {
  return new HttpError(400, code, `Hit an error while evaluating your schema:\n${message}`);
}

/**
 * Checks that an app defines nothing that does not exist here.
 * @param {import("./bundle.mjs").Module} module convex.config.js
 * @param {import("./sandbox.mjs").TimeLimits} options
 * @throws {HttpError} 400
 */
export async function checkAppDefinition(module, options) {
  let result;
  try {
    result = await exportDefault(module, options);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    throw new HttpError(400, "InvalidConvexConfig", error.message);
  }
  if (result.isMissing) throw invalidDefinition("missing default export");
  if (result.isInvalid) {
    throw invalidDefinition(
      "`app.export` (where `app` is the default export of `convex.config.ts`) is not a function",
    );
  }
  const { childComponents = [], envVars = [] } = result.exported;
  if (childComponents.length > 0) throw notSupported("Components");
  if (envVars.length > 0) throw notSupported("Environment variables");
}

function invalidDefinition(problem) {
  return new HttpError(
    400,
    "InvalidDefinition",
    `The default export of \`convex.config.ts\` in your app has an invalid value (${problem}). Please make sure that you’re exporting the return value of \`defineApp()\` (\`import { defineApp } from 'convex/server'\`).`,
  );
}

/** @param {string} what in the plural */
export function notSupported(what) {
  return new HttpError(400, "NotSupported", `${what} are not supported by the local Convex.`);
}
