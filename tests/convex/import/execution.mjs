/**
 * Carries out a confirmed import (`attempt_perform_import`, crates/application/src/snapshot_import/mod.rs): rows go to
 * hidden tables that are shown in the end, all at once; only those of mode append go where they are seen.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DeveloperError, HttpError } from "../errors.mjs";
import { MAX_OVERLOADED_BACKOFF_MS, MIN_OVERLOADED_BACKOFF_MS } from "../limits.mjs";
import { Transaction } from "../transaction.mjs";
import { notSupported } from "./errors.mjs";
import { STORAGE_TABLE, TABLES_TABLE } from "./formats.mjs";
import { broughtBy, readBatches, refuseDuplicates } from "./rows.mjs";
import { checkSchemas, schemasOf } from "./schema_constraints.mjs";
import { tableExists, withCommas } from "./summary.mjs";
import { assignTableNumbers, checkPrepared, refuseStaying } from "./table_numbers.mjs";

/** @typedef {import("../table.mjs").Table} Table */

export class Execution {
  /** The tables of the import by name, with the rows that each had at the beginning. @type {Map<string, Table>} */
  #prepared = new Map();
  #skipped = new Map();

  /**
   * @param {import("./records.mjs").ImportRecord} record
   * @param {{database: import("../database.mjs").Database, plan: import("../plan.mjs").Plan,
   *   records: import("./records.mjs").ImportRecords, step: (point?: string) => Promise<void>}} context
   *   step: where it may be held, and ends when the server is restarted
   */
  constructor(record, context) {
    this.record = record;
    this.context = context;
  }

