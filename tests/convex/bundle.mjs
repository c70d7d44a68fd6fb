/**
 * Bundles a `convex/` folder and the system functions into one script, as
 * `npx convex deploy` would push it: one module for each file, `_generated`
 * replaced by what code generation writes.
 */
import { build } from "esbuild";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const NODE_MODULES = path.resolve(HERE, "../node_modules");
const SYSTEM_DIRECTORY = path.join(HERE, "system");
const SOURCE_FILE = /\.(ts|tsx|js|jsx|mjs)$/;
const NOT_A_MODULE = /(\.d\.ts|\.test\.[^.]+|\.config\.[^.]+)$/;

const GENERATED = {
  server: `export {
    queryGeneric as query, mutationGeneric as mutation, actionGeneric as action,
    internalQueryGeneric as internalQuery, internalMutationGeneric as internalMutation,
    internalActionGeneric as internalAction, httpActionGeneric as httpAction } from "convex/server";`,
  api: `import { anyApi } from "convex/server"; export const api = anyApi; export const internal = anyApi;`,
  dataModel: "",
};

/** Makes `./_generated/…` work without code generation. */
const generatedPlugin = {
  name: "generated",
  setup({ onResolve, onLoad }) {
    const filter = /(^|\/)_generated\/(server|api|dataModel)(\.js|\.ts)?$/;
    onResolve({ filter }, (args) => ({ path: filter.exec(args.path)[2], namespace: "generated" }));
    onLoad({ filter: /.*/, namespace: "generated" }, (args) => ({
      contents: GENERATED[args.path],
      resolveDir: HERE,
    }));
  },
};

/** Module files below a folder, as [module path, file]. */
function listModules(directory, prefix = "") {
  const found = [];
  for (const entry of readdirSync(path.join(directory, prefix), { withFileTypes: true })) {
    const relative = path.posix.join(prefix, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== "_generated" && entry.name !== "node_modules")
        found.push(...listModules(directory, relative));
    } else if (SOURCE_FILE.test(entry.name) && !NOT_A_MODULE.test(entry.name)) {
      found.push([relative.replace(SOURCE_FILE, ".js"), path.join(directory, relative)]);
    }
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * @param {string | undefined} directory the user's `convex/` folder; none for a deployment without functions
 * @returns {Promise<{code: string, sourceMap: object}>} a script that defines `bundle.modules`
 * @throws {Error} naming the folder, or esbuild's messages
 */
export async function bundleFunctions(directory) {
  const root = directory === undefined ? undefined : path.resolve(directory);
  if (root !== undefined && !statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${root} is no folder: --functions must name the convex/ folder of a project`);
  }
  const modules = [...listModules(SYSTEM_DIRECTORY), ...(root === undefined ? [] : listModules(root))];
  const imports = modules.map(([, file], i) => `import * as m${i} from ${JSON.stringify(file)};`);
  const entries = modules.map(([modulePath], i) => `${JSON.stringify(modulePath)}: m${i}`);
  const result = await build({
    stdin: {
      contents: `${imports.join("\n")}\nexport const modules = {${entries.join(", ")}};`,
      resolveDir: root ?? HERE,
    },
    bundle: true,
    write: false,
    outfile: "bundle.js",
    absWorkingDir: root ?? HERE,
    format: "iife",
    globalName: "bundle",
    platform: "browser",
    conditions: ["convex", "module"],
    target: "es2022",
    nodePaths: [NODE_MODULES],
    alias: {
      "convex/server": path.join(NODE_MODULES, "convex/dist/esm/server/index.js"),
      "convex/values": path.join(NODE_MODULES, "convex/dist/esm/values/index.js"),
    },
    plugins: [generatedPlugin],
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "silent",
  });
  const text = (suffix) => result.outputFiles.find((file) => file.path.endsWith(suffix)).text;
  return { code: text("bundle.js"), sourceMap: JSON.parse(text("bundle.js.map")) };
}
