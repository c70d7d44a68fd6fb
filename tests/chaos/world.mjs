/**
 * One cluster and one local Convex, with a proxy between them, in which scenarios
 * run one after another.
 *
 *   const world = await openWorld();
 *   const seen = await world.run(scenario);    // throws when something is not as it must be
 *   await world.stop();
 *
 * @typedef {object} Seen
 * @property {string[]} struck what happened, where the run came to it
 * @property {number} missed how much came after the end of its run
 * @property {number} failed runs that failed
 * @property {number} claims figures that failed runs gave
 * @property {number} documents in the end
 * @property {number} rejects in the end
 * @property {object[]} report of the last run
 */
import assert from "node:assert/strict";
import { prepareDatabase, startCluster, startConvex, temporaryFolder, textsOf, until } from "../harness/index.mjs";
import { KINDS, mayEndIn, plan, unplan } from "./faults.mjs";
import { writeRefusing } from "./functions.mjs";
import { assertComplete, assertFrank, assertModest } from "./judge.mjs";
import { startProxy } from "./proxy.mjs";
import { changeOf, creationOf, SCHEMA } from "./tables.mjs";

/** The same deployment, whichever process it is. */
const DEPLOYMENT = { instance: "local-chaos-000", deployKey: "dev:local-chaos-000|0123456789abcdef" };

/** What a backend says when another one has crashed: nothing of its own. */
const CRASH = "57P02";

/** How often a patient run sends a batch again: not for ever on a machine that is too busy for any answer in time. */
const PATIENCE = 4;

/** The process keeps all code that was ever deployed. */
const DEPLOYMENTS_PER_CONVEX = 100;

export async function openWorld() {
  // What was committed must survive the crash of a backend.
  const cluster = await startCluster({ settings: ["synchronous_commit = on"] });
  const convex = await startConvex(DEPLOYMENT);
  return new World(cluster, convex, await startProxy(convex.url));
}

class World {
  #folder = temporaryFolder("convex-chaos");
  #deployments = 0;
  #isConvexGone = false;
  /** Of which scenario tables and functions are there. @type {string | null} */
  #prepared = null;
  /** The connection of the last run, if it still works. @type {pg.Client | null} */
  #session = null;

  /** What is changed in the generated functions (functions.mjs). @type {[string, string][]} */
  changes = [];

  constructor(cluster, convex, proxy) {
    Object.assign(this, { cluster, convex, proxy, administrator: null });
  }

  /** Ends the deployment, with its data, until the run is over. */
  async killConvex() {
    this.#isConvexGone = true;
    await this.convex.kill();
  }

  /** Breaks all connections to the deployment, which is back with its data when this ends. */
  async restartConvex() {
    const name = () => fetch(`${this.convex.url}/instance_name`).then(({ ok }) => ok, () => false);
    await this.convex.control("faults", [{ match: { path: "/instance_name", nth: 1 }, fault: { kind: "restart" } }]);
    await name();
    await until(name);
    await this.convex.control("faults", []);
  }

  async stop() {
    await this.proxy.stop();
    await this.convex.stop();
    await this.cluster.stop();
  }

  /** @param {import("./scenarios.mjs").Scenario} scenario @returns {Promise<Seen>} @throws {Error} */
  async run(scenario) {
    const seen = { struck: [], missed: 0, failed: 0, claims: 0, documents: 0, rejects: 0, report: [] };
    await this.#prepare(scenario);
    for (const attempt of scenario.attempts) await this.#attempt(scenario, attempt, seen);
    return seen;
  }

