/**
 * Where a test may hold an import: the worker waits there until it is let go. The real server has such places for its
 * own tests (`PauseClient`, crates/common/src/pause.rs).
 */
export const PAUSES = [
  "before_parse",
  "before_assign_table_numbers",
  "before_batch",
  "before_finalize_import",
];

export class Pauses {
  #held = new Set();
  /** @type {{point: string, go: () => void} | undefined} */
  #waiting;
  #onWait = () => undefined;

  /** @param {string[]} points where to wait from now on; who waits elsewhere goes on @throws {Error} for an unknown one */
  hold(points) {
    const unknown = points.find((point) => !PAUSES.includes(point));
    if (unknown !== undefined) throw new Error(`unknown pause ${unknown}; there are ${PAUSES.join(", ")}`);
    this.#held = new Set(points);
    if (this.#waiting !== undefined && !this.#held.has(this.#waiting.point)) this.step();
  }

  /** Lets who waits go on, to the next place that is held. */
  step() {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.go();
  }

  /** Resolves when somebody waits. @returns {Promise<string>} where */
  async reached() {
    if (this.#waiting === undefined) await new Promise((resolve) => (this.#onWait = resolve));
    return this.#waiting.point;
  }

  /** @param {string} point @param {AbortSignal} signal ends the wait */
  async pass(point, signal) {
    if (!this.#held.has(point) || signal.aborted) return;
    await new Promise((go) => {
      this.#waiting = { point, go };
      signal.addEventListener("abort", () => this.step(), { once: true });
      this.#onWait();
    });
  }
}
