/**
 * One database, one connection and one local Convex in which rounds of random
 * tables are migrated, and the judgement of each.
 *
 *   const world = await openWorld(t, cluster);
 *   const problem = await world.problemOf(round);     // null: all as it must be
 *   world.seen;                                       // rows, documents and rejects so far
 *
 * @typedef {{ kind: string, text: string }} Problem what is wrong: in general, and what exactly
 */
import { inspect } from "node:util";
import pg from "pg";
import { compareDocuments, deferredByPlan, openScenario, textsOf, until, upsertsInto } from "../harness/index.mjs";
import { differentForeseen } from "../harness/foreseen.mjs";
import { differentExport } from "./exports.mjs";
import { differentImports, sampleOf } from "./imports.mjs";
import { differentRejects } from "./rejects.mjs";
import { DEFAULTS, sqlOf } from "./schemas.mjs";
import { columnTypes } from "./types.mjs";

/** The most tables of a round: each has a Convex function of its own. */
export const MOST_TABLES = 32;

/** Extensions whose types are tried where they can be had. */
const EXTENSIONS = ["hstore", "citext", "vector"];

/**
 * @param {import("node:test").TestContext} t
 * @param {import("../harness/cluster.mjs").Cluster} cluster
 */
export async function openWorld(t, cluster) {
  const targets = Array.from({ length: MOST_TABLES }, (_, i) => `t${i}`);
  const {
    convex,
    client: first,
    connect,
  } = await openScenario(t, cluster, {
    functions: upsertsInto(targets),
    options: { schemas: "property", id_salt: "no secret of anybody" },
  });
  let client = first;
  const { rows: [{ version }] } = await client.query("SELECT current_setting('server_version_num')::int AS version");
  const types = columnTypes(await installTypes(client), version);
  const seen = { rows: 0, documents: 0, rejects: 0 };

  /**
   * Makes the tables, migrates them and compares.
   * @param {import("./schemas.mjs").Round} round
   * @returns {Promise<Problem | null>} what is wrong
   */
  async function problemOf(round) {
    await convex.control("reset", {});
    if (!(await isAlive(client))) await reconnect();
    try {
      await client.query(`DELETE FROM convex_columns; ${sqlOf(round)}`);
    } catch (error) {
      return { kind: `the tables cannot be made (${error.message})`, text: textsOf(error) };
    }
    try {
      return await runAndCompare(client, convex, round, seen);
    } catch (error) {
      return { kind: "an error that nobody expected", text: `${textsOf(error)}\n${error.stack}` };
    }
  }

  /** The server has crashed, and may be away for a while. */
  async function reconnect() {
    await client.end().catch(() => {});
    await until(async () => {
      client = await connect().catch(() => null);
      return client !== null && isAlive(client);
    });
  }

  return { types, seen, problemOf };
}

function isAlive(client) {
  return client.query("SELECT").then(() => true, () => false);
}

/** @returns {Promise<string[]>} types that the database has now */
async function installTypes(client) {
  const { rows } = await client.query("SELECT name FROM pg_available_extensions WHERE name = ANY ($1)", [EXTENSIONS]);
  for (const { name } of rows) await client.query(`CREATE EXTENSION ${name}`);
  const { rows: types } = await client.query(
    "SELECT 'public.' || typname AS name FROM pg_type WHERE typnamespace = 'public'::regnamespace",
  );
  return types.map(({ name }) => name);
}

/** @returns {Promise<Problem | null>} */
async function runAndCompare(client, convex, round, seen) {
  await setOptions(client, round.options);
  let total;
  let foreseen;
  try {
    total = await migrate(client, round.session);
    foreseen = await differentForeseen(client, total);
  } catch (error) {
    // Without a code it is not the server's.
    if (error.code === undefined) throw error;
    return { kind: "convex_migrate() failed", text: textsOf(error) };
  } finally {
    if (await isAlive(client)) await client.query("RESET ALL");
  }
  if (foreseen !== null) return { kind: "convex_check() is wrong", text: foreseen };
  const deferred = await deferredByPlan(client);
  const misplaced = Object.keys(deferred).find((name) => !isOnCircle(round.tables, name));
  if (misplaced !== undefined) return { kind: "the plan is wrong", text: `${misplaced} is on no circle, but waits` };
  return compare(client, convex, round, { deferred, total, seen });
}

