/**
 * What official tools say of folders with generated files, all of them at once, since each tool takes seconds to start:
 *
 *   assert.deepEqual(await checkTypeScript({ example: folder }), {});
 *
 * The type checker, with `convex` of package.json and the strict settings that projects have; the recommended rules of
 * @convex-dev/eslint-plugin; prettier with its defaults. The files need no `_generated` folder: they import nothing from
 * it.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import convexPlugin from "@convex-dev/eslint-plugin";
import parser from "@typescript-eslint/parser";
import { ESLint } from "eslint";
import prettier from "prettier";
import { run, temporaryFolder } from "../harness/index.mjs";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

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

/** Holds the projects of this process. */
const root = temporaryFolder("convex-codegen");

/**
 * @param {Record<string, string>} folders by a name
 * @returns {Promise<Record<string, string[]>>} by name what is wrong; of a folder with which nothing is, nothing
 */
export async function checkTypeScript(folders) {
  const project = projectOf(folders);
  const parts = Object.keys(folders).map((_, n) => `${n}/convex`);
  const lines = [await checkTypes(project), await lint(project, parts), await checkFormat(project, parts)].flat();
  return byName(Object.keys(folders), lines);
}

/** Like checkTypeScript(), by the type checker alone. */
export async function checkTypesOf(folders) {
  return byName(Object.keys(folders), await checkTypes(projectOf(folders)));
}

/** Like checkTypeScript(), by the formatter alone. */
export async function checkFormatOf(folders) {
  const parts = Object.keys(folders).map((_, n) => `${n}/convex`);
  return byName(Object.keys(folders), await checkFormat(projectOf(folders), parts));
}

/** A project in which `convex` can be imported, with the n-th folder as n/convex. */
function projectOf(folders) {
  const project = mkdtempSync(`${root}/project.`);
  Object.values(folders).forEach((folder, n) => cpSync(folder, `${project}/${n}/convex`, { recursive: true }));
  symlinkSync(modules, `${project}/node_modules`);
  const tsconfig = { compilerOptions: COMPILER_OPTIONS, include: ["*/convex"] };
  writeFileSync(`${project}/tsconfig.json`, JSON.stringify(tsconfig));
  return project;
}

/** Lines that begin `n/`, or continue one that does, by the n-th name. */
function byName(names, lines) {
  const problems = {};
  let name;
  for (const line of lines) {
    const [, n, rest] = /^(\d+)\/(.*)/s.exec(line) ?? [];
    name = n === undefined ? (name ?? "project") : names[Number(n)];
    (problems[name] ??= []).push(rest ?? line);
  }
  return problems;
}

async function checkTypes(project) {
  const { stdout } = await run(`${modules}/.bin/tsc`, ["--pretty", "false"], { cwd: project });
  return stdout.split("\n").filter((line) => line !== "");
}

async function checkFormat(project, parts) {
  const files = parts.flatMap((part) =>
    readdirSync(`${project}/${part}`, { recursive: true })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${part}/${file}`),
  );
  const problems = [];
  for (const file of files) {
    const text = readFileSync(`${project}/${file}`, "utf8");
    const formatted = await prettier.format(text, { parser: "typescript" });
    if (formatted !== text) problems.push(`${file}: prettier would write ${firstChange(text, formatted)}`);
  }
  return problems;
}

function firstChange(text, formatted) {
  const old = text.split("\n");
  const lines = formatted.split("\n");
  const line = lines.findIndex((content, i) => content !== old[i]);
  return `line ${line + 1} as ${JSON.stringify(lines[line])}`;
}

async function lint(project, parts) {
  const eslint = new ESLint({
    cwd: project,
    overrideConfigFile: true,
    overrideConfig: [...convexPlugin.configs.recommended, { files: ["**/*.ts"], languageOptions: { parser } }],
  });
  const results = await eslint.lintFiles(parts);
  return results.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, ruleId, message }) => `${filePath.slice(project.length + 1)}(${line}): ${ruleId}: ${message}`,
    ),
  );
}
