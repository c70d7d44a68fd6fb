/**
 * Deploying a `convex/` folder of this machine: the same push that `npx convex deploy` makes, without HTTP.
 */
import { readFileSync } from "node:fs";
import { bundleFolder, bundleSystemFunctions } from "./bundle.mjs";
import { ModuleCode } from "./module_code.mjs";

const { version } = JSON.parse(
  readFileSync(new URL("../node_modules/convex/package.json", import.meta.url), "utf8"),
);

/**
 * @param {import("./push.mjs").Pushes} pushes
 * @param {string} directory
 * @throws {Error} when it does not bundle or load, or documents do not match the schema; the old code stays then
 */
export async function deployFolder(pushes, directory) {
  const { schema, modules } = await bundleFolder(directory);
  const started = await startPush(pushes, directory, { schema, modules });
  const status = pushes.schemaStatus(started.schemaChange);
  if (status.type === "failed") throw new Error(status.error);
  await pushes.finish(started);
}

async function startPush(pushes, directory, { schema, modules }) {
  try {
    return await pushes.start({
      functions: "convex/",
      definition: null,
      schema,
      changedModules: modules,
      unchangedModuleHashes: [],
      udfServerVersion: version,
      isDryRun: false,
      isForCodegen: false,
    });
  } catch (error) {
    throw new Error(`the functions in ${directory} cannot be deployed: ${error.message}`);
  }
}

let systemModules;

/** The system functions, the same for every deployment of this process. @returns {Promise<ModuleCode[]>} */
export async function loadSystemModules() {
  systemModules ??= bundleSystemFunctions().then((modules) =>
    Promise.all(modules.map((module) => ModuleCode.compile(module))),
  );
  return await systemModules;
}
