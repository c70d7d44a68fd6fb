/**
 * What the tests of method import share: an import whose report and NOTICEs are looked at, and what was there before and
 * after it.
 */
import assert from "node:assert/strict";
import { decodeId } from "../convex/ids.mjs";

/** A secret for ids of keys that are no uuids. */
export const SALT = "no secret of anybody";

/**
 * Runs an import.
 * @param {import("pg").Client} client
 * @param {string} [mode]
 * @param {string} [others] more parameters of convex_migrate(), as SQL
 * @returns {Promise<object[]>} the report without what differs between runs; its last row is the total
 */
export async function runImport(client, mode, others = "") {
  const parameters = [`method => 'import'`, ...(mode === undefined ? [] : [`mode => '${mode}'`]), ...(others === "" ? [] : [others])];
  const { rows } = await client.query(
    `SELECT source::text, target, rows_read::int, migrated::int, failed::int, orphans::int, status FROM convex_migrate(${parameters.join(", ")})`);
  return rows;
}

/** Collects what the server says. @param {import("pg").Client} client @returns {{ severity: string, message: string, detail?: string }[]} */
export function collectNotices(client) {
  const notices = [];
  client.on("notice", ({ severity, message, detail, hint }) => notices.push({ severity, message, detail, hint }));
  return notices;
}

/**
 * Asserts that ids of a table's documents are those of convex_id(), and of the deployment's number.
 * @param {{ most?: number }} [options] how many documents are looked at
 * @returns {Promise<number>} how many were
 */
export async function assertIds(client, convex, source, target, { most = Infinity, keyField = "supabaseId" } = {}) {
  const mapping = await convex.query("_system/frontend/getTableMapping", {});
  const documents = (await convex.tableData(target)).slice(0, most);
  for (const { _id, [keyField]: key } of documents) {
    assert.equal(mapping[decodeId(_id).tableNumber], target);
    const { rows: [{ id }] } = await client.query("SELECT convex_id($1::regclass, $2) AS id", [source, key]);
    assert.equal(_id, id);
  }
  return documents.length;
}

/** Documents of tables in the order of their ids, without _creationTime: where no column has it, it is that of the import. */
export async function snapshot(convex, targets) {
  const entries = await Promise.all(targets.map(async (target) => [target, (await convex.tableData(target)).map(({ _creationTime, ...fields }) => fields)]));
  return Object.fromEntries(entries.map(([target, documents]) => [target, documents.sort((a, b) => (a._id < b._id ? -1 : 1))]));
}
