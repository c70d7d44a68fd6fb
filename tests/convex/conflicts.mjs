/**
 * Optimistic concurrency control: a mutation fails when another one that committed since it began wrote into what it
 * read (crates/database/src/write_log.rs). Here a mutation runs just before it commits; where nothing that it reads has
 * changed since it began, that is the same as having run then.
 */
import { HttpError } from "./errors.mjs";

export class CommitHistory {
  #count = 0;
  /** Commits since the oldest transaction under way began. @type {{number: number, log: import("./transaction.mjs").LogEntry[]}[]} */
  #commits = [];
  /** Where the transactions under way began, oldest first. */
  #begun = [];

  /** @returns {number} to be given to `findConflict` and `end` */
  begin() {
    this.#begun.push(this.#count);
    return this.#count;
  }

  /** @param {number} begun */
  end(begun) {
    this.#begun.splice(this.#begun.indexOf(begun), 1);
    const oldest = this.#begun[0] ?? this.#count;
    while (this.#commits.length > 0 && this.#commits[0].number <= oldest) this.#commits.shift();
  }

  /** @param {import("./transaction.mjs").LogEntry[]} log of a transaction that commits */
  record(log) {
    this.#count += 1;
    if (this.#begun.length > 0) this.#commits.push({ number: this.#count, log });
  }

  /**
   * @param {number} begun
   * @param {import("./transaction.mjs").Transaction} transaction
   * @throws {HttpError} 503 when what it read has changed since
   */
  check(begun, transaction) {
    for (const { number, log } of this.#commits) {
      const entry = number > begun ? log.find((one) => transaction.hasRead(one)) : undefined;
      if (entry === undefined) continue;
      const message = `Documents read from or written to the "${entry.table.name}" table changed while this mutation was being run and on every subsequent retry. See https://docs.convex.dev/error#1`;
      throw new HttpError(503, "OptimisticConcurrencyControlFailure", message);
    }
  }
}
