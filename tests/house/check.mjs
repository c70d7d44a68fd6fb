/**
 * Is the house in order? Prints "file:line: what is wrong" and ends with 1 if anything is.
 *
 *   node tests/house/check.mjs [FOLDER]      the folder of the project, or of a copy of it
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readPages } from "./pages.mjs";
import { rules } from "./rules.mjs";
import { readSource } from "./source.mjs";

/** Made by the Makefile. */
const GENERATED = ["src/generate/migrate_template.h", "src/catalog/left_behind_query.h"];

const root = process.argv[2] ?? fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const files = sourcesOf(root).map((path) => readSource(root, path));
const pages = readPages(root);
const problems = rules.flatMap((rule) => rule(files, pages));
for (const { path, line, text } of problems) console.log(`${path}:${line}: ${text}`);
if (problems.length === 0) console.log(`${files.length} files and ${pages.length} pages are in order`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** C files and headers, sorted. */
function sourcesOf(root) {
  const below = readdirSync(`${root}/src`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(`${root}/src/${name}`).map((file) => `src/${name}/${file}`));
  return ["convex_migrate.c", ...below]
    .filter((path) => /\.[ch]$/.test(path) && !GENERATED.includes(path) && existsSync(`${root}/${path}`))
    .sort();
}
