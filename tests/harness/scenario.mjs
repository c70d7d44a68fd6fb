/**
 * One test's own world: a database with its tables, a deployment, and the
 * extension that points from one to the other. It ends with the test.
 *
 *   const { client, convex, migrate } = await openScenario(t, cluster, {
 *     functions: insertsInto(["items"]),
 *     sql: "CREATE TABLE items (id int PRIMARY KEY)",
 *     options: { max_retries: 2 },
 *   });
 *   const report = await migrate();
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startConvex } from "./convex.mjs";
import { prepareDatabase } from "./database.mjs";

let databases = 0;

/**
 * @param {import("node:test").TestContext} t
 * @param {import("./cluster.mjs").Cluster} cluster
 * @param {object} world
 * @param {string} [world.functions] the project's `convex/` folder; without it nothing is deployed yet
 * @param {string} [world.sql] makes the tables
 * @param {Record<string, string | number>} [world.options] of the foreign server
 * @param {object} [world.convex] further parameters of startConvex
 * @param {string} [world.encoding] of the database, where it is not UTF8
 * @param {string} [world.deployKey] of the user mapping, where it is not the deployment's
 * @returns {Promise<Scenario>}
 */
export async function openScenario(t, cluster, { functions, sql, options, convex: parameters, encoding, deployKey }) {
  const database = `test_${++databases}`;
  const administrator = await cluster.connect();
  const other = encoding === undefined ? "" : `ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`;
  await administrator.query(`CREATE DATABASE ${database} ${other}`);
  await administrator.end();
  const convex = await startConvex({ functions, ...parameters });
  t.after(() => convex.stop());
  const client = await cluster.connect({ database });
  if (sql !== undefined) await client.query(sql);
  await prepareDatabase(client, { url: convex.url, deployKey: deployKey ?? convex.deployKey }, options);
  return scenarioOf(cluster, database, client, convex);
}

/** What a test has of its world; the functions need no `this`. @typedef {ReturnType<typeof scenarioOf>} Scenario */
function scenarioOf(cluster, database, client, convex) {
  /** Another connection to the same database. @param {{ user?: string }} [options] */
  const connect = (options) => cluster.connect({ ...options, database });

  /**
   * Runs a migration.
   * @param {string} [parameters] of convex_migrate(), as SQL
   * @param {pg.Client} [connection]
   * @returns {Promise<object[]>} the report without what differs between runs; its last row is the total
   */
  async function migrate(parameters = "", connection = client) {
    const { rows } = await connection.query(
      `SELECT source::text, target, rows_read::int, migrated::int, failed::int, retries::int, status
         FROM convex_migrate(${parameters})`);
    return rows;
  }

  /** Runs a migration that must fail. @returns {Promise<pg.DatabaseError>} its error */
  const migrateFails = (parameters, connection) => errorOf(migrate(parameters, connection));

  /** What convex_rejects shows. @returns {Promise<{ source: string, key: string, reason: string }[]>} */
  async function rejects(connection = client) {
    const { rows } = await connection.query(
      "SELECT source::text, key, reason FROM convex_rejects ORDER BY source::text, length(key), key");
    return rows;
  }

  /** Old keys of all documents of a table, sorted as numbers or texts. @param {string} table */
  async function keys(table) {
    const documents = await convex.tableData(table);
    return documents.map(({ supabaseId }) => supabaseId).sort(byNumberOrText);
  }

  /** Waits until planned faults have struck so many times. */
  const faultStruck = (times = 1) => until(async () => {
    const plans = await convex.control("faults");
    return plans.reduce((sum, { used }) => sum + used, 0) >= times;
  });

  return { database, client, convex, connect, migrate, migrateFails, rejects, keys, faultStruck };
}

function byNumberOrText(a, b) {
  return a - b || (a < b ? -1 : Number(a > b));
}

/**
 * The error that a promise is rejected with; it must be.
 * @param {Promise<unknown>} promise
 * @returns {Promise<pg.DatabaseError>}
 */
export async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("expected an error, but there was none");
}

/**
 * Waits for a condition. The limit is for what never comes, not a measure of speed.
 * @param {() => unknown} condition may be asynchronous
 * @param {{ seconds?: number }} [options]
 */
export async function until(condition, { seconds = 60 } = {}) {
  const limit = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > limit) assert.fail(`still waiting after ${seconds} s for: ${condition}`);
    await sleep(10);
  }
}

/** All texts of an error or notice, for a look at what it says. */
export function textsOf({ message, detail, hint, where }) {
  return [message, detail, hint, where].filter((text) => text !== undefined).join("\n");
}
