/**
 * The imports of a deployment and their way from state to state (`SnapshotImportModel`,
 * crates/model/src/snapshot_imports/{mod,types}.rs): what `_system/cli/queryImport` shows.
 */
import { DeveloperError, HttpError } from "../errors.mjs";
import { encodeId, mintInternalId } from "../ids.mjs";
import { SNAPSHOT_IMPORTS } from "../system_tables.mjs";
import { fromBigInt } from "../values.mjs";

/** States that may follow each other; every other step is the server's own mistake. */
const TRANSITIONS = {
  uploaded: ["waiting_for_confirmation", "failed"],
  waiting_for_confirmation: ["in_progress", "failed"],
  in_progress: ["in_progress", "completed", "failed"],
  completed: [],
  failed: [],
};

/** How formats are called in the stored document (`SerializedImportFormat`). */
const STORED_FORMATS = { csv: "csv", jsonLines: "jsonl", jsonArray: "json_array", zip: "zip" };

/**
 * @typedef {{name: string, tablet?: import("../table.mjs").Table, total: number, written: number, existing: number,
 *   toDelete: number, isMissingId: boolean}} Checkpoint
 * @typedef {{id: string, creationTime: number, state: {state: string}, format: string, tableName?: string, mode: string,
 *   objectKey: string, checkpoints?: Checkpoint[]}} ImportRecord
 */

export class ImportRecords {
  /** @type {Map<string, ImportRecord>} */
  #byId = new Map();

  /** @param {{now: () => number, onChange: () => void}} options */
  constructor({ now, onChange }) {
    this.now = now;
    this.onChange = onChange;
  }

  /** @param {{format: string, tableName?: string, mode: string, objectKey: string}} upload @returns {string} its id */
  start(upload) {
    const id = encodeId(SNAPSHOT_IMPORTS, mintInternalId());
    this.#byId.set(id, { id, creationTime: this.now(), state: { state: "uploaded" }, ...upload });
    this.onChange();
    return id;
  }

  /** @param {string} id @returns {ImportRecord | undefined} */
  get(id) {
    return this.#byId.get(id);
  }

  /** @throws {HttpError} 404 */
  mustGet(id) {
    const record = this.#byId.get(id);
    if (record === undefined) throw new HttpError(404, "ImportNotFound", `import ${id} not found`);
    return record;
  }

  /** The oldest in a state. @param {string} state @returns {ImportRecord | undefined} */
  firstIn(state) {
    return [...this.#byId.values()].find((record) => record.state.state === state);
  }

  clear() {
    this.#byId.clear();
    this.onChange();
  }

  #moveTo(id, state) {
    const record = this.mustGet(id);
    if (!TRANSITIONS[record.state.state].includes(state.state))
      throw new Error(`invalid import state transition ${record.state.state} -> ${state.state}`);
    record.state = state;
    this.onChange();
  }

  /** @param {string} id @param {{message: string, needsConfirmation: boolean, checkpoints: Checkpoint[]}} summary */
  waitForConfirmation(id, { message, needsConfirmation, checkpoints }) {
    this.#moveTo(id, {
      state: "waiting_for_confirmation",
      message_to_confirm: message,
      require_manual_confirmation: needsConfirmation,
    });
    this.mustGet(id).checkpoints = checkpoints;
  }

  /** Does nothing in any other state: it may have been confirmed elsewhere, or be parsed still. */
  confirm(id) {
    if (this.mustGet(id).state.state !== "waiting_for_confirmation") return;
    this.#moveTo(id, { state: "in_progress", progress_message: "Importing", checkpoint_messages: [] });
  }

  /** @throws {HttpError | DeveloperError} when there is no such import, or it has ended */
  cancel(id) {
    const { state } = this.mustGet(id).state;
    if (state === "completed" || state === "failed")
      throw new DeveloperError("CannotCancelImport", `Cannot cancel an import that has ${state}`);
    this.fail(id, "Import canceled");
  }

  complete(id, rowsWritten) {
    const timestamp = BigInt(Math.round(this.now() * 1e6));
    this.#moveTo(id, {
      state: "completed",
      timestamp: fromBigInt(timestamp),
      num_rows_written: fromBigInt(BigInt(rowsWritten)),
    });
  }

  fail(id, message) {
    this.#moveTo(id, { state: "failed", error_message: message });
  }

  /** @param {string} id @param {string} tableName @returns {Checkpoint | undefined} */
  checkpoint(id, tableName) {
    return this.mustGet(id).checkpoints?.find(({ name }) => name === tableName);
  }

  /** Says what an import is at; nothing is said of rows that were written before a restart. */
  progress(id, message, tableName, written) {
    const checkpoint = this.checkpoint(id, tableName);
    if (checkpoint !== undefined) {
      if (checkpoint.written > 0 && written <= checkpoint.written) return;
      checkpoint.written = written;
    }
    const { checkpoint_messages = [] } = this.mustGet(id).state;
    this.#moveTo(id, { state: "in_progress", progress_message: message, checkpoint_messages });
  }

  /** A table is done. */
  reach(id, message, tableName, written) {
    const checkpoint = this.checkpoint(id, tableName);
    const isNew = checkpoint === undefined || written > checkpoint.written;
    if (checkpoint !== undefined && isNew) checkpoint.written = written;
    const { progress_message = "Importing", checkpoint_messages = [] } = this.mustGet(id).state;
    const messages = checkpoint_messages.includes(message)
      ? checkpoint_messages
      : [...checkpoint_messages, message];
    this.#moveTo(id, {
      state: "in_progress",
      progress_message: isNew ? message : progress_message,
      checkpoint_messages: messages,
    });
  }

  /** The stored document of an import; null when there is none. @param {string} id */
  document(id) {
    const record = this.#byId.get(id);
    return record === undefined ? null : toDocument(record);
  }

  /** The latest, newest first. @param {number} count */
  latest(count) {
    return [...this.#byId.values()].reverse().slice(0, count).map(toDocument);
  }
}

function toDocument({ id, creationTime, state, format, tableName, mode, objectKey, checkpoints }) {
  const table = tableName === undefined ? {} : { table: tableName };
  return {
    _id: id,
    _creationTime: creationTime,
    checkpoints: checkpoints === undefined ? null : checkpoints.map(toStoredCheckpoint),
    component_path: null,
    format: { format: STORED_FORMATS[format], ...table },
    fq_object_key: objectKey,
    member_id: null,
    mode: mode[0].toUpperCase() + mode.slice(1),
    requestor: { type: "snapshotImport" },
    state,
  };
}

function toStoredCheckpoint({ name, tablet, total, written, existing, toDelete, isMissingId }) {
  const int64 = (number) => fromBigInt(BigInt(number));
  return {
    component_path: null,
    display_table_name: name,
    existing_rows_in_table: int64(existing),
    existing_rows_to_delete: int64(toDelete),
    is_missing_id_field: isMissingId,
    num_rows_written: int64(written),
    tablet_id: tablet?.tabletId ?? null,
    total_num_rows_to_write: int64(total),
  };
}
