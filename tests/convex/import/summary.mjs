/**
 * What an import will change, told before it begins (crates/application/src/snapshot_import/{confirmation,table_change}.rs).
 * To know it the whole file is read once.
 */
import { ImportError } from "./errors.mjs";
import { STORAGE_TABLE, TABLES_TABLE, readTableName } from "./formats.mjs";

const LAST_LINES =
  "Once the import has started, it will run in the background.\nInterrupting `npx convex import` will not cancel it.";

/** @param {number} number */
export function withCommas(number) {
  return number.toLocaleString("en-US");
}

/** Names as the server orders them. */
export function byBytes(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * @param {import("./formats.mjs").TableInFile[]} tables
 * @param {string} mode
 * @param {import("../database.mjs").Database} database
 * @returns {Promise<{message: string, needsConfirmation: boolean, checkpoints: import("./records.mjs").Checkpoint[]}>}
 * @throws {import("../errors.mjs").DeveloperError} when the file cannot be read or must not be imported
 */
export async function summarize(tables, mode, database) {
  const counts = await countRows(tables);
  if (mode === "replaceAll") for (const { name } of database.tables) touch(counts, name);
  const names = [...counts.keys()]
    .filter((name) => !name.startsWith("_") || name === STORAGE_TABLE)
    .sort(byBytes);
  const checkpoints = names.map((name) => describeChange(name, counts.get(name), mode, database));
  const lines = checkpoints.length === 0 ? [] : ["Import change summary:", ...drawTable(checkpoints)];
  return {
    message: [...lines, LAST_LINES].join("\n"),
    needsConfirmation: checkpoints.some(({ toDelete }) => toDelete > 0),
    checkpoints,
  };
}

function touch(counts, name) {
  if (!counts.has(name)) counts.set(name, { rows: 0, isMissingId: false });
  return counts.get(name);
}

async function countRows(tables) {
  const counts = new Map();
  for (const table of tables) {
    let row = 0;
    for await (const parsed of table.rows()) {
      row += 1;
      if (table.name === TABLES_TABLE) touch(counts, readTableName(parsed, row));
      if (parsed?._id === undefined) touch(counts, table.name).isMissingId = true;
    }
    touch(counts, table.name).rows += row;
  }
  return counts;
}

function describeChange(name, { rows, isMissingId }, mode, database) {
  const existing = database.table(name)?.size ?? 0;
  if (mode === "requireEmpty" && existing > 0) throw tableExists(name);
  const toDelete = mode === "replace" || mode === "replaceAll" ? existing : 0;
  return { name, total: rows, written: 0, existing, toDelete, isMissingId };
}

/** @param {string} name @returns {ImportError} */
export function tableExists(name) {
  return new ImportError(
    "TableExists",
    `Table ${name} already exists. Please choose a new table name or use replace/append modes.`,
  );
}

/** `render_table_changes` */
function drawTable(checkpoints) {
  const rows = checkpoints.map(({ name, total, toDelete, existing }) => {
    const unit = name === STORAGE_TABLE ? " files" : "";
    return [name, withCommas(total), `${withCommas(toDelete)} of ${withCommas(existing)}${unit}`];
  });
  const [header, ...others] = [["table", "create", "delete"], ...rows].map((row, _, all) => {
    const cells = row.map((cell, column) =>
      cell.padEnd(Math.max(...all.map((other) => other[column].length))),
    );
    return `${cells.join(" | ")} |`;
  });
  return [header, "-".repeat(header.length), ...others];
}
