/**
 * Running other programs from tests so that none is left behind.
 *
 * A test process may end in any way: it fails, is interrupted, is killed. Then
 * its pipes close, and that is what everything here hangs on: see `onOurEnd`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ input?: string, env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 *   `input` is its standard input (empty when left out)
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 *   a program that fails is an ordinary result; one that cannot be started rejects
 */
export function run(command, args, { input = "", env = process.env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    // A program may end without reading all of its input: no concern of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Like `run`, but an exit code other than 0 rejects with the program's own words. */
export async function mustRun(command, args, options) {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed (exit code ${result.code}):\n${result.stderr}${result.stdout}`);
  }
  return result;
}

/**
 * Starts a guard that runs a command when this process has ended, or earlier
 * when told to. The guard waits on a pipe, so it notices even SIGKILL.
 * @param {string} command
 * @param {string[]} args
 * @returns {() => Promise<void>} runs the command now; resolves when it is done;
 *   rejects when it failed
 */
export function onOurEnd(command, args) {
  // In a process group of its own: Ctrl-C in a terminal must not reach the guard.
  const guard = spawn("sh", ["-c", 'cat >/dev/null; exec "$@"', "guard", command, ...args], {
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  let stderr = "";
  guard.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const ended = new Promise((resolve, reject) => {
    guard.on("error", reject);
    guard.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(" ")} failed:\n${stderr}`)));
  });
  ended.catch(() => {}); // reported to whoever calls the function below
  // A test file that has nothing else to do must be able to end.
  guard.unref();
  guard.stdin.unref();
  guard.stderr.unref();
  return () => {
    guard.ref();
    guard.stdin.end();
    return ended;
  };
}

/**
 * A folder below /tmp that is removed when this process has ended, however it ends.
 * @param {string} name what its name begins with
 * @returns {string} its path
 */
export function temporaryFolder(name) {
  const folder = mkdtempSync(`/tmp/${name}.`);
  onOurEnd("rm", ["-rf", folder]);
  return folder;
}