/** @returns {Promise<object>} the last row of the report */
async function migrate(client, session) {
  await client.query(`${session.join("; ")};`);
  const { rows } = await client.query(
    "SELECT rows_read::int, migrated::int, failed::int, orphans::int FROM public.convex_migrate() WHERE source IS NULL",
  );
  return rows[0];
}

/** @returns {Promise<Problem | null>} */
async function compare(client, convex, round, { deferred, total, seen }) {
  const kept = new Map();
  const reader = {
    async tableData(table) {
      const documents = await convex.tableData(table);
      kept.set(table, sampleOf(documents));
      return documents;
    },
  };
  const { documents, differences, refusals } = await compareDocuments(client, reader, expectations(round, deferred));
  seen.rows += total.rows_read;
  seen.documents += documents;
  seen.rejects += refusals.length;
  const wrongRejects = await differentRejects(client, "property", round.tables, refusals);
  if (wrongRejects !== null) return { kind: "convex_rejects is wrong", text: wrongRejects };
  if (differences.length > 0) {
    const some = inspect(differences.slice(0, 2), { depth: 6, maxStringLength: 2000 });
    return { kind: "documents differ", text: `${differences.length}, such as ${some}` };
  }
  const wrongReport = differentReport(total, documents, refusals);
  if (wrongReport !== null) return { kind: "the report is wrong", text: wrongReport };
  const wrongImport = await differentImports(client, round.tables, kept);
  if (wrongImport !== null) return { kind: "the import file differs", text: wrongImport };
  const wrongExport = await differentExport(client, round.tables, expectations(round, deferred), total);
  return wrongExport === null ? null : { kind: "the exported file differs", text: wrongExport };
}

/** What the comparison must know of a round. */
function expectations({ options, tables }, deferred) {
  const { int8, numeric, timestamps, nulls, orphans } = { ...DEFAULTS, ...options };
  const byTable = (entry) => Object.fromEntries(tables.map((table) => [`property.${table.name}`, entry(table)]));
  return {
    schemas: ["property"],
    mayRefuse: true,
    int8,
    numeric,
    timestamps,
    nulls,
    orphans,
    deferred,
    keys: byTable(({ key }) => key),
    choices: byTable(({ columns }) => Object.fromEntries(columns.map(({ name, choice }) => [name, choice]))),
  };
}

/** Whether references lead from the table back to it. */
function isOnCircle(tables, name) {
  const reached = new Set();
  const follow = (from) => {
    for (const { parent } of tables.find((table) => table.name === from).references) {
      if (reached.has(parent)) continue;
      reached.add(parent);
      follow(parent);
    }
  };
  follow(name);
  return reached.has(name);
}

/** A document that lacks a reference counts as a row that failed. */
function differentReport({ rows_read: read, migrated, failed }, documents, refusals) {
  const inPart = refusals.filter((refusal) => refusal.inPart).length;
  const expected = {
    migrated: documents - inPart,
    failed: refusals.length,
    read: documents - inPart + refusals.length,
  };
  const found = { migrated, failed, read };
  return inspect(found) === inspect(expected) ? null : `it says ${inspect(found)}, must be ${inspect(expected)}`;
}

async function setOptions(client, options) {
  const { rows } = await client.query(
    "SELECT option_name FROM pg_options_to_table((SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'convex'))",
  );
  const known = rows.map(({ option_name: name }) => name);
  const changes = Object.entries({ ...DEFAULTS, ...options }).map(
    ([name, value]) => `${known.includes(name) ? "SET" : "ADD"} ${name} ${pg.escapeLiteral(String(value))}`,
  );
  await client.query(`ALTER SERVER convex OPTIONS (${changes.join(", ")})`);
}
