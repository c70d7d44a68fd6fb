/**
 * The code that a deployment runs: loading the modules of a push and finding their functions, with the errors of
 * crates/isolate/src/environment/analyze.rs and `analyze_modules` in crates/application/src/lib.rs.
 */
import { UserTimeout } from "./call_time.mjs";
import { HttpError } from "./errors.mjs";
import { MAX_USER_MODULES } from "./limits.mjs";
import { checkIdentifier } from "./names.mjs";
import { Sandbox } from "./sandbox.mjs";
import { toFunctionError } from "./stack.mjs";
import { parseValidator } from "./validators.mjs";

/** Not run by the server either: who signs end users' tokens. */
const AUTH_CONFIG = "auth.config.js";

/** @typedef {{type: "Query" | "Mutation" | "Action", isPublic: boolean, path: string, name: string,
 *   argsValidator?: import("./validators.mjs").Validator, returnsValidator?: import("./validators.mjs").Validator,
 *   argsJson: string, returnsJson: string}} FunctionDefinition */

export class App {
  #actionSandbox;

  /**
   * @param {import("./module_code.mjs").ModuleCode[]} userModules
   * @param {import("./module_code.mjs").ModuleCode[]} systemModules
   * @param {import("./sandbox.mjs").TimeLimits} options
   * @throws {HttpError} 400 when a module cannot be loaded or exports something wrong
   */
  constructor(userModules, systemModules, options) {
    checkCount(userModules);
    this.userModules = new Map(userModules.map((module) => [module.path, module]));
    this.modules = new Map([...userModules, ...systemModules].map((module) => [module.path, module]));
    this.options = options;
    this.sandbox = this.#makeSandbox();
    /** @type {Map<string, FunctionDefinition>} by canonical path */
    this.definitions = new Map();
    for (const module of this.modules.values()) {
      if (module.isShared || module.path === AUTH_CONFIG) continue;
      for (const one of this.#analyze(module.path)) this.definitions.set(`${one.path}:${one.name}`, one);
    }
  }

  #makeSandbox(forActions = false) {
    return new Sandbox(this.modules, { ...this.options, forActions });
  }

  /** Actions share the server's event loop, so they have a realm of their own. */
  get actionSandbox() {
    this.#actionSandbox ??= this.#makeSandbox(true);
    return this.#actionSandbox;
  }

  /** After a function was stopped somewhere in the middle. */
  renewSandbox() {
    this.sandbox = this.#makeSandbox();
  }

  /** Definitions of the user's functions. */
  get userDefinitions() {
    return [...this.definitions.values()].filter((one) => this.userModules.has(one.path));
  }

  #attemptAnalysis(path) {
    try {
      return this.sandbox.analyze(path);
    } catch (error) {
      if (!(error instanceof UserTimeout)) throw error;
      throw invalidModules(`Failed to analyze ${path}: ${error.toText()}`);
    }
  }

  /** @returns {FunctionDefinition[]} */
  #analyze(path) {
    const { result, failure } = this.#attemptAnalysis(path);
    if (failure !== undefined) {
      // A module that is not found is said as it is; then the failure has no "Uncaught Error: " either.
      const prefix = failure.isUnprefixed ? "" : `Failed to analyze ${path}: `;
      throw invalidModules(prefix + toFunctionError(failure, this.modules).toText());
    }
    return result.map((exported) => ({
      path,
      name: checkFunctionName(path, exported.name),
      type: exported.type,
      isPublic: exported.isPublic,
      argsJson: exported.args,
      returnsJson: exported.returns,
      argsValidator: parseExported(path, exported, "args"),
      returnsValidator: parseExported(path, exported, "returns"),
    }));
  }
}

function checkCount(userModules) {
  const count = userModules.filter((module) => !module.isShared).length;
  if (count <= MAX_USER_MODULES) return;
  throw new HttpError(
    400,
    "InvalidModules",
    `Too many function files (${count} > maximum ${MAX_USER_MODULES}) in "convex/". See our docs (https://docs.convex.dev/using/writing-convex-functions#using-libraries) for more details.`,
  );
}

/** @param {string} problem text of a JavaScript error, its line ended */
export function invalidModules(problem) {
  const message = `Loading the pushed modules encountered the following\n    error:\n${problem}`;
  return new HttpError(400, "InvalidModules", message);
}

function checkFunctionName(path, name) {
  try {
    checkIdentifier(name);
    return name;
  } catch (error) {
    const message = `Invalid function name used in \`${path}\`: ${error.message}`;
    throw new HttpError(400, "InvalidFunctionName", message);
  }
}

/** A validator of a function; undefined where everything is taken. */
function parseExported(path, exported, kind) {
  const method = kind === "args" ? "exportArgs" : "exportReturns";
  try {
    const json = JSON.parse(exported[kind]);
    const validator = json === null ? { kind: "any" } : parseValidator(json);
    if (kind === "args" && !["object", "any"].includes(validator.kind)) {
      throw new Error("Args validator must be an object or any");
    }
    return validator.kind === "any" ? undefined : validator;
  } catch (error) {
    throw invalidModules(
      `Invalid JSON returned from ${path}:${exported.name}.${method}(): ${error.message}\n`,
    );
  }
}