  async #prepare({ tables, options }) {
    const form = JSON.stringify([tables, options, this.changes]);
    const isThere = form === this.#prepared;
    this.#prepared = null;
    await this.#recover();
    if (!isThere && ++this.#deployments % DEPLOYMENTS_PER_CONVEX === 0) await this.#renewConvex();
    await this.proxy.idle();
    await this.convex.control("reset", {});
    await this.#endSession();
    await this.administrator.query(`DROP SERVER IF EXISTS convex CASCADE; ${isThere ? "" : creationOf(tables)}`);
    const all = { schemas: SCHEMA, max_retries: 0, timeout: "60s", ...options };
    await prepareDatabase(this.administrator, { ...DEPLOYMENT, url: this.proxy.url }, all);
    // Convex was emptied behind the back of what is kept about it here.
    await this.administrator.query("TRUNCATE convex_reject_rows, convex_targets");
    if (!isThere) {
      await writeRefusing(this.administrator, this.#folder, this.changes);
      await this.convex.control("functions", { directory: this.#folder });
    }
    this.#prepared = form;
  }

  /** One run, and the judgement of it. */
  async #attempt(scenario, attempt, seen) {
    const { fault } = attempt;
    const kind = fault === null ? {} : KINDS[fault.kind];
    const client = await this.#prepareRun(scenario, attempt, kind);
    const rejects = await this.#rejects();
    await plan(this, fault, client);
    const running = client.query(`
      SELECT source::text, target, rows_read::int, migrated::int, failed::int, retries::int, status
        FROM convex_migrate()`);
    const error = await running.then(() => null, (reason) => reason);
    const struck = await unplan(this, fault);
    if (kind.unanswered) this.proxy.disconnect();
    const isDataLost = struck && kind.losesData === true;
    if (struck && kind.crashes) await until(async () => !(await isAlive(this.administrator)));
    await this.#recover(client);

    if (struck) seen.struck.push(fault.kind);
    else if (fault !== null) seen.missed += 1;
    const outcome = outcomeOf(kind, scenario, attempt);
    if (struck && outcome === "completes") assert.equal(error, null, error && textsOf(error));
    if (struck && outcome === "fails") assert.ok(error, `the run went on after ${fault.kind}`);
    if (error === null) {
      this.#session = client;
      const { rows: report } = await running;
      Object.assign(seen, { report }, await assertComplete(this.administrator, this.convex, scenario, report));
      if (fault === null) assert.equal(report.at(-1).retries, 0, "nothing happened, but batches were sent again");
      return;
    }
    assert.ok(fault !== null && mayEndIn(fault, struck, error), `the run failed: ${textsOf(error)}\n${error.code}`);
    seen.failed += 1;
    if (!isDataLost) {
      seen.claims += await assertModest(this.convex, [...client.notices, error]);
      const isFirst = attempt === scenario.attempts[0];
      if (isFirst && error.code !== undefined && error.code !== CRASH) await assertFrank(this.convex, scenario, error);
    }
    if (!kind.unheard) assert.deepEqual(await this.#rejects(), rejects, "a run that failed has changed convex_rejects");
  }

  /** The connection of the next run, and what it starts from. */
  async #prepareRun({ tables, talkative }, { patient, newSession, changed }, { statementTimeout, callTimeout, hopeless }) {
    if (changed) {
      // A late request would bring the old row once more.
      await this.proxy.idle();
      this.#prepared = null;
      await this.administrator.query(changeOf(tables));
    }
    if (newSession) await this.#endSession();
    const client = this.#session ?? (await this.cluster.connect());
    this.#session = null;
    client.notices.length = 0;
    await this.administrator.query(`ALTER SERVER convex OPTIONS (
      SET max_retries '${patient && !hopeless ? PATIENCE : 0}', SET timeout '${callTimeout ?? "60s"}')`);
    await client.query(`
      SET convex_migrate.progress_interval = ${talkative ? 0 : -1};
      SET statement_timeout = '${statementTimeout ?? 0}'`);
    return client;
  }

  async #endSession() {
    await this.#session?.end();
    this.#session = null;
  }

  /** Everything is there again, and the run of this connection is over. @param {pg.Client} [client] of a run */
  async #recover(client) {
    if (this.#isConvexGone) await this.#renewConvex();
    if (this.administrator === null || !(await isAlive(this.administrator))) {
      await until(async () => {
        this.administrator = await this.cluster.connect().catch(() => null);
        return this.administrator !== null && isAlive(this.administrator);
      });
    }
    if (client === undefined) return;
    if (await isAlive(client)) this.#session = client;
    else await this.#gone(client.processID);
  }

  /** The error comes before the end of the backend, and with that its lock goes. */
  async #gone(pid) {
    await until(async () => {
      const { rows } = await this.administrator.query("SELECT FROM pg_stat_activity WHERE pid = $1", [pid]);
      return rows.length === 0;
    });
  }

  async #renewConvex() {
    if (!this.#isConvexGone) await this.convex.stop();
    this.convex = await startConvex({ ...DEPLOYMENT, functions: this.#folder });
    this.#isConvexGone = false;
    this.proxy.retarget(this.convex.url);
  }

  async #rejects() {
    const { rows } = await this.administrator.query("SELECT source, key, reason FROM convex_rejects ORDER BY source, key, reason");
    return rows;
  }
}

/** How the run must end when it was struck; undefined: either way. */
function outcomeOf({ outcome, ofResults }, { tables }, { patient }) {
  if (ofResults && tables.some(({ bad }) => bad?.kind === "thrown")) return undefined;
  if (outcome === "passes") return patient ? "completes" : "fails";
  return outcome;
}

function isAlive(client) {
  return client.query("SELECT").then(() => true, () => false);
}
