/**
 * How many functions of a kind run at a time, and how long another waits (`Limiter`,
 * crates/application/src/application_function_runner/mod.rs).
 */
import { HttpError } from "./errors.mjs";
import { SMALLEST_CLASS } from "./limits.mjs";

export class Permits {
  #running = 0;
  /** @type {Set<() => void>} in the order in which they came */
  #waiting = new Set();

  /**
   * @param {string} kind "mutation" or "query"
   * @param {number} total
   * @param {number} waitMs
   */
  constructor(kind, total, waitMs) {
    this.kind = kind;
    this.total = total;
    this.waitMs = waitMs;
  }

  /** @returns {Promise<void>} @throws {HttpError} 429 when none is free in time */
  async acquire() {
    if (this.#running < this.total) {
      this.#running += 1;
      return;
    }
    await new Promise((resolve, reject) => {
      const take = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(take);
        reject(this.#refusal());
      }, this.waitMs);
      this.#waiting.add(take);
    });
  }

  /** Gives a permit to who has waited longest. */
  release() {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #refusal() {
    const advice =
      this.total > SMALLEST_CLASS.concurrency
        ? "If you need more resources, please contact support."
        : "To get more resources, upgrade to Convex Pro. If you are already on Convex Pro, please contact support.";
    const message = `Too many concurrent requests. Your backend is limited to ${this.total} concurrent ${this.kind}s. ${advice}`;
    return new HttpError(429, "TooManyConcurrentRequests", message);
  }
}
