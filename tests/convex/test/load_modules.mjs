/** What a push carries, loaded by Node itself: for a second opinion of the official mock. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { bundleFolder } from "../bundle.mjs";

/** @param {string} folder with functions @returns {Promise<Record<string, object>>} its modules by path */
export async function loadModules(folder) {
  const { schema, modules } = await bundleFolder(folder);
  const bundled = [schema, ...modules];
  const directory = await mkdtemp(path.join(tmpdir(), "convex-modules-"));
  after(() => rm(directory, { recursive: true }));
  await writeFile(path.join(directory, "package.json"), '{"type":"module"}');
  for (const { path: name, source } of bundled) {
    await mkdir(path.join(directory, path.dirname(name)), { recursive: true });
    await writeFile(path.join(directory, name), source);
  }
  const entries = bundled.map(async ({ path: name }) => [name, await import(path.join(directory, name))]);
  return Object.fromEntries(await Promise.all(entries));
}
