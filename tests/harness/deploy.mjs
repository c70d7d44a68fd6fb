/**
 * Deploys functions as users do: with the official command line tool.
 *
 *   const convex = await startConvex();
 *   console.log(await deploy("path/to/convex", convex));
 *
 * The tool writes `_generated` next to the functions, so it works on a copy in a temporary project.
 */
import { cpSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { mustRun, temporaryFolder } from "./process.mjs";

const nodeModules = fileURLToPath(new URL("../node_modules", import.meta.url));

/** What the tool refuses to push without. */
const PACKAGE = { name: "project", private: true, dependencies: { convex: "1.48.0" } };

/** Holds the projects of this process; made when the first is needed. */
let root;

/**
 * @param {string} functions a `convex/` folder that imports nothing outside of it; it stays as it is
 * @param {{ url: string, deployKey: string }} convex
 * @param {object} [options]
 * @param {"deploy" | "dev"} [options.command] "dev" ends after one push
 * @param {string[]} [options.args] further arguments, such as `--dry-run` or `--typecheck enable`
 * @param {object} [options.packageJson] of the project
 * @returns {Promise<string>} what the tool printed
 * @throws {Error} with what it printed, when it fails
 */
export async function deploy(functions, convex, { command = "deploy", args = [], packageJson = PACKAGE } = {}) {
  const project = makeProject(packageJson);
  cpSync(functions, `${project}/convex`, { recursive: true });
  const once = command === "dev" ? ["--once"] : [];
  const { stdout, stderr } = await runTool(project, [command, ...once, ...args], convex);
  return stderr + stdout;
}

/** A folder in which the tool works; it is gone when this process has ended. @returns {string} */
export function makeProject(packageJson = PACKAGE) {
  root ??= temporaryFolder("convex-deploy");
  const project = mkdtempSync(`${root}/project.`);
  writeFileSync(`${project}/package.json`, JSON.stringify(packageJson));
  symlinkSync(nodeModules, `${project}/node_modules`);
  return project;
}

/**
 * @param {string} project from `makeProject`
 * @param {string[]} args a command of the tool and what belongs to it
 * @param {{ url: string, deployKey: string }} convex
 * @returns {Promise<{ stdout: string, stderr: string }>}
 * @throws {Error} with what it printed, when it fails
 */
export async function runTool(project, args, convex) {
  return await mustRun(`${nodeModules}/.bin/convex`, args, { cwd: project, env: toolEnvironment(convex) });
}

/**
 * With CI set the tool reports no failures to its makers; against a deployment given by URL it asks nobody else
 * (npm convex: src/cli/lib/utils/sentry.ts, src/cli/deploy.ts). What the user's own shell says of deployments,
 * and VERCEL, which undoes CI, must not count. Where Node.js is too old for the tool, setup.sh put one for it into .bin.
 */
function toolEnvironment({ url, deployKey }) {
  const ours = Object.entries(process.env).filter(([name]) => !/^(CONVEX_|VERCEL)/.test(name));
  return {
    ...Object.fromEntries(ours),
    PATH: `${nodeModules}/.bin:${process.env.PATH}`,
    CI: "1",
    NO_COLOR: "1",
    CONVEX_SELF_HOSTED_URL: url,
    CONVEX_SELF_HOSTED_ADMIN_KEY: deployKey,
  };
}
