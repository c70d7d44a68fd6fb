/**
 * Where benchmarks send rows: the discarding sink, or the local Convex with
 * latency; pointing a database's extension at one of them; and flooding the sink
 * with a request that was made before.
 *
 *   const sink = await startSink({ latency: 50 });
 *   await pointAt(cluster, "large", sink, { concurrency: 8 });
 *   …
 *   await sink.stats();
 *   await sink.stop();
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { mustRun, prepareDatabase, temporaryFolder } from "../harness/index.mjs";

/** Targets of the messaging example, as its functions are named. */
const FUNCTIONS = ["Workspaces", "WorkspaceMembers", "Contacts", "Conversations", "Messages", "ContactNotes"]
  .map((name) => `migrate:migrate${name}`);

const folder = temporaryFolder("convex-bench");

/** Programs that were made already, by name. @type {Map<string, Promise<string>>} */
const programs = new Map();

const SOURCES = { sink: ["sink.c", "mutations.c", "plan.c", "shelf.c", "timers.c", "buffer.c"], flood: ["flood.c"] };

/** A program in C of this folder. @param {"sink" | "flood"} name @returns {Promise<string>} */
function program(name) {
  if (!programs.has(name)) {
    const sources = SOURCES[name].map((file) => fileURLToPath(new URL(file, import.meta.url)));
    const made = mustRun("cc", ["-O2", "-Wall", "-Wextra", "-o", `${folder}/${name}`, ...sources]);
    programs.set(name, made.then(() => `${folder}/${name}`));
  }
  return programs.get(name);
}

/**
 * Starts the sink (sink.c) as a process of its own, which ends with this one.
 * @param {object} [options]
 * @param {string[]} [options.functions] the functions that it claims to have
 * @param {number} [options.latency] milliseconds that each answer takes longer
 * @param {number} [options.execution] milliseconds that a mutation takes
 * @param {number} [options.permits] mutations at a time
 * @param {number} [options.bytes] that may be written in a second
 * @param {string[]} [options.documents] files with documents that it has (shelf.c)
 * @param {string} [options.about] what query "about" answers, as JSON
 * @returns {Promise<{ url: string, deployKey: string, pid: number, stats: () => Promise<object>, stop: () => Promise<void> }>}
 *   `stats`: what came since the last of these, as sink.c says it
 */
export async function startSink({ functions = FUNCTIONS, ...limits } = {}) {
  const options = Object.entries(limits).filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [value].flat().flatMap((one) => [`--${name}`, String(one)]));
  const child = spawn(await program("sink"), [...options, ...functions], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(([code]) => {
      throw new Error(`the sink ended before it was ready (exit code ${code})`);
    }),
  ]);
  const sink = JSON.parse(line);
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  const stats = async () => (await fetch(`${sink.url}/local/stats`)).json();
  return { ...sink, pid: child.pid, stats, stop };
}

/**
 * Sends the largest batch that has come to a sink once more, again and again (flood.c).
 * @param {{ url: string }} sink
 * @param {{ from?: { url: string }, connections: number, requests: number }} how `from`: the sink that has seen the batch
 * @returns {Promise<{ seconds: number, cpu: number, bytes: number }>} bytes: of all bodies
 */
export async function flood(sink, { from = sink, connections, requests }) {
  const body = Buffer.from(await (await fetch(`${from.url}/local/body`)).arrayBuffer());
  return { ...await send(sink, "/api/mutation", body, { connections, requests }), bytes: body.length * requests };
}

/**
 * Sends queries once more, each once (flood.c).
 * @param {{ url: string }} sink
 * @param {string} calls their bodies, a line each, as the sink has them of a reader
 * @param {number} connections
 * @returns {Promise<{ seconds: number, cpu: number, requests: number }>}
 */
export async function askAgain(sink, calls, connections) {
  const requests = calls.trimEnd().split("\n").length;
  return { ...await send(sink, "/api/query", calls, { connections, requests }), requests };
}

async function send(sink, path, bodies, { connections, requests }) {
  await writeFile(`${folder}/bodies`, bodies);
  const { stdout } = await mustRun(await program("flood"),
    [new URL(sink.url).port, String(connections), String(requests), path, `${folder}/bodies`]);
  return JSON.parse(stdout);
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
