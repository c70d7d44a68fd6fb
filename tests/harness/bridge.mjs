/**
 * Running convex-bridge as a user does: in a project folder of its own.
 *
 *   const project = await openProject();
 *   const { code, stdout, stderr } = await project.bridge(["plan"], { SOURCE_URL: hosted.url("app") });
 *   const running = project.start(["migrate"], environment);   // { child, ended, said(pattern) }
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { mustRun, temporaryFolder } from "./process.mjs";

/** Holds the projects of this process; made when the first is needed. */
let root;

/** Variables of the tester's own that would mean something to convex-bridge. */
const MEANINGFUL = /^(PG|SOURCE_URL|CONVEX_)/;

export async function openProject() {
  root ??= temporaryFolder("convex-bridge-test");
  const folder = mkdtempSync(`${root}/project.`);
  // as root the copy belongs to another user, who must reach it
  chmodSync(root, 0o755);
  chmodSync(folder, 0o755);
  const { stdout } = await mustRun(process.env.PG_CONFIG ?? "pg_config", ["--bindir"]);
  const program = `${stdout.trim()}/convex-bridge`;

  /** Starts a command. @param {string[]} args @param {Record<string, string>} environment */
  function start(args, environment = {}) {
    const ours = Object.entries(process.env).filter(([name]) => !MEANINGFUL.test(name));
    const child = spawn(program, args, {
      cwd: folder, env: { ...Object.fromEntries(ours), HOME: folder, ...environment }, stdio: ["pipe", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    const waiting = new Set();
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => {
        output[name] += text;
        for (const check of waiting) check();
      });
    }
    child.stdin.on("error", () => {});
    const ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal, ...output }));
    });
    /** Resolves when it has said something; or when it ended without. @param {RegExp} pattern */
    const said = (pattern) => new Promise((resolve) => {
      const check = () => {
        if (!pattern.test(output.stderr + output.stdout)) return;
        waiting.delete(check);
        resolve(true);
      };
      waiting.add(check);
      ended.then(() => resolve(false));
      check();
    });
    return { child, ended, said };
  }

  /** Runs a command to its end. @param {{ input?: string }} [options] */
  function bridge(args, environment, { input = "" } = {}) {
    const { child, ended } = start(args, environment);
    child.stdin.end(input);
    return ended;
  }

  /** As `bridge`, but it must succeed. */
  async function mustBridge(args, environment, options) {
    const result = await bridge(args, environment, options);
    if (result.code !== 0) throw new Error(`convex-bridge ${args.join(" ")} failed (${result.code}):\n${result.stderr}${result.stdout}`);
    return result;
  }

  return { folder, program, start, bridge, mustBridge };
}
