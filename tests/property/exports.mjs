/**
 * Compares the file of convex_export() with what PostgreSQL holds, as the documents of a run are compared; its rejects
 * are those of the run, its ids have the numbers of its tables, and references point to documents in it.
 */
import { inspect } from "node:util";
import { decodeId } from "../convex/ids.mjs";
import { compareDocuments } from "../harness/index.mjs";
import { exportFolder, readExport } from "../harness/exported.mjs";
import { differentRejects } from "./rejects.mjs";

const folder = exportFolder();

/**
 * @param {import("pg").Client} client
 * @param {import("./tables.mjs").Table[]} tables
 * @param {object} expectations of compareDocuments()
 * @param {object} total the last row of the report of the run
 * @returns {Promise<string | null>} what is wrong
 */
export async function differentExport(client, tables, expectations, total) {
  const path = `${folder}/all.zip`;
  const { rows } = await client.query(
    `SELECT rows_read::int, exported::int AS migrated, failed::int, orphans::int
       FROM public.convex_export($1) WHERE source IS NULL`, [path]);
  if (inspect(rows[0]) !== inspect(total)) return `it reports ${inspect(rows[0])}, a run ${inspect(total)}`;
  const exported = await readExport(path);
  const { differences, refusals } = await compareDocuments(client, exported, expectations);
  const rejects = await differentRejects(client, "property", tables, refusals);
  if (rejects !== null) return `convex_rejects is wrong: ${rejects}`;
  if (differences.length > 0) {
    return `${differences.length} differences, such as ${inspect(differences[0], { depth: 6, maxStringLength: 2000 })}`;
  }
  return differentIds(exported);
}

async function differentIds(exported) {
  for (const [table, number] of exported.numbers) {
    const ids = (await exported.tableData(table)).map(({ _id }) => _id);
    if (new Set(ids).size !== ids.length) return `an id of ${table} is there twice`;
    const wrong = ids.find((id) => decodeId(id)?.tableNumber !== number);
    if (wrong !== undefined) return `${wrong} is no id of ${table}, which is number ${number}`;
  }
  return null;
}
