/**
 * Which indexes the deployment has, and how those of a push differ (`IndexModel`,
 * crates/database/src/bootstrap_model/index.rs). New indexes wait as pending until the push is finished. Trees are
 * built then (database.mjs), so here nothing is ever seen backfilling.
 */
import { isDeepStrictEqual } from "node:util";
import { DeveloperError } from "./errors.mjs";

/**
 * An index of a table. One name may have two: the enabled one and a pending one that will replace it.
 * @typedef {{name: string, spec: object, staged: boolean, enabled: boolean}} CatalogEntry `name` is "table.index"
 * @typedef {{added: CatalogEntry[], identical: CatalogEntry[], dropped: CatalogEntry[], enabled: CatalogEntry[],
 *   disabled: CatalogEntry[]}} IndexDiff `enabled` and `disabled` are those whose staging changes
 */

export class IndexCatalog {
  /** @type {CatalogEntry[]} */
  #entries = [];

  /** @param {string} name "table.index" @returns {CatalogEntry | undefined} */
  findPending(name) {
    return this.#entries.find((entry) => entry.name === name && !entry.enabled);
  }

  /** @param {string} name "table.index" @returns {CatalogEntry | undefined} */
  findEnabled(name) {
    return this.#entries.find((entry) => entry.name === name && entry.enabled);
  }

  /**
   * Why a query cannot read an index (`require_enabled`, crates/indexing/src/index_registry.rs).
   * @param {string} name "table.index"
   * @returns {DeveloperError}
   */
  whyUnreadable(name) {
    if (this.findEnabled(name) !== undefined)
      return new DeveloperError("IndexNotADatabaseIndex", `Index ${name} is not a database index`);
    const pending = this.findPending(name);
    if (pending === undefined) return new DeveloperError("IndexNotFoundError", `Index ${name} not found.`);
    const [code, problem] = pending.staged
      ? ["IndexStagedError", "staged and not available to query until it is enabled."]
      : ["IndexBackfillingError", "backfilling and not available to query yet."];
    return new DeveloperError(code, `Index ${name} is currently ${problem}`);
  }

  /** Indexes that a test has made slow: "table.index". @type {Set<string>} */
  #backfilling = new Set();

  /** Has indexes take long, until it is called again. @param {string[]} names "table.index" @throws {Error} for an unknown one */
  setBackfilling(names) {
    const unknown = names.find((name) => this.findEnabled(name) === undefined);
    if (unknown !== undefined) throw new Error(`there is no index ${unknown}`);
    this.#backfilling = new Set(names);
  }

