/**
 * Bundles a `convex/` folder, and the system functions, into modules like those that `npx convex deploy` pushes:
 * one ES module for each file, what they share in `_deps/`, schema.ts apart (npm convex: src/bundler/index.ts,
 * src/bundler/debugBundle.ts). `_generated` is replaced by what code generation writes.
 */
import { build } from "esbuild";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const NODE_MODULES = path.resolve(HERE, "../node_modules");
const SYSTEM_DIRECTORY = path.join(HERE, "system");
const ENTRY_POINT = /\.(js|mjs|cjs|ts|tsx|mts|cts|jsx)$/;
const SCHEMA_FILES = ["schema.ts", "schema.js"];

/** A module of a push. @typedef {{path: string, source: string, sourceMap?: string, environment?: string}} Module */

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

/** Whether the command line tool takes a file as a module of its own (`entryPoints`). */
function isEntryPoint(name) {
  if (!ENTRY_POINT.test(name) || SCHEMA_FILES.includes(name) || /^[.#]|\s/.test(name)) return false;
  // "x.test.ts", "auth.config.ts", "x.d.ts"
  return name.split(".").length === 2;
}

/** Without a line that exports or imports something, a TypeScript file is no module. */
function isModule(file) {
  return !/\.tsx?$/.test(file) || /^\s{0,100}(import|export)/m.test(readFileSync(file, "utf8"));
}

function listEntryPoints(root, below = "") {
  const found = [];
  for (const entry of readdirSync(path.join(root, below), { withFileTypes: true })) {
    const relative = path.join(below, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules" && relative !== "_generated")
        found.push(...listEntryPoints(root, relative));
    } else if (isEntryPoint(entry.name)) {
      const file = path.join(root, relative);
      if (isModule(file)) found.push(file);
    }
  }
  return found.sort();
}

/** @returns {Promise<Module[]>} */
async function bundle(root, entryPoints, chunksFolder) {
  if (entryPoints.length === 0) return [];
  const outdir = path.join(root, "out");
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    splitting: true,
    write: false,
    outdir,
    outbase: root,
    chunkNames: `${chunksFolder}/[hash]`,
    absWorkingDir: root,
    format: "esm",
    platform: "browser",
    conditions: ["convex", "module"],
    target: "esnext",
    jsx: "automatic",
    nodePaths: [NODE_MODULES],
    alias: {
      "convex/server": path.join(NODE_MODULES, "convex/dist/esm/server/index.js"),
      "convex/values": path.join(NODE_MODULES, "convex/dist/esm/values/index.js"),
    },
    plugins: [generatedPlugin],
    sourcemap: true,
    sourcesContent: false,
    logLevel: "silent",
  });
  const texts = new Map(outputFiles.map((file) => [path.relative(outdir, file.path), file.text]));
  return [...texts.keys()]
    .filter((name) => name.endsWith(".js"))
    .map((name) => ({
      path: name,
      source: texts.get(name),
      sourceMap: moveSources(texts.get(`${name}.map`), root, name),
      environment: "isolate",
    }));
}

/** Names the sources as the command line tool does, which runs next to a folder named "convex". */
function moveSources(sourceMapText, root, modulePath) {
  const sourceMap = JSON.parse(sourceMapText);
  const folderOf = (project) => path.join(project, path.dirname(modulePath));
  sourceMap.sources = sourceMap.sources.map((source) => {
    const file = path.relative(root, path.resolve(folderOf(path.join(root, "out")), source));
    return path.relative(folderOf("/project/out"), path.join("/project/convex", file));
  });
  return JSON.stringify(sourceMap);
}

/**
 * @param {string} directory the user's `convex/` folder
 * @returns {Promise<{schema: Module | null, modules: Module[]}>}
 * @throws {Error} naming the folder, or esbuild's messages
 */
export async function bundleFolder(directory) {
  const root = path.resolve(directory);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${root} is no folder: --functions must name the convex/ folder of a project`);
  }
  const schemaFile = SCHEMA_FILES.map((name) => path.join(root, name)).find((file) =>
    statSync(file, { throwIfNoEntry: false }),
  );
  const [schema = null] = await bundle(root, schemaFile === undefined ? [] : [schemaFile], "_deps");
  return { schema, modules: await bundle(root, listEntryPoints(root), "_deps") };
}

/** The functions below system/. @returns {Promise<Module[]>} */
export async function bundleSystemFunctions() {
  return await bundle(SYSTEM_DIRECTORY, listEntryPoints(SYSTEM_DIRECTORY), "_system/_deps");
}
