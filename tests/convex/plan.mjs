/**
 * What a plan allows: functions at a time and bytes written a second; and how long a function takes here, without which
 * one would hardly meet another. All of it is off unless it is asked for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CommitHistory } from "./conflicts.mjs";
import { CLASSES, PERMIT_WAIT_MS } from "./limits.mjs";
import { Permits } from "./permits.mjs";
import { WriteRate, countBytes } from "./write_rate.mjs";

/**
 * @typedef {{class?: string, concurrency?: number, writeLimit?: number, permitWaitMs?: number, executionMs?: number,
 *   commitMs?: number, now?: () => number}} PlanOptions a class gives what is not said; executionMs: how long a function holds its permit,
 *   commitMs: how long a mutation then takes to commit; now: the clock of the limit of bytes
 */

export class Plan {
  #history;
  #permits;
  #writeRate;

  /**
   * @param {PlanOptions} options
   * @param {{onRetry?: (code: string) => void, onWrite?: (bytes: number) => void,
   *   onImportWait?: () => void}} [listeners]
   * @throws {Error} for a class that does not exist
   */
  constructor(options, { onRetry, onWrite, onImportWait } = {}) {
    const byClass = options.class === undefined ? {} : CLASSES[options.class];
    if (byClass === undefined) {
      throw new Error(`unknown class ${options.class}; there are ${Object.keys(CLASSES).join(", ")}`);
    }
    const { concurrency = byClass.concurrency, writeLimit = byClass.writeLimit } = options;
    this.executionMs = options.executionMs ?? 0;
    this.commitMs = options.commitMs ?? 0;
    this.onRetry = onRetry;
    this.onWrite = onWrite;
    this.onImportWait = onImportWait;
    if (concurrency !== undefined) {
      const waitMs = options.permitWaitMs ?? PERMIT_WAIT_MS;
      this.#permits = {
        Query: new Permits("query", concurrency, waitMs),
        Mutation: new Permits("mutation", concurrency, waitMs),
      };
    }
    if (writeLimit !== undefined) this.#writeRate = new WriteRate(writeLimit, options.now);
    if (concurrency !== undefined || this.executionMs + this.commitMs > 0)
      this.#history = new CommitHistory();
  }

  /** @throws {import("./errors.mjs").HttpError} 429 */
  checkWriteRate() {
    this.#writeRate?.check();
  }

  /**
   * Lets a mutation begin, run and commit.
   * @template T
   * @param {(check: (transaction: import("./transaction.mjs").Transaction) => void) => Promise<T>} work
   *   calls `check` before it commits
   * @returns {Promise<T>}
   */
  async watchConflicts(work) {
    const history = this.#history;
    if (history === undefined) return await work(() => undefined);
    const begun = history.begin();
    try {
      return await work((transaction) => history.check(begun, transaction));
    } finally {
      history.end(begun);
    }
  }

  /**
   * Runs a function when one more may run, and as long as this deployment takes for it.
   * @template T
   * @param {"Query" | "Mutation"} type
   * @param {() => Promise<T>} run
   * @returns {Promise<T>}
   * @throws {import("./errors.mjs").HttpError} 429 when too many run for too long
   */
  async admit(type, run) {
    const permits = this.#permits?.[type];
    const commitsLater = type === "Mutation" && this.commitMs > 0;
    await permits?.acquire();
    try {
      if (this.executionMs > 0) await sleep(this.executionMs);
      if (!commitsLater) return await run();
    } finally {
      permits?.release();
    }
    await sleep(this.commitMs);
    return await run();
  }

  /** Notes what a mutation writes. @param {import("./transaction.mjs").LogEntry[]} log */
  recordCommit(log) {
    this.#history?.record(log);
    if (this.#writeRate === undefined) return;
    const bytes = countBytes(log);
    this.#writeRate.record(bytes);
    this.onWrite?.(bytes);
  }
}
