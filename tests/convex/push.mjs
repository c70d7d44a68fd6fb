/**
 * Pushes: how new code and a new schema replace the old ones. `start` loads and checks what is pushed, submits the
 * schema and prepares indexes; `finish` makes it all real at once (crates/application/src/deploy_config.rs,
 * crates/model/src/components/config.rs). A folder is deployed by the same two steps.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { App, invalidModules } from "./app.mjs";
import { HttpError } from "./errors.mjs";
import { checkAppDefinition, evaluateSchema } from "./evaluate.mjs";
import { exportIndexDiff } from "./index_catalog.mjs";
import { MAX_SYSTEM_WRITES } from "./limits.mjs";
import { ModuleCode, ModuleSyntaxError } from "./module_code.mjs";
import { exportAnalysis, exportCheckedApp } from "./push_answer.mjs";
import { SchemaStates } from "./schema_states.mjs";

/** The folder of the functions until a push says otherwise (`ConfigMetadata::new`). */
const DEFAULT_FUNCTIONS_FOLDER = "convex/";

export class Pushes {
  /** Code that was pushed, whether the push was finished or not. @type {Map<string, App>} */
  #packages = new Map();
  #componentId = randomUUID();
  /** Where the functions come from and the version of `convex` that they were pushed with. */
  #config = { functions: DEFAULT_FUNCTIONS_FOLDER, udfConfig: undefined };

  /**
   * @param {import("./database.mjs").Database} database
   * @param {import("./functions.mjs").Functions} functions
   * @param {import("./sandbox.mjs").TimeLimits & {systemModules: ModuleCode[]}} options
   */
  constructor(database, functions, options) {
    this.database = database;
    this.functions = functions;
    const { systemModules, ...timeLimits } = options;
    this.systemModules = systemModules;
    this.timeLimits = timeLimits;
    this.schemas = new SchemaStates(database);
    this.#host(new App([], systemModules, timeLimits));
  }