  /** @param {import("./formats.mjs").TableInFile[]} file @returns {Promise<number>} rows written */
  async run(file) {
    const { database, step } = this.context;
    await refuseStorage(file);
    const tables = file.filter(({ name }) => name !== STORAGE_TABLE);
    const schemas = await database.alone.run(() => schemasOf(database));
    await step("before_assign_table_numbers");
    const numbers = await assignTableNumbers(tables, this.record.mode, database);
    for (const [name, number] of numbers) await database.alone.run(() => this.#prepare(name, number));
    const imported = [...this.#prepared.values()];
    await database.alone.run(() => checkPrepared(imported, this.#stays, database));
    const tableNameOf = this.#finalNames();
    let rows = 0;
    for (const table of tables.filter(({ name }) => name !== TABLES_TABLE))
      rows += await this.#importTable(table, tableNameOf);
    await step("before_finalize_import");
    await database.alone.run(() => this.#finalize(schemas, imported));
    return rows;
  }

  /** Whether an active table is still there when the import is done. */
  #stays = ({ name }) => !this.#prepared.has(name) && this.record.mode !== "replaceAll";

  /** `prepare_table_for_import` */
  #prepare(name, number) {
    const { database, records } = this.context;
    if (name.startsWith("_")) {
      const message = `Invalid table name ${name} starts with metadata prefix '_'`;
      throw new DeveloperError("InvalidTableName", message);
    }
    const checkpoint = records.checkpoint(this.record.id, name);
    const resumed = checkpoint?.tablet;
    if (resumed !== undefined && this.record.mode === "append") throw new Error("can't resume append import");
    const table = resumed ?? this.#existing(name) ?? database.createHiddenTable(name, number);
    if (checkpoint !== undefined && table !== database.table(name)) checkpoint.tablet = table;
    this.#prepared.set(name, table);
    this.#skipped.set(name, resumed?.size ?? 0);
    if (number === undefined || number === table.number) return;
    const message = `table ${name} wants table number ${number} but was already assigned ${table.number}`;
    throw new DeveloperError("TableNumberConflict", message);
  }

  /** The table that is there, if rows are added to it. */
  #existing(name) {
    const { database } = this.context;
    const active = database.table(name);
    // `copy_indexes_to_table`: an index that is not ready cannot be copied.
    if (active !== undefined && this.record.mode !== "append" && database.indexes.isBackfilling(name))
      throw new DeveloperError("InvalidImport", `${name} still backfilling indexes`);
    if (this.record.mode === "requireEmpty" && active !== undefined && active.size > 0)
      throw tableExists(name);
    return this.record.mode === "append" ? active : undefined;
  }

  /** Table names by number as validators see them, the imported tables in place of those that go away. */
  #finalNames() {
    const { database } = this.context;
    const names = new Map();
    for (const table of database.tables) if (this.#stays(table)) names.set(table.number, table.name);
    for (const { number, name } of this.#prepared.values()) names.set(number, name);
    return (number) => names.get(number);
  }

  /** `import_single_table`. @returns {Promise<number>} rows of the table, those of an earlier attempt too */
  async #importTable(file, tableNameOf) {
    const { name } = file;
    const { records, database } = this.context;
    const table = this.#prepared.get(name);
    this.#tell(`Importing "${name}"`, name, 0);
    const change = this.record.format === "csv" ? withoutEmptyOptionals(database.schema, name) : (row) => row;
    for await (const { bodies, count, isLast } of readBatches(file, this.#skipped.get(name), change)) {
      if (bodies.length > 0) await this.#insertBatch(table, bodies, tableNameOf);
      if (!isLast) {
        this.#tell(`Importing "${name}" (${withCommas(count)} documents)`, name, count);
        continue;
      }
      records.reach(this.record.id, `Imported "${name}" (${withCommas(count)} documents)`, name, count);
      return count;
    }
    throw new Error("there is always a last batch");
  }

  /** Progress is nice to have: an import that was cancelled goes on to the end of its table. */
  #tell(message, name, count) {
    try {
      this.context.records.progress(this.record.id, message, name, count);
    } catch {
      return;
    }
  }

  async #insertBatch(table, bodies, tableNameOf) {
    const { database, plan, step } = this.context;
    refuseDuplicates(table.name, bodies);
    await step("before_batch");
    await this.#waitForWriteRate();
    await database.alone.run(() => {
      const transaction = new Transaction(database);
      try {
        const rows = bodies.map((body) => broughtBy(table, body));
        transaction.insertImported(table, rows, tableNameOf);
      } catch (error) {
        transaction.rollback();
        throw error;
      }
      plan.recordCommit(transaction.commit());
    });
  }

  /** An import waits where a mutation is refused (`execute_with_overloaded_and_ratelimited_retries`,
   * crates/database/src/database.rs); what it then writes at once is more than most limits allow in a second. */
  async #waitForWriteRate() {
    const { plan, step } = this.context;
    for (let failures = 0; ; failures += 1) {
      try {
        return plan.checkWriteRate();
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
      }
      plan.onImportWait?.();
      const longest = Math.min(MIN_OVERLOADED_BACKOFF_MS * 2 ** failures, MAX_OVERLOADED_BACKOFF_MS);
      await sleep(longest * Math.random());
      await step();
    }
  }

  /** `finalize_import`: all or nothing. */
  #finalize(schemas, imported) {
    const { database } = this.context;
    const { state } = this.record.state;
    if (state !== "in_progress") throw new Error(`Import ${state}`);
    checkSchemas(schemas, imported, this.#stays, database);
    const hidden = imported.filter((table) => table !== database.table(table.name));
    hidden.forEach((table) => refuseStaying(table, this.#stays, database));
    const isDeleted = (table) => this.record.mode === "replaceAll" && !this.#prepared.has(table.name);
    database.showTables(hidden, database.tables.filter(isDeleted));
    database.noteCommit();
  }
}

async function refuseStorage(file) {
  for (const { name, rows } of file) {
    if (name !== STORAGE_TABLE) continue;
    for await (const row of rows()) if (row !== undefined) throw notSupported("File storage");
  }
}

/** Of a CSV file an empty text in an optional field is no value (`remap_empty_string_by_schema`). */
function withoutEmptyOptionals(schema, tableName) {
  const cases = schema.tables.get(tableName)?.documentType.cases ?? [];
  const optional = new Set(
    cases.flatMap(({ fields }) => [...fields].filter(([, field]) => field.optional).map(([name]) => name)),
  );
  return (row) =>
    Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== "" || !optional.has(name)));
}
