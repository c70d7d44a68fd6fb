/**
 * Preparing a database for a migration: the example's rows, and the extension
 * pointed at a local Convex.
 */
import { fileURLToPath } from "node:url";
import pg from "pg";

const messaging = fileURLToPath(new URL("../messaging/", import.meta.url));

/**
 * Loads the messaging example into an empty database.
 * @param {import("./cluster.mjs").Cluster} cluster
 * @param {{ database?: string, sizes?: Record<string, number> }} [options]
 *   `sizes`: rows by the names of generate.sql (contacts, conversations, messages, notes, …)
 */
export async function loadMessaging(cluster, { database, sizes = {} } = {}) {
  const variables = Object.entries(sizes).flatMap(([name, rows]) => ["-v", `${name}=${rows}`]);
  const result = await cluster.psql(
    ["-q", ...variables, "-f", `${messaging}schema.sql`, "-f", `${messaging}generate.sql`],
    { database },
  );
  if (result.code !== 0) throw new Error(`the example could not be loaded:\n${result.stderr}`);
}

/**
 * Creates the extension, a server for the local Convex, and a user mapping for
 * the connection's role.
 * @param {pg.Client} client
 * @param {{ url: string, deployKey: string }} convex
 * @param {Record<string, string | number>} [options] further options of the server, such as { batch_rows: 50 }
 */
export async function prepareDatabase(client, convex, options = {}) {
  const serverOptions = Object.entries({ url: convex.url, ...options })
    .map(([name, value]) => `${name} ${pg.escapeLiteral(String(value))}`);
  await client.query(`
    CREATE EXTENSION IF NOT EXISTS convex_migrate;
    CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (${serverOptions.join(", ")});
    CREATE USER MAPPING FOR CURRENT_USER SERVER convex
      OPTIONS (deploy_key ${pg.escapeLiteral(convex.deployKey)});`);
}
