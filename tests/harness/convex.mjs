/**
 * A local Convex for a test file, as a process of its own (tests/convex/server.mjs),
 * and what tests ask of it. What is read back comes through the HTTP interface of
 * Convex and is decoded by the official client's own functions.
 *
 *   const convex = await startConvex({ functions: messagingProject("upserts") });
 *   await convex.control("stats");
 *   await convex.tableData("contacts");
 *   await convex.stop();
 *
 * It ends with the test process, also when `stop` is never called.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { convexToJson, jsonToConvex } from "convex/values";

const server = fileURLToPath(new URL("../convex/server.mjs", import.meta.url));
const endWithParent = new URL("./end_with_parent.mjs", import.meta.url).href;

/** Documents in one page of a table; the server itself stops a page at 5 MB. */
const PAGE_ROWS = 5000;

/** The `convex/` folder of one of the example's projects: "inserts", "upserts" or "generated". */
export function messagingProject(name) {
  return fileURLToPath(new URL(`../messaging/${name}/convex`, import.meta.url));
}

/**
 * @param {object} [options]
 * @param {string} [options.functions] the project's `convex/` folder; without it nothing is deployed yet
 * @param {number} [options.latency] milliseconds added to each request
 * @param {boolean} [options.redact] answer without error texts, as production may
 * @param {string} [options.instance] the deployment's name
 * @param {string} [options.deployKey]
 * @param {string[]} [options.args] further arguments of server.mjs
 * @returns {Promise<Convex>}
 */
export async function startConvex({ functions, latency = 0, redact = false, instance, deployKey, args = [] } = {}) {
  const all = ["--latency", String(latency), ...args];
  if (functions !== undefined) all.push("--functions", functions);
  if (redact) all.push("--redact");
  if (instance !== undefined) all.push("--instance", instance);
  if (deployKey !== undefined) all.push("--deploy-key", deployKey);

  const child = fork(server, all, { execArgv: ["--import", endWithParent], stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, "line"),
    ended.then(([code, signal]) => {
      throw new Error(`the local Convex ended before it was ready (${signal ?? `exit code ${code}`})`);
    }),
  ]);
  // Whatever else it prints must not fill the pipe.
  child.stdout.resume();
  // A test file that has nothing else to do must be able to end.
  child.unref();
  child.channel.unref();
  child.stdout.unref();
  const end = (signal) => {
    child.ref();
    child.kill(signal);
    return ended;
  };
  return new Convex(JSON.parse(first[0]), end);
}

class Convex {
  #end;

  constructor({ url, deployKey, instance }, end) {
    this.url = url;
    this.deployKey = deployKey;
    this.instance = instance;
    this.#end = end;
  }

  /**
   * The local Convex's own control routes (tests/convex/README.md).
   * @param {string} route such as "stats" or "faults"
   * @param {unknown} [body] sent by POST; without one it is a GET
   */
  async control(route, body) {
    const response = await fetch(`${this.url}/local/${route}`, body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`/local/${route} answered ${response.status}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** How many documents functions have really written since the start, by kind of write. */
  async documentsWritten() {
    const { documentsInserted, documentsPatched, documentsReplaced, documentsDeleted } = await this.control("stats");
    return { inserted: documentsInserted, patched: documentsPatched, replaced: documentsReplaced, deleted: documentsDeleted };
  }

  /** Runs a query, system queries included, with the deploy key. */
  query(path, args) {
    return this.#call("query", path, args);
  }

  /** Runs a mutation, internal ones included, with the deploy key. */
  mutation(path, args) {
    return this.#call("mutation", path, args);
  }

  async #call(kind, path, args) {
    const response = await fetch(`${this.url}/api/${kind}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Convex ${this.deployKey}` },
      body: JSON.stringify({ path, args: convexToJson(args), format: "convex_encoded_json" }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    const answer = JSON.parse(text);
    if (answer.status !== "success") throw new Error(`${path}: ${answer.errorMessage}`);
    return jsonToConvex(answer.value);
  }

  /** All documents of a table, in order of creation. @returns {Promise<Record<string, unknown>[]>} */
  async tableData(table) {
    const documents = [];
    let cursor = null;
    for (let isDone = false; !isDone;) {
      const answer = await this.query("_system/cli/tableData", {
        table, order: "asc", paginationOpts: { numItems: PAGE_ROWS, cursor },
      });
      for (const document of answer.page) documents.push(document);
      cursor = answer.continueCursor;
      isDone = answer.isDone;
    }
    return documents;
  }

  /** Ends the server and forgets its data. */
  async stop() {
    await this.#end("SIGTERM");
  }

  /** The same, with no time to answer what is under way. */
  async kill() {
    await this.#end("SIGKILL");
  }
}