  /** Whether an index of the table is being made. @param {string} tableName */
  isBackfilling(tableName) {
    return [...this.#backfilling].some((name) => name.startsWith(`${tableName}.`));
  }

  /** All indexes as `GET /api/get_indexes` shows them (crates/local_backend/src/dashboard.rs). */
  describe() {
    return this.#entries.map(({ name, spec, staged, enabled }) => {
      const [table, index] = name.split(".");
      const isDone = enabled && !this.#backfilling.has(name);
      return { table, name: index, ...spec, staged, backfill: { state: isDone ? "done" : "in_progress" } };
    });
  }

  /** A table was replaced: its staged indexes are not those of the new one. @param {string} tableName */
  forgetStaged(tableName) {
    this.#entries = this.#entries.filter(({ name, staged }) => !staged || !name.startsWith(`${tableName}.`));
  }

  /**
   * What a schema changes; changes nothing yet (`get_index_diff`).
   * @param {import("./schema.mjs").Schema | undefined} schema
   * @returns {IndexDiff}
   */
  diff(schema) {
    const diff = { added: [], identical: [], dropped: [], enabled: [], disabled: [] };
    const wanted = wantedIndexes(schema);
    for (const entry of wanted) this.#compare(entry, diff);
    const names = new Set(wanted.map((entry) => entry.name));
    diff.dropped.push(...this.#entries.filter((entry) => !names.has(entry.name)));
    return diff;
  }

  /** `compare_new_and_existing_indexes` */
  #compare(wanted, diff) {
    const [enabled, pending] = [this.findEnabled(wanted.name), this.findPending(wanted.name)];
    const only = enabled ?? pending;
    if (only === undefined) {
      diff.added.push(wanted);
    } else if (enabled === undefined || pending === undefined) {
      const outcome = compareOne(only, wanted);
      if (outcome === "replaced") {
        diff.dropped.push(only);
        diff.added.push(wanted);
      } else {
        diff[outcome].push(only);
      }
    } else if (compareOne(enabled, wanted) === "identical") {
      diff.dropped.push(pending);
      diff.identical.push(enabled);
    } else {
      this.#compareWithBoth(enabled, pending, wanted, diff);
    }
  }

  #compareWithBoth(enabled, pending, wanted, diff) {
    const outcome = compareOne(pending, wanted);
    if (outcome === "replaced") {
      diff.dropped.push(enabled, pending);
      diff.added.push(wanted);
    } else {
      if (outcome === "identical") diff.dropped.push(enabled);
      diff[outcome].push(pending);
    }
  }

  /**
   * Notes the new indexes of a push as pending (`prepare_new_and_mutated_indexes`).
   * @param {import("./schema.mjs").Schema} schema
   * @returns {IndexDiff} everything that the push will change
   */
  prepare(schema) {
    const diff = this.diff(schema);
    const given = new Set(diff.dropped.filter((entry) => !entry.enabled));
    this.#entries = [...this.#entries.filter((entry) => !given.has(entry)), ...diff.added];
    for (const entry of diff.enabled) entry.staged = false;
    for (const entry of diff.disabled) if (!entry.enabled) entry.staged = true;
    return diff;
  }

  /** The diff to show when everything is prepared: what waits counts as added (`get_full_index_diff`). */
  fullDiff(schema) {
    const diff = this.#preparedDiff(schema);
    const isWaiting = (entry) => !entry.enabled;
    return {
      ...diff,
      added: diff.identical.filter(isWaiting),
      identical: diff.identical.filter((entry) => !isWaiting(entry)),
    };
  }

  #preparedDiff(schema) {
    const diff = this.diff(schema);
    if (diff.added.length > 0) throw new Error("Expected no new indexes");
    return diff;
  }

  /** Makes what was prepared real (`commit_indexes_for_schema`). */
  commit(schema) {
    const diff = this.#preparedDiff(schema);
    const dropped = new Set(diff.dropped);
    this.#entries = this.#entries.filter((entry) => !dropped.has(entry));
    for (const entry of [...diff.identical, ...diff.enabled]) {
      if (!entry.staged) entry.enabled = true;
    }
    for (const entry of diff.disabled) Object.assign(entry, { enabled: false, staged: true });
  }
}

/** The indexes of a schema, by table and name. @returns {CatalogEntry[]} */
function wantedIndexes(schema) {
  const tables = [...(schema?.tables.values() ?? [])];
  return tables.flatMap((table) =>
    [...table.indexes]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, spec, staged }) => ({ name: `${table.name}.${name}`, spec, staged, enabled: false })),
  );
}

/** `identical_or_replaced` */
function compareOne(existing, wanted) {
  if (!isDeepStrictEqual(existing.spec, wanted.spec)) return "replaced";
  if (existing.staged === wanted.staged) return "identical";
  return existing.staged ? "enabled" : "disabled";
}

/** A diff as answers show it (`SerializedIndexDiff`, crates/model/src/deployment_audit_log/types.rs). */
export function exportIndexDiff({ added, dropped, disabled, enabled }) {
  const show = ({ name, spec, staged }) => ({ name, ...spec, staged });
  return {
    added_indexes: added.map(show),
    removed_indexes: dropped.map(show),
    // As they will be, except that an index is never shown as staged while it is enabled.
    disabled_indexes: disabled.map((entry) => show({ ...entry, staged: !entry.enabled })),
    enabled_indexes: enabled.map((entry) => show({ ...entry, staged: false })),
  };
}