  #host(app) {
    this.app = app;
    this.functions.host(app);
  }

  /** What a client compares its modules with (`get_config_hashes`). */
  configHashes() {
    return {
      config: { functions: this.#config.functions },
      moduleHashes: [...this.app.userModules.values()].map(({ path, sha256, environment }) => ({
        path,
        hash: sha256,
        environment,
      })),
      udfServerVersion: this.#config.udfConfig?.serverVersion ?? null,
      nodeVersion: null,
    };
  }

  /** Loads the code, schema and definition of a push. @param {import("./push_request.mjs").PushConfig} config */
  async #evaluate(config) {
    const modules = [...(await compileAll(config.changedModules)), ...this.#unchangedModules(config)];
    const app = new App(modules, this.systemModules, this.timeLimits);
    const schema = config.schema === null ? undefined : await evaluateSchema(config.schema, this.timeLimits);
    if (config.definition !== null) await checkAppDefinition(config.definition, this.timeLimits);
    return { app, schema };
  }

  /** Modules of the last push that the client did not send again (`upload_packages`). */
  #unchangedModules({ unchangedModuleHashes }) {
    if (unchangedModuleHashes.length > 0 && this.app.userModules.size === 0)
      throw new Error("Failed to download source package for root component.");
    return unchangedModuleHashes.map(({ path, sha256, environment }) => {
      const module = this.app.userModules.get(path);
      if (module === undefined)
        throw conflict("MissingExistingModule", "Could not find existing unchanged module.");
      if (module.sha256 !== sha256)
        throw conflict("ExistingModuleHashConflict", "Existing module hash does not match.");
      if (module.environment !== environment)
        throw conflict("ExistingModuleEnvConflict", "Existing module environment does not match.");
      return module;
    });
  }

  /**
   * What a push would change; nothing changes.
   * @param {import("./push_request.mjs").PushConfig} config
   */
  async evaluate(config) {
    const { schema } = await this.#evaluate(config);
    const schemaId = schema === undefined ? null : randomUUID();
    return { schemaChange: this.#schemaChange(schemaId, this.database.indexes.diff(schema)) };
  }

  /**
   * Begins a push. A dry run and code generation submit the schema too, but prepare no indexes.
   * @param {import("./push_request.mjs").PushConfig} config
   * @returns {Promise<object>} what the client hands back to `finish`
   */
  async start(config) {
    const { app, schema } = await this.#evaluate(config);
    return await this.database.alone.run(() => this.#start(config, app, schema));
  }

  #start(config, app, schema) {
    const { indexes } = this.database;
    if (schema !== undefined) this.#checkSystemWrites(schema);
    const schemaId = schema === undefined ? null : this.schemas.submit(schema).id;
    const preparesIndexes = schema !== undefined && !config.isDryRun && !config.isForCodegen;
    const diff = preparesIndexes ? indexes.prepare(schema) : indexes.diff(schema);
    const storageKey = randomUUID();
    const udfConfig = this.#udfConfig(config.udfServerVersion);
    this.#packages.set(storageKey, { app, udfConfig, functions: config.functions });
    return {
      environmentVariables: {},
      externalDepsId: null,
      componentDefinitionPackages: { "": { storageKey } },
      appAuth: [],
      analysis: { "": exportAnalysis(app, schema, udfConfig) },
      app: exportCheckedApp(),
      schemaChange: this.#schemaChange(schemaId, diff),
    };
  }

  /** A table is a document in `_tables` and its two own indexes, an index one document. More are a 500. */
  #checkSystemWrites(schema) {
    const newTables = [...schema.tables.keys()].filter((name) => this.database.table(name) === undefined);
    const { added, dropped } = this.database.indexes.diff(schema);
    const writes = 3 * newTables.length + added.length + dropped.length;
    if (writes > MAX_SYSTEM_WRITES)
      throw new Error(`Too many system document writes in a single transaction: ${writes}`);
  }

  /** `SchemaChange`; the app itself is made by the first push. */
  #schemaChange(schemaId, diff) {
    return {
      allocatedComponentIds: this.#isFirstPush ? { "": this.#componentId } : {},
      schemaIds: { "": schemaId },
      indexDiffs: { "": exportIndexDiff(diff) },
    };
  }

  get #isFirstPush() {
    return this.#config.udfConfig === undefined;
  }

  /** Changes only with the version (`generate_udf_config`). */
  #udfConfig(serverVersion) {
    if (this.#config.udfConfig?.serverVersion === serverVersion) return this.#config.udfConfig;
    return { serverVersion, rngSeed: randomBytes(32), unixTimestampNs: BigInt(Date.now()) * 1_000_000n };
  }

  /**
   * How far the schema of a push is. Documents are looked through at once here, so that nothing is ever in progress.
   * @param {{schemaIds: Record<string, string | null>}} schemaChange
   */
  schemaStatus({ schemaIds }) {
    const schemaId = schemaIds[""] ?? null;
    if (schemaId === null) return { type: "complete" };
    const submitted = this.schemas.find(schemaId);
    if (submitted === undefined) throw new Error("Missing schema document");
    if (submitted.state === "overwritten") return { type: "raceDetected" };
    if (submitted.state !== "failed") return { type: "complete" };
    const { error, tableName } = submitted.failure;
    return { type: "failed", error, componentPath: "", tableName };
  }

  /**
   * Ends a push: its code runs and its schema is enforced from now on.
   * @param {object} startPush what `start` gave
   * @returns {Promise<object>} what has changed
   */
  async finish(startPush) {
    return await this.database.alone.run(() => this.#finish(startPush));
  }

  #finish({ environmentVariables, componentDefinitionPackages, schemaChange }) {
    if (Object.keys(environmentVariables).length > 0) {
      throw new HttpError(400, "RaceDetected", "Environment variables have changed during push");
    }
    const pushed = this.#packages.get(componentDefinitionPackages[""]?.storageKey);
    if (pushed === undefined) throw new Error("the pushed code is not here");
    if ([...pushed.app.userModules.keys()].some((path) => path.startsWith("_system/")))
      throw new Error("You cannot push functions under the '_system/' directory.");
    const schemaId = schemaChange.schemaIds[""] ?? null;
    const submitted = schemaId === null ? undefined : this.schemas.validatedOrActive(schemaId);
    const diff = this.#componentDiff(pushed, submitted?.schema);
    this.database.indexes.commit(submitted?.schema);
    this.schemas.activate(submitted);
    this.#config = { functions: pushed.functions, udfConfig: pushed.udfConfig };
    this.#host(pushed.app);
    return {
      authDiff: { added: [], removed: [] },
      definitionDiffs: { "": {} },
      componentDiffs: { "": diff },
    };
  }

  /** `ComponentDiff` */
  #componentDiff({ app, udfConfig }, schema) {
    const [previous, next] = [
      this.#config.udfConfig?.serverVersion ?? "Unspecified version",
      udfConfig.serverVersion,
    ];
    const [previousSchema, nextSchema] = [this.schemas.active?.json ?? null, schema?.json ?? null];
    return {
      diffType: { type: this.#isFirstPush ? "create" : "modify" },
      moduleDiff: { added: pathsMissingIn(this.app, app), removed: pathsMissingIn(app, this.app) },
      udfConfigDiff: previous === next ? null : { previous_version: previous, next_version: next },
      cronDiff: { added: [], updated: [], deleted: [] },
      indexDiff: exportIndexDiff(this.database.indexes.fullDiff(schema)),
      schemaDiff:
        previousSchema === nextSchema ? null : { previous_schema: previousSchema, next_schema: nextSchema },
    };
  }
}

/** Modules of the second app that the first does not have; shared ones are not told. */
function pathsMissingIn(app, other) {
  const modules = [...other.userModules.values()].filter((module) => !module.isShared);
  return modules
    .map(({ path }) => path)
    .filter((path) => !app.userModules.has(path))
    .sort();
}

async function compileAll(modules) {
  return await Promise.all(
    modules.map(async (module) => {
      try {
        return await ModuleCode.compile(module);
      } catch (error) {
        if (!(error instanceof ModuleSyntaxError)) throw error;
        throw invalidModules(`Failed to analyze ${module.path}: ${error.message}\n`);
      }
    }),
  );
}

function conflict(code, message) {
  return new HttpError(409, code, message);
}
