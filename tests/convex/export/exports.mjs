/**
 * Exports of all documents as a ZIP file: their states, and the worker that makes them
 * (crates/model/src/exports/{mod,types}.rs, crates/application/src/exports/worker.rs).
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { HttpError } from "../errors.mjs";
import { encodeId, mintInternalId } from "../ids.mjs";
import { EXPORT_RETENTION_NS } from "../limits.mjs";
import { EXPORTS } from "../system_tables.mjs";
import { fromBigInt, toBigInt } from "../values.mjs";
import { makeSnapshot } from "./snapshot.mjs";

/** @typedef {{id: string, creationTime: number, state: Record<string, unknown>, zip?: Buffer}} ExportRecord */

export class Exports {
  /** @type {ExportRecord[]} */
  #records = [];

  /** @param {import("../database.mjs").Database} database @param {{changes: import("node:events").EventEmitter}} options */
  constructor(database, { changes }) {
    this.database = database;
    this.changes = changes;
  }

  #now() {
    return BigInt(Math.round(this.database.now() * 1e6));
  }

  /** Asks for an export, which is made later. @throws {HttpError} 400 while one is asked for */
  request(includesStorage) {
    if (this.#records.some(({ state }) => ["requested", "in_progress"].includes(state.state)))
      throw new HttpError(400, "ExportInProgress", "There is already an export requested or in progress.");
    const record = {
      id: encodeId(EXPORTS, mintInternalId()),
      creationTime: this.database.now(),
      state: {
        state: "requested",
        component: null,
        expiration_ts: fromBigInt(this.#now() + EXPORT_RETENTION_NS),
        format: { format: "zip", include_storage: includesStorage },
        requestor: "snapshotExport",
      },
    };
    this.#records.push(record);
    this.changes.emit("change");
    void this.#make(record);
  }

  async #make(record) {
    // The request that asked for it is answered first.
    await nextTurn();
    const started = fromBigInt(this.#now());
    this.#change(record, { state: "in_progress", start_ts: started, progress_message: null });
    const zip = await this.database.alone.run(() => makeSnapshot(this.database));
    record.zip = zip;
    const { progress_message, ...state } = record.state;
    record.state = state;
    this.#change(record, {
      state: "completed",
      complete_ts: fromBigInt(this.#now()),
      zip_object_key: record.id,
      size: fromBigInt(BigInt(zip.length)),
    });
  }

  #change(record, changed) {
    record.state = { ...record.state, ...changed };
    this.changes.emit("change");
  }

  /** The stored document of the latest export; null when there is none. */
  latest() {
    const record = this.#records.at(-1);
    return record === undefined
      ? null
      : { _id: record.id, _creationTime: record.creationTime, ...record.state };
  }

  /**
   * @param {string} text an id, or the time at which the export began
   * @returns {{zip: Buffer, startedAt: bigint}}
   * @throws {HttpError} 404, 400
   */
  find(text) {
    const record = this.#records.find(
      ({ id, state }) =>
        id === text || (state.start_ts !== undefined && String(toBigInt(state.start_ts)) === text),
    );
    if (record === undefined)
      throw new HttpError(404, "ExportNotFound", `The requested export ${text} was not found`);
    if (record.zip === undefined)
      throw new HttpError(400, "ExportNotComplete", `The requested export ${text} has not completed`);
    return { zip: record.zip, startedAt: toBigInt(record.state.start_ts) };
  }

  clear() {
    this.#records = [];
    this.changes.emit("change");
  }
}
