/**
 * Functions that the extension itself writes: taken from PostgreSQL by convex_schema() and convex_functions().
 *
 *   const folder = await generate(client);
 *   const scenario = await openGenerated(t, cluster, { sql: "CREATE TABLE …", options: { nulls: "null" } });
 *   const report = await assertArrives(scenario);
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { temporaryFolder } from "./process.mjs";
import { openScenario } from "./scenario.mjs";

/** Holds the folders of this process; made when the first is needed. */
let root;

/**
 * Writes the pair of files for the tables of the server "convex".
 * @param {import("pg").Client} client
 * @param {object} [options]
 * @param {string} [options.parameters] of both functions, as SQL
 * @param {string} [options.module] the server's option "functions"
 * @param {string} [options.folder] where to; without it a new one
 * @returns {Promise<string>} the folder
 */
export async function generate(client, { parameters = "", module = "migrate", folder = newFolder() } = {}) {
  const { rows: [{ schema, functions }] } = await client.query(
    `SELECT public.convex_schema(${parameters}) AS schema, public.convex_functions(${parameters}) AS functions`);
  const files = { schema, [module]: functions };
  for (const [name, text] of Object.entries(files)) {
    const file = `${folder}/${name}.ts`;
    mkdirSync(dirname(file), { recursive: true });
    // what psql prints ends with a line break
    writeFileSync(file, `${text}\n`);
  }
  return folder;
}

function newFolder() {
  root ??= temporaryFolder("convex-generated");
  return mkdtempSync(`${root}/convex.`);
}

/**
 * A test's world whose deployment has the functions that its own tables ask for, and batches so small that references
 * cross them.
 * @param {import("node:test").TestContext} t
 * @param {import("./cluster.mjs").Cluster} cluster
 * @param {object} world
 * @param {string} world.sql makes the tables
 * @param {Record<string, string | number>} [world.options] of the server
 * @param {Record<string, string[]>} [world.deferred] by Convex table, the fields that must wait for the second pass
 * @param {object} [world.convex] further parameters of startConvex
 * @param {string} [world.encoding] of the database, where it is not UTF8
 * @returns the scenario; `folder` has the generated files, `deployGenerated` writes and deploys them again
 */
export async function openGenerated(t, cluster, { sql, options, deferred = {}, convex, encoding }) {
  const scenario = await openScenario(t, cluster, { sql, options: { batch_rows: 7, ...options }, convex, encoding });
  const folder = newFolder();
  async function deployGenerated({ client = scenario.client, ...others } = {}) {
    await generate(client, { module: options?.functions, folder, ...others });
    await scenario.convex.control("functions", { directory: folder });
  }
  await deployGenerated();
  return { ...scenario, deferred, folder, deployGenerated };
}
