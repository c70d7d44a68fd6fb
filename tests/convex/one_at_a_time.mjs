/** Runs asynchronous pieces of work one after another, in the order in which they came. */
export class OneAtATime {
  #last = Promise.resolve();

  /**
   * @template T
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T>} what it gives; what it throws does not hold up the next
   */
  run(work) {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
