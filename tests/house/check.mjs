/**
 * Is the house in order? Prints "file:line: what is wrong" and ends with 1 if anything is.
 *
 *   node tests/house/check.mjs [FOLDER]      FOLDER has convex_migrate.c and src/; without it, the project's
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rules } from "./rules.mjs";
import { readSource } from "./source.mjs";

/** Made by the Makefile. */
const GENERATED = "src/generate/migrate_template.h";

const root = process.argv[2] ?? fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const files = sourcesOf(root).map((path) => readSource(root, path));
const problems = rules.flatMap((rule) => rule(files));
for (const { path, line, text } of problems) console.log(`${path}:${line}: ${text}`);
if (problems.length === 0) console.log(`${files.length} files are in order`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** C files and headers, sorted. */
function sourcesOf(root) {
  const below = readdirSync(`${root}/src`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(`${root}/src/${name}`).map((file) => `src/${name}/${file}`));
  return ["convex_migrate.c", ...below]
    .filter((path) => /\.[ch]$/.test(path) && path !== GENERATED && existsSync(`${root}/${path}`))
    .sort();
}
