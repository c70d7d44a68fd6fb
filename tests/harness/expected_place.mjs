/**
 * Where a value stands in its document, and what Convex does not take of it.
 *
 *   const problems = [];
 *   convert(text, new Place(problems, "tags"));
 *   problems; // [{ code: "array_too_long", path: "tags", figures: [9000, 8192] }]
 *
 * @typedef {{ code: string, path: string, figures: number[] }} Problem a reason as convex_rejects has it:
 *   its code, the path of the field, and numbers that it names
 */

/** Levels of a document, itself included; elements; fields (crates/common/src/document.rs, crates/value/src/). */
const MAX_NESTING = 16;
const MAX_ELEMENTS = 8192;
const MAX_FIELDS = 1024;
/** A request, and so a value as PostgreSQL holds it (crates/common/src/knobs.rs). */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;

export class Place {
  /** Fields and elements above this one, the document included. */
  #depth;

  /**
   * @param {Problem[]} problems grows
   * @param {string} path
   * @param {{ depth?: number, limited?: boolean }} [options] `limited`: whether Convex sees what is in here as values
   */
  constructor(problems, path, { depth = 1, limited = true } = {}) {
    this.problems = problems;
    this.path = path;
    this.limited = limited;
    this.#depth = depth;
  }

  refuse(code, ...figures) {
    this.problems.push({ code, path: this.path, figures });
  }

  /** The same place in a text, where Convex has no say. */
  inText() {
    return new Place(this.problems, this.path, { limited: false });
  }

  element(index) {
    return this.#below(`${this.path}[${index}]`);
  }

  field(name) {
    return this.#below(`${this.path}.${name === "" ? '""' : name}`);
  }

  #below(path) {
    return new Place(this.problems, path, { depth: this.#depth + 1, limited: this.limited });
  }

  /** Here is an array. */
  checkArray(length) {
    this.#checkNesting();
    if (this.limited && length > MAX_ELEMENTS) this.refuse("array_too_long", length, MAX_ELEMENTS);
  }

  /** Here is an object. */
  checkObject(fields) {
    this.#checkNesting();
    if (this.limited && fields > MAX_FIELDS) this.refuse("too_many_fields", fields, MAX_FIELDS);
  }

  #checkNesting() {
    if (this.limited && this.#depth >= MAX_NESTING) this.refuse("nested_too_deeply", MAX_NESTING);
  }

  /** @param {number} bytes of the value in PostgreSQL */
  checkSize(bytes) {
    if (bytes > MAX_VALUE_BYTES) this.refuse("value_too_large", bytes, MAX_VALUE_BYTES);
  }
}
