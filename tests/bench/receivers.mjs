/**
 * Where benchmarks send rows: the discarding sink, or the local Convex with
 * latency; and pointing a database's extension at one of them.
 *
 *   const sink = await startSink();
 *   await pointAt(cluster, "large", sink, { concurrency: 8 });
 *   …
 *   await sink.stop();
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { prepareDatabase } from "../harness/index.mjs";

const sinkScript = fileURLToPath(new URL("sink.mjs", import.meta.url));

/** Targets of the messaging example, as its functions are named. */
const FUNCTIONS = ["Workspaces", "WorkspaceMembers", "Contacts", "Conversations", "Messages", "ContactNotes"]
  .map((name) => `migrate:migrate${name}`);

/**
 * Starts the sink as a process of its own, which ends with this one.
 * @param {string[]} [functions] the mutations that it claims to have
 * @returns {Promise<{ url: string, deployKey: string, pid: number, stop: () => Promise<void> }>}
 */
export async function startSink(functions = FUNCTIONS) {
  const child = spawn(process.execPath, [sinkScript, ...functions], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(([code]) => {
      throw new Error(`the sink ended before it was ready (exit code ${code})`);
    }),
  ]);
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { ...JSON.parse(line), pid: child.pid, stop };
}

/**
 * Makes the extension of a database send to a receiver.
 * @param {import("../harness/cluster.mjs").Cluster} cluster
 * @param {string} database
 * @param {{ url: string, deployKey: string }} receiver
 * @param {Record<string, string | number>} [options] of the foreign server
 */
export async function pointAt(cluster, database, receiver, options) {
  const client = await cluster.connect({ database });
  await client.query("DROP EXTENSION IF EXISTS convex_migrate CASCADE");
  await prepareDatabase(client, receiver, options);
  await client.end();
}
