/**
 * A private PostgreSQL cluster for a test file (tests/cluster.sh does the work).
 *
 *   const cluster = await startCluster();
 *   const client = await cluster.connect();
 *   const { stdout } = await cluster.psql(["-Atc", "SELECT 1"]);
 *   await cluster.stop();
 *
 * It ends with the test process, also when `stop` is never called.
 */
import { mkdtemp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { mustRun, onOurEnd, run } from "./process.mjs";

const clusterScript = fileURLToPath(new URL("../cluster.sh", import.meta.url));

/**
 * @param {{ settings?: string[], port?: number }} [options] lines for postgresql.conf; `port` where one of them opens it
 * @returns {Promise<Cluster>}
 */
export async function startCluster({ settings = [], port = 5432 } = {}) {
  // Below /tmp: as root the cluster belongs to another user, who must reach it.
  const directory = await mkdtemp("/tmp/convex-cluster.");
  await mustRun(clusterScript, ["start", directory, ...settings, `port = ${port}`]);
  const stopCluster = onOurEnd(clusterScript, ["stop", directory]);
  const { stdout } = await mustRun("sh", ["-c", `. '${directory}/env'; echo "$PGHOST"`]);
  return new Cluster(directory, stdout.trim(), port, stopCluster);
}

class Cluster {
  #stopCluster;
  /** @type {Set<pg.Client>} */
  #clients = new Set();

  constructor(directory, socketDirectory, port, stopCluster) {
    this.directory = directory;
    this.env = { ...process.env, PGHOST: socketDirectory, PGPORT: String(port), PGUSER: "postgres", PGDATABASE: "postgres" };
    this.#stopCluster = stopCluster;
  }

  /**
   * A new connection. Its `notices` are the messages received so far
   * ({ severity, message, detail, hint, code }), in order.
   * @param {{ database?: string, user?: string }} [options]
   * @returns {Promise<pg.Client & { notices: object[] }>} closed by `stop`, or earlier with `end`
   */
  async connect({ database = "postgres", user = "postgres" } = {}) {
    const client = new pg.Client({ host: this.env.PGHOST, port: Number(this.env.PGPORT), database, user });
    client.notices = [];
    client.on("notice", (notice) => client.notices.push(notice));
    // A connection that the server ends (a test may ask for it) is noticed by the query that runs.
    client.on("error", () => {});
    client.on("end", () => this.#clients.delete(client));
    await client.connect();
    this.#clients.add(client);
    return client;
  }

  /**
   * Runs psql without the user's psqlrc.
   * @param {string[]} args
   * @param {{ input?: string, database?: string }} [options] `input`: commands on standard input
   * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
   */
  psql(args, { input, database = "postgres" } = {}) {
    return run("psql", ["-X", ...args], { input, env: { ...this.env, PGDATABASE: database } });
  }

  /**
   * Runs a program of this PostgreSQL version, such as pg_dump, against the cluster.
   * @param {string} program
   * @param {string[]} args
   * @param {{ input?: string, database?: string }} [options]
   * @returns {Promise<string>} its output; rejects with its own words when it fails
   */
  async program(program, args, { input, database = "postgres" } = {}) {
    const { stdout: folder } = await mustRun(process.env.PG_CONFIG ?? "pg_config", ["--bindir"]);
    const { stdout } = await mustRun(`${folder.trim()}/${program}`, args, { input, env: { ...this.env, PGDATABASE: database } });
    return stdout;
  }

  /**
   * Stops PostgreSQL and starts it again; connections are lost.
   * @param {"fast" | "immediate"} mode of pg_ctl
   */
  async restart(mode) {
    await mustRun(clusterScript, ["restart", this.directory, mode]);
  }

  /** Closes the connections, stops the server and removes its folder. */
  async stop() {
    await Promise.all([...this.#clients].map((client) => client.end()));
    await this.#stopCluster();
  }
}
