/**
 * What the evaluation of a folder's migrate.ts takes, as Convex's server does it in
 * every call: an ES module with all that it imports, in a realm of its own, with its
 * code cached. Needs `node --experimental-vm-modules`; many.mjs starts it.
 *
 *   node --experimental-vm-modules tests/bench/evaluation.mjs FOLDER     prints milliseconds of CPU time
 */
import { createContext, SourceTextModule } from "node:vm";
import { build } from "esbuild";

const EVALUATIONS = 20;
const ROUNDS = 10;

/** The module as one text. */
async function bundle(folder) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [`${folder}/migrate.ts`], bundle: true, format: "esm", target: "es2022", write: false, platform: "browser",
    nodePaths: [new URL("../node_modules", import.meta.url).pathname],
  });
  return text;
}

function moduleOf(text, cachedData) {
  return new SourceTextModule(text, { context: createContext({ console }), cachedData });
}

async function evaluate(module) {
  await module.link(() => {});
  await module.evaluate();
  return module;
}

const text = await bundle(process.argv[2]);
// the cache of a module that has not run yet has no functions; so that of one that is like one that has
const { namespace } = await evaluate(moduleOf(text));
if (typeof namespace.about !== "function") throw new Error("the module has no functions");
const cache = moduleOf(text).createCachedData();
let least = Infinity;
for (let round = 0; round < ROUNDS; round++) {
  let took = 0;
  for (let n = 0; n < EVALUATIONS; n++) {
    const context = moduleOf(text, cache);
    const before = process.cpuUsage();
    await evaluate(context);
    const { user, system } = process.cpuUsage(before);
    took += (user + system) / 1000;
  }
  least = Math.min(least, took / EVALUATIONS);
}
console.log(least.toFixed(2));
