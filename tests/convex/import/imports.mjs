/** The imports of a deployment: what the routes ask for, and the worker behind them. */
import { once } from "node:events";
import { DeveloperError } from "../errors.mjs";
import { IMPORT_RETRY_MS } from "../limits.mjs";
import { Execution } from "./execution.mjs";
import { parseFile } from "./formats.mjs";
import { Pauses } from "./pauses.mjs";
import { ImportRecords } from "./records.mjs";
import { summarize } from "./summary.mjs";
import { makeUploads } from "./uploads.mjs";
import { ImportWorker } from "./worker.mjs";

/** In these states nobody waits for the worker. */
const STABLE = new Set(["waiting_for_confirmation", "completed", "failed"]);

/**
 * @typedef {{storage?: "local" | "s3", retryMs?: number}} ImportOptions retryMs: how long the worker waits, at most,
 *   after the first failure that is the server's own
 * @typedef {{format: string, tableName?: string, mode: string}} ImportSpec
 */

export class Imports {
  #worker;

  /**
   * @param {import("../database.mjs").Database} database
   * @param {ImportOptions} options
   * @param {{plan: import("../plan.mjs").Plan, changes: import("node:events").EventEmitter, serverDate: () => string | undefined}} deployment
   *   changes: told of every change of what clients see
   */
  constructor(database, { storage = "local", retryMs = IMPORT_RETRY_MS }, deployment) {
    this.deployment = deployment;
    this.uploads = makeUploads(storage);
    this.pauses = new Pauses();
    const now = database.now;
    this.records = new ImportRecords({ now, onChange: () => this.#onChange() });
    this.#worker = new ImportWorker({
      records: this.records,
      pauses: this.pauses,
      retryMs,
      now,
      parse: async (record) => await summarize(await this.#read(record), record.mode, database),
      perform: async (record, step) => {
        const context = { database, plan: deployment.plan, records: this.records, step };
        return await new Execution(record, context).run(await this.#read(record));
      },
    });
  }

  #onChange() {
    this.deployment.changes.emit("change");
    this.#worker.wake();
  }

  async #read(record) {
    const server = { serverDate: this.deployment.serverDate() };
    return await parseFile(record, this.uploads.read(record.objectKey), server);
  }

  /** @param {ImportSpec} spec @param {string} token @param {string[]} partTokens @returns {string} the import's id */
  finishUpload(spec, token, partTokens) {
    return this.records.start({ ...spec, objectKey: this.uploads.finish(token, partTokens) });
  }

  /**
   * A whole import in one request, confirmed by itself (`do_import`).
   * @param {ImportSpec} spec
   * @param {Buffer} bytes
   * @returns {Promise<object>} its state at the end
   * @throws {DeveloperError} ImportFailed
   */
  async importAtOnce(spec, bytes) {
    const id = this.records.start({ ...spec, objectKey: this.uploads.store(bytes) });
    await this.#stableState(id);
    this.records.confirm(id);
    return await this.#stableState(id);
  }

  async #stableState(id) {
    for (;;) {
      const { state } = this.records.mustGet(id);
      if (state.state === "failed") throw new DeveloperError("ImportFailed", state.error_message);
      if (STABLE.has(state.state)) return state;
      await once(this.deployment.changes, "change");
    }
  }

  /** The server process ends and another begins: uploads and records are on disk, what runs is begun anew. */
  restart() {
    this.#worker.restart();
  }

  /** Forgets everything, as when the deployment loses its data. */
  clear() {
    this.pauses.hold([]);
    this.#worker.restart();
    this.uploads.clear();
    this.records.clear();
  }

  close() {
    this.#worker.close();
  }
}
