/**
 * Random choices that a seed repeats exactly.
 *
 *   const random = new Random(42);
 *   random.pick(["a", "b"]);
 */

export class Random {
  #state;

  /** @param {number} seed a whole number */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits (the generator "mulberry32"). @returns {number} 0 to 2^32 - 1 */
  bits() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** @returns {number} 0 to limit - 1 */
  below(limit) {
    return Math.floor((this.bits() / 2 ** 32) * limit);
  }

  /** @returns {number} both ends included */
  between(low, high) {
    return low + this.below(high - low + 1);
  }

  /** @param {number} share from 0 to 1 */
  chance(share) {
    return this.bits() < share * 2 ** 32;
  }

  /** @template T @param {T[]} list @returns {T} */
  pick(list) {
    return list[this.below(list.length)];
  }

  /** So many results of a function. @template T @param {() => T} make @returns {T[]} */
  times(count, make) {
    return Array.from({ length: count }, () => make());
  }

  /** A whole number of up to so many bits, small ones as likely as large ones. @returns {bigint} */
  integer(maximumBits) {
    const bits = this.between(1, maximumBits);
    const value = (BigInt(this.bits()) << 32n) | BigInt(this.bits());
    return BigInt.asUintN(bits, value) * (this.chance(0.5) ? 1n : -1n);
  }
}
