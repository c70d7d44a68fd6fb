/**
 * Works off imports, one at a time: parses what was uploaded, carries out what was confirmed
 * (crates/application/src/snapshot_import/worker.rs).
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { DeveloperError, HttpError } from "../errors.mjs";
import { MAX_IMPORT_AGE_MS, MAX_IMPORT_BACKOFF_MS, MAX_IMPORT_FAILURES } from "../limits.mjs";
import { failureText } from "./errors.mjs";

/** The server was restarted in the middle: what is begun is begun anew. */
class Interrupted extends Error {}

export class ImportWorker {
  #interruption = new AbortController();
  #isRunning = false;
  #isClosed = false;
  #failures = 0;

  /**
   * @param {{records: import("./records.mjs").ImportRecords, pauses: import("./pauses.mjs").Pauses, retryMs: number,
   *   now: () => number, parse: (record: object) => Promise<object>,
   *   perform: (record: object, step: (point?: string) => Promise<void>) => Promise<number>}} options
   *   retryMs: how long it waits, at most, after the first failure; perform gives the number of rows
   */
  constructor(options) {
    this.options = options;
  }

  /** There may be work. */
  wake() {
    if (!this.#isRunning && !this.#isClosed) void this.#run();
  }

  /** As when the server process ends and another begins. */
  restart() {
    this.#interruption.abort();
    this.#interruption = new AbortController();
    this.#failures = 0;
  }

  close() {
    this.#isClosed = true;
    this.restart();
  }

  async #run() {
    this.#isRunning = true;
    try {
      // The request that brought the work is answered first.
      await nextTurn();
      while (!this.#isClosed && (await this.#runOne()));
    } finally {
      this.#isRunning = false;
    }
  }

  async #runOne() {
    const { records } = this.options;
    const uploaded = records.firstIn("uploaded");
    const record = uploaded ?? records.firstIn("in_progress");
    if (record === undefined) return false;
    const { signal } = this.#interruption;
    try {
      await (uploaded === undefined ? this.#perform(record, signal) : this.#parse(record, signal));
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof Interrupted)) await this.#backOff(signal);
    }
    return true;
  }

  async #parse(record, signal) {
    await this.#orFail(record, async () => {
      await this.#step("before_parse", signal);
      this.#refuseTooOld(record);
      const summary = await this.options.parse(record);
      refuseIfInterrupted(signal);
      this.options.records.waitForConfirmation(record.id, summary);
    });
  }

  async #perform(record, signal) {
    await this.#orFail(record, async () => {
      this.#refuseTooOld(record);
      const rows = await this.options.perform(record, (point) => this.#step(point, signal));
      this.options.records.complete(record.id, rows);
    });
  }

  /** What is the file's fault ends the import; so does the sixth failure of the server in a row. */
  async #orFail({ id }, work) {
    try {
      await work();
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      const isFilesFault =
        error instanceof DeveloperError || (error instanceof HttpError && error.status === 400);
      if (!isFilesFault && this.#failures < MAX_IMPORT_FAILURES) throw error;
      this.options.records.fail(id, failureText(error));
    }
  }

  #refuseTooOld({ creationTime }) {
    if (this.options.now() - creationTime <= MAX_IMPORT_AGE_MS) return;
    throw new DeveloperError("ImportFailed", "Import took too long. Try again or contact Convex.");
  }

  async #step(point, signal) {
    await this.options.pauses.pass(point, signal);
    refuseIfInterrupted(signal);
  }

  /** `Backoff::fail` (crates/convex/sync_types/src/backoff.rs) */
  async #backOff(signal) {
    const longest = Math.min(this.options.retryMs * 2 ** this.#failures, MAX_IMPORT_BACKOFF_MS);
    this.#failures += 1;
    await sleep(longest * Math.random(), undefined, { signal }).catch(() => undefined);
  }
}

function refuseIfInterrupted(signal) {
  if (signal.aborted) throw new Interrupted();
}
