/**
 * The body of `start_push` and `evaluate_push` (`StartPushRequest` and what it becomes,
 * crates/application/src/deploy_config.rs).
 */
import { HttpError } from "./errors.mjs";
import { notSupported } from "./evaluate.mjs";
import { parseModulePath } from "./names.mjs";

/**
 * @typedef {import("./bundle.mjs").Module} Module
 * @typedef {{path: string, environment: string, sha256: string}} ModuleHash
 * @typedef {{functions: string, definition: Module | null, schema: Module | null, changedModules: Module[],
 *   unchangedModuleHashes: ModuleHash[], udfServerVersion: string, isDryRun: boolean, isForCodegen: boolean}} PushConfig
 */

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const NODE_VERSIONS = ["18", "20", "22", "24"];

const isText = (value) => typeof value === "string";
const isOptionalText = (value) => value === undefined || value === null || isText(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isOptionalFlag = (value) => value === undefined || typeof value === "boolean";

const MODULE = { path: isText, source: isText, sourceMap: isOptionalText, environment: isOptionalText };
const MODULE_HASH = { path: isText, environment: isOptionalText, sha256: isText };

/** Checks the members of an object against tests; a member that is missing is undefined. */
function requireShape(value, shape, place) {
  if (!isObject(value)) throw shapeError(`${place}: invalid type`);
  for (const [name, test] of Object.entries(shape)) {
    if (test(value[name])) continue;
    throw shapeError(
      name in value ? `${place}.${name}: invalid type` : `${place}: missing field \`${name}\``,
    );
  }
}

function requireShapes(values, shape, place) {
  if (!Array.isArray(values)) throw shapeError(`${place}: invalid type`);
  values.forEach((value, i) => requireShape(value, shape, `${place}[${i}]`));
}

/** @param {string} problem */
export function shapeError(problem) {
  const message = `Failed to deserialize the JSON body into the target type: ${problem}`;
  return new HttpError(400, "BadJsonBody", message);
}

/**
 * Checks the form of the body; what it says is checked by `readPushConfig`, after the key.
 * @param {object} json
 * @throws {HttpError} 400 BadJsonBody
 */
export function checkPushBody(json) {
  requireShape(
    json,
    {
      adminKey: isText,
      functions: isText,
      appDefinition: isObject,
      componentDefinitions: Array.isArray,
      nodeDependencies: Array.isArray,
      nodeVersion: isOptionalText,
      dryRun: isOptionalFlag,
      forCodegen: isOptionalFlag,
    },
    "body",
  );
  const app = json.appDefinition;
  requireShape(app, { dependencies: Array.isArray, udfServerVersion: isText }, "appDefinition");
  for (const name of ["definition", "schema"]) {
    if (app[name] != null) requireShape(app[name], MODULE, `appDefinition.${name}`);
  }
  requireShapes(changedModulesOf(app), MODULE, "appDefinition.changedModules");
  requireShapes(app.unchangedModuleHashes ?? [], MODULE_HASH, "appDefinition.unchangedModuleHashes");
}

/** Command line tools up to 1.31.5 called them `functions`. */
function changedModulesOf(app) {
  return app.changedModules ?? app.functions;
}

/**
 * @param {object} json checked by `checkPushBody`
 * @returns {PushConfig}
 * @throws {HttpError} 400 InvalidConfig; NotSupported for what does not exist here
 */
export function readPushConfig(json) {
  const app = json.appDefinition;
  checkNodeVersion(json.nodeVersion);
  const config = {
    functions: json.functions,
    definition: app.definition == null ? null : readModule(app.definition),
    schema: app.schema == null ? null : readModule(app.schema),
    changedModules: changedModulesOf(app).map(readModule),
    udfServerVersion: readVersion(app.udfServerVersion),
    unchangedModuleHashes: (app.unchangedModuleHashes ?? []).map(readModuleHash),
    isDryRun: json.dryRun ?? false,
    isForCodegen: json.forCodegen ?? false,
  };
  if (json.componentDefinitions.length > 0) throw notSupported("Components");
  const modules = [...config.changedModules, ...config.unchangedModuleHashes];
  const usesNode = json.nodeDependencies.length > 0 || modules.some((one) => one.environment === "node");
  if (usesNode) throw notSupported("Actions in Node.js");
  return config;
}

function invalidConfig(message) {
  return new HttpError(400, "InvalidConfig", message);
}

function checkNodeVersion(version) {
  if (version === undefined || version === null) return;
  if (!NODE_VERSIONS.includes(version)) throw invalidConfig(`Invalid node version: ${version}`);
  if (version !== "18") return;
  throw invalidConfig(
    "Node 18 is no longer supported. Upgrade to a newer Node version (https://docs.convex.dev/production/project-configuration#configuring-the-nodejs-version).",
  );
}

/** Words of Rust's semver crate. */
function readVersion(text) {
  if (SEMVER.test(text)) return text;
  if (text === "") throw invalidConfig("empty string, expected a semver version");
  throw invalidConfig(`unexpected character '${[...text][0]}' while parsing major version number`);
}

function readModule({ path, source, sourceMap, environment }) {
  return {
    path: readPath(path),
    source,
    sourceMap: sourceMap ?? undefined,
    environment: readEnvironment(environment, path),
  };
}

function readModuleHash({ path, environment, sha256 }) {
  if (!/^([0-9a-f]{2})*$/i.test(sha256)) throw invalidConfig("Invalid hex in sha256");
  if (sha256.length !== 64) throw invalidConfig("sha256 not 32 bytes");
  return {
    path: readPath(path),
    environment: readEnvironment(environment, path),
    sha256: sha256.toLowerCase(),
  };
}

function readPath(path) {
  try {
    return parseModulePath(path);
  } catch (error) {
    throw invalidConfig(`${path} is not a valid path to a Convex module. ${error.message}`);
  }
}

/** Old clients named no environment: what was in `actions/` ran in Node.js. */
function readEnvironment(environment, path) {
  if (environment === undefined || environment === null)
    return path.startsWith("actions/") ? "node" : "isolate";
  if (!["node", "isolate", "invalid"].includes(environment))
    throw invalidConfig(`Invalid environment ${environment}`);
  return environment;
}
