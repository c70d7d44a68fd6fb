/**
 * The yardstick: the script that people write to move the messaging example.
 * Pages of rows from Postgres, mapped in JavaScript, sent in batches of 100, one
 * call at a time; old keys and new ids in a Map. As such scripts do, it loses
 * microseconds and digits, and stops at the first error.
 *
 *   PGHOST=… PGDATABASE=… node tests/bench/naive.mjs URL DEPLOY_KEY MESSAGES
 *
 * MESSAGES is how many it moves at most; of the other tables it moves all that
 * messages need. Prints {"rows", "seconds", "cpu"} of the messages, and the
 * peak of its memory, {"memory"}, in bytes.
 */
import { ConvexHttpClient } from "convex/browser";
import pg from "pg";

const BATCH_ROWS = 100;
const PAGE_ROWS = 1000;

/** In dependency order; `references` says whose ids a column holds. */
const TABLES = [
  { name: "workspaces", references: {} },
  { name: "contacts", references: { workspace_id: "workspaces" } },
  { name: "conversations", references: { workspace_id: "workspaces", contact_id: "contacts" } },
  { name: "messages", references: { conversation_id: "conversations", contact_id: "contacts" } },
];

for (const type of [pg.types.builtins.INT8, pg.types.builtins.NUMERIC]) pg.types.setTypeParser(type, Number);

const [url, deployKey, messages] = process.argv.slice(2);
const convex = new ConvexHttpClient(url, { logger: false });
convex.setAdminAuth(deployKey);
const client = new pg.Client();
await client.connect();

/** The Convex ids of the rows moved so far, by table and old key. */
const ids = Object.fromEntries(TABLES.map(({ name }) => [name, new Map()]));

function recordOf(row, references) {
  const record = { id: row.id };
  for (const [column, value] of Object.entries(row)) {
    if (value === null || column === "id") continue;
    if (column in references) record[column] = ids[references[column]].get(value);
    else record[column] = value instanceof Date ? value.getTime() : value;
  }
  return record;
}

/** Moves up to `most` rows of a table; returns how many there were. */
async function move({ name, references }, most) {
  const path = `migrate:migrate${name[0].toUpperCase()}${name.slice(1)}`;
  let moved = 0;
  let last = "00000000-0000-0000-0000-000000000000";
  while (moved < most) {
    const { rows } = await client.query(
      `SELECT * FROM ${name} WHERE id > $1 ORDER BY id LIMIT $2`, [last, Math.min(PAGE_ROWS, most - moved)]);
    if (rows.length === 0) break;
    for (let i = 0; i < rows.length; i += BATCH_ROWS) {
      const records = rows.slice(i, i + BATCH_ROWS).map((row) => recordOf(row, references));
      for (const { supabaseId, convexId, error } of await convex.mutation(path, { [name]: records })) {
        if (error !== undefined) throw new Error(`${name} ${supabaseId}: ${error}`);
        ids[name].set(supabaseId, convexId);
      }
    }
    moved += rows.length;
    last = rows[rows.length - 1].id;
  }
  return moved;
}

for (const table of TABLES.slice(0, -1)) await move(table, Infinity);
const cpuBefore = process.cpuUsage();
const start = performance.now();
const rows = await move(TABLES[TABLES.length - 1], Number(messages));
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const memory = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ rows, seconds, cpu: (user + system) / 1e6, memory }));
await client.end();
