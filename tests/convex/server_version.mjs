/**
 * What `GET /version` says (`SERVER_VERSION`, crates/metrics/src/lib.rs): any text, "unknown" for a server that was built
 * without. A day in it, as releases of self-hosted servers have it, makes this one as old.
 */
const DAY = /\d{4}-\d{2}-\d{2}/;

export class ServerVersion {
  /** @param {string} [text] */
  constructor(text = "unknown") {
    this.set(text);
  }

  /** @param {string} text @throws {Error} when it is none */
  set(text) {
    if (typeof text !== "string" || text === "") throw new Error('the version must be {"version": text}');
    this.text = text;
  }

  /** Year, month and day; undefined for a server that does not say, which is a current one. */
  get date() {
    return DAY.exec(this.text)?.[0];
  }
}
