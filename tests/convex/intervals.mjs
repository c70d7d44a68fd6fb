/**
 * A set of half-open intervals of index keys. Overlapping and adjacent ones are
 * one, so its size is what "Too many reads" counts
 * (crates/common/src/interval/interval_set.rs).
 */
export class IntervalSet {
  /** Sorted by start; an end of null is "to the end of the index". */
  #starts = [];
  #ends = [];

  get size() {
    return this.#starts.length;
  }

  /**
   * @param {string} start first key inside
   * @param {string | null} end first key outside
   */
  add(start, end) {
    if (end !== null && end <= start) return;
    const first = this.#firstTouching(start);
    let past = first;
    let mergedStart = start;
    let mergedEnd = end;
    while (past < this.#starts.length && (mergedEnd === null || this.#starts[past] <= mergedEnd)) {
      if (this.#starts[past] < mergedStart) mergedStart = this.#starts[past];
      if (this.#ends[past] === null || (mergedEnd !== null && this.#ends[past] > mergedEnd)) {
        mergedEnd = this.#ends[past];
      }
      past += 1;
    }
    this.#starts.splice(first, past - first, mergedStart);
    this.#ends.splice(first, past - first, mergedEnd);
  }

  /** @param {string} key @returns {boolean} whether it is inside one of the intervals */
  has(key) {
    const first = this.#firstTouching(key);
    const isAt = (i) =>
      i < this.#starts.length && this.#starts[i] <= key && (this.#ends[i] === null || key < this.#ends[i]);
    // One that ends at the key touches it and does not hold it; the next may begin there.
    return isAt(first) || isAt(first + 1);
  }

  /** Position of the first interval that ends at or after start. */
  #firstTouching(start) {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const end = this.#ends[middle];
      if (end !== null && end < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
