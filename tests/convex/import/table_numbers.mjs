/**
 * Which number each table of an import gets (`assign_table_numbers` and `validate_prepared_table_numbers`,
 * crates/application/src/snapshot_import/mod.rs).
 */
import { DeveloperError } from "../errors.mjs";
import { decodeId } from "../ids.mjs";
import { isSystemTableNumber, isVisibleSystemTable } from "../system_tables.mjs";
import { TABLES_TABLE, readTablesTable } from "./formats.mjs";
import { byBytes } from "./summary.mjs";

/**
 * @param {import("./formats.mjs").TableInFile[]} tables
 * @param {string} mode
 * @param {import("../database.mjs").Database} database
 * @returns {Promise<Map<string, number | undefined>>} by name, in order; undefined where any number will do
 * @throws {DeveloperError} when two tables cannot be in one deployment
 */
export async function assignTableNumbers(tables, mode, database) {
  const numbers = new Map();
  const names = new Map();
  const assign = (name, number) => {
    if (names.has(number)) {
      const message = `conflict between \`${names.get(number)}\` and \`${name}\` with number ${number}`;
      throw new DeveloperError("InvalidId", message);
    }
    names.set(number, name);
  };
  await readListed(tables, numbers, assign);
  await guessFromIds(tables, numbers, assign);
  const reuse = (name) => {
    if (numbers.has(name)) return;
    const number = database.table(name)?.number;
    const isFree = number !== undefined && !names.has(number);
    numbers.set(name, isFree ? number : undefined);
    if (isFree) names.set(number, name);
  };
  tables.filter(({ name }) => name !== TABLES_TABLE).forEach(({ name }) => reuse(name));
  if (mode === "replaceAll") [...database.schema.tables.keys()].forEach(reuse);
  else refuseTaken(names, numbers, database);
  return new Map([...numbers].sort(([a], [b]) => byBytes(a, b)));
}

async function readListed(tables, numbers, assign) {
  for (const table of tables.filter(({ name }) => name === TABLES_TABLE)) {
    for await (const { name, number } of readTablesTable(table)) {
      if (numbers.has(name))
        throw new DeveloperError(
          "DuplicateTableName",
          `\`_tables\` contains duplicate entries for \`${name}\``,
        );
      numbers.set(name, number);
      assign(name, number);
    }
  }
}

async function guessFromIds(tables, numbers, assign) {
  for (const table of tables) {
    if (table.name === TABLES_TABLE || numbers.has(table.name)) continue;
    const number = await numberOfFirstRow(table);
    if (number === undefined) continue;
    numbers.set(table.name, number);
    assign(table.name, number);
  }
}

/** What is wrong with the first row is found when it is imported. */
async function numberOfFirstRow(table) {
  try {
    for await (const row of table.rows())
      return typeof row?._id === "string" ? decodeId(row._id)?.tableNumber : undefined;
  } catch {
    return undefined;
  }
  return undefined;
}

/** Looked at once more at the end: tables may be made meanwhile. */
function refuseTaken(names, numbers, database) {
  for (const [number, name] of names) {
    const existing = database.tableByNumber(number);
    if (isSystemTableNumber(number)) throw tableConflict(name, number, undefined);
    if (existing !== undefined && !numbers.has(existing.name))
      throw tableConflict(name, number, existing.name);
  }
}

/**
 * Whether the prepared tables can be in one deployment, together and with those that stay.
 * @param {import("../table.mjs").Table[]} prepared
 * @param {(table: import("../table.mjs").Table) => boolean} stays whether an active table is there afterwards
 * @param {import("../database.mjs").Database} database
 * @throws {DeveloperError}
 */
export function checkPrepared(prepared, stays, database) {
  const sorted = [...prepared].sort((a, b) => a.number - b.number || byBytes(a.name, b.name));
  for (const [i, { name, number }] of sorted.entries()) {
    if (sorted[i + 1]?.number === number) {
      const message = `conflict between \`${name}\` and \`${sorted[i + 1].name}\` with table number ${number}`;
      throw new DeveloperError("TableNumberConflict", message);
    }
    refuseStaying(sorted[i], stays, database);
  }
}

/** No two active tables have one number (`check_can_activate`, crates/database/src/bootstrap_model/table.rs). */
export function refuseStaying(table, stays, database) {
  const { name, number } = table;
  if (isSystemTableNumber(number)) throw tableConflict(name, number, undefined);
  const existing = database.tableByNumber(number);
  if (existing !== undefined && existing !== table && stays(existing))
    throw tableConflict(name, number, existing.name);
}

function tableConflict(name, number, existing) {
  const head = `New table \`${name}\` has IDs that conflict with existing`;
  if (existing !== undefined)
    return new DeveloperError(
      "TableConflict",
      `${head} table \`${existing}\`. To delete all existing tables, import with \`npx convex import --replace-all\`.`,
    );
  const rest = isVisibleSystemTable(number)
    ? "system table"
    : "internal table. Consider importing this table without `_id` fields or import into a new deployment.";
  return new DeveloperError("TableConflict", `${head} ${rest}`);
}
