/**
 * The parts of an answer to `start_push` that describe the app (`SerializedEvaluatedComponentDefinition`,
 * crates/model/src/components/types.rs; `SerializedCheckedComponent`, crates/model/src/components/type_checking.rs).
 * There is only the app itself, without child components.
 */
import { fromBigInt } from "./values.mjs";

/**
 * @param {import("./app.mjs").App} app
 * @param {import("./schema.mjs").Schema | undefined} schema
 * @param {{serverVersion: string, rngSeed: Buffer, unixTimestampNs: bigint}} udfConfig
 */
export function exportAnalysis(app, schema, udfConfig) {
  const modules = [...app.userModules.values()].filter((module) => !module.isShared);
  return {
    definition: {
      path: "",
      definitionType: { type: "app" },
      childComponents: [],
      httpMounts: {},
      httpPrefix: null,
      exports: { type: "branch", branch: [] },
      envVars: null,
    },
    schema: schema === undefined ? null : JSON.parse(schema.json),
    functions: Object.fromEntries(modules.map(({ path }) => [path, exportModule(app, path)])),
    udfConfig: {
      serverVersion: udfConfig.serverVersion,
      importPhaseRngSeed: { $bytes: udfConfig.rngSeed.toString("base64") },
      importPhaseUnixTimestamp: fromBigInt(udfConfig.unixTimestampNs),
    },
  };
}

/** `SerializedAnalyzedModule`; without places in the source, which the server leaves out too when it has none. */
function exportModule(app, path) {
  const functions = app.userDefinitions
    .filter((one) => one.path === path)
    .map(({ name, type, isPublic, argsJson, returnsJson }) => ({
      name,
      pos: null,
      udfType: type,
      visibility: { kind: isPublic ? "public" : "internal" },
      args: argsJson,
      returns: returnsJson,
    }));
  return { functions, httpRoutes: null, cronSpecs: null, sourceMapped: null };
}

export function exportCheckedApp() {
  return {
    definitionPath: "",
    componentPath: "",
    httpPrefix: null,
    args: {},
    env: {},
    childComponents: {},
    httpRoutes: { httpModuleRoutes: null, mounts: [] },
    exports: {},
  };
}
