/**
 * What official tools say of a folder with schema.ts and migrate.ts:
 *
 *   assert.deepEqual(await checkTypeScript(folder), []);
 *
 * The type checker, with `convex` of package.json and the strict settings that projects have; the recommended rules of
 * @convex-dev/eslint-plugin; prettier with its defaults. The files need no `_generated` folder: migrate.ts imports
 * nothing from it.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import convexPlugin from "@convex-dev/eslint-plugin";
import parser from "@typescript-eslint/parser";
import { ESLint } from "eslint";
import prettier from "prettier";
import { run, temporaryFolder } from "../harness/index.mjs";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

/** Holds the projects of this process. */
const root = temporaryFolder("convex-codegen");

/** Those of the tsconfig.json that `npx convex dev` writes, and stricter ones that apps add to it. */
const COMPILER_OPTIONS = {
  strict: true,
  noEmit: true,
  target: "ESNext",
  lib: ["ES2021", "dom"],
  module: "ESNext",
  moduleResolution: "Bundler",
  isolatedModules: true,
  skipLibCheck: true,
  types: [],
  exactOptionalPropertyTypes: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

/**
 * @param {string} folder
 * @returns {Promise<string[]>} what is wrong; empty when nothing is
 */
export async function checkTypeScript(folder) {
  const project = newProject();
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  for (const file of files) copyFileSync(`${folder}/${file}`, `${project}/convex/${file}`);
  return [...(await checkTypes(project)), ...(await lint(project)), ...(await checkFormat(project))];
}

/** A project in which `convex` can be imported, with an empty convex/. @returns {string} its path */
export function newProject() {
  const project = mkdtempSync(`${root}/project.`);
  mkdirSync(`${project}/convex`);
  symlinkSync(modules, `${project}/node_modules`);
  const tsconfig = { compilerOptions: COMPILER_OPTIONS, include: ["convex"] };
  writeFileSync(`${project}/tsconfig.json`, JSON.stringify(tsconfig));
  return project;
}

/** @param {string} project from `newProject` @returns {Promise<string[]>} errors of the type checker */
export async function checkTypes(project) {
  const { stdout } = await run(`${modules}/.bin/tsc`, ["--pretty", "false"], { cwd: project });
  return stdout.split("\n").filter((line) => line !== "");
}

/** @param {string} project @returns {Promise<string[]>} files that prettier would change */
export async function checkFormat(project) {
  const problems = [];
  for (const file of readdirSync(`${project}/convex`)) {
    const text = readFileSync(`${project}/convex/${file}`, "utf8");
    if (!(await prettier.check(text, { parser: "typescript" })))
      problems.push(`convex/${file}: prettier would change it`);
  }
  return problems;
}

async function lint(project) {
  const eslint = new ESLint({
    cwd: project,
    overrideConfigFile: true,
    overrideConfig: [...convexPlugin.configs.recommended, { files: ["**/*.ts"], languageOptions: { parser } }],
  });
  const results = await eslint.lintFiles(["convex"]);
  return results.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, ruleId, message }) => `${filePath.slice(project.length + 1)}(${line}): ${ruleId}: ${message}`,
    ),
  );
}
