/**
 * A table and its ordered indexes.
 *
 * A document is kept as its JSON text, ready to be handed to a function, with
 * its index keys. An index is a B+ tree from key (ordering.mjs) to document,
 * built when it is first read: most indexes of a load are only written. A call that comes to do that is not charged with it.
 */
import { randomBytes } from "node:crypto";
import sortedBTree from "sorted-btree";
import { prepare } from "./call_time.mjs";
import { DeveloperError } from "./errors.mjs";
import { encodeId } from "./ids.mjs";
import { parseFieldPath } from "./names.mjs";
import { indexKey, sortKey } from "./ordering.mjs";

const BTree = sortedBTree.default ?? sortedBTree;

function compareKeys(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * @typedef {{id: string, json: string, size: number, creationTime: number, keys: (string | undefined)[]}} StoredDocument
 *   `json` includes the system fields; `keys` has the keys that were asked for, in the order of the table's indexes
 */

export class Index {
  /** @type {import("sorted-btree").default<string, StoredDocument>} */
  #tree = new BTree(undefined, compareKeys);

  /**
   * @param {Table} table
   * @param {number} position among the table's indexes; 0 is by_id
   * @param {string} name
   * @param {string[]} fields user fields and `_creationTime`; none for by_id
   */
  constructor(table, position, name, fields) {
    this.table = table;
    this.position = position;
    this.name = name;
    this.fields = fields;
    this.paths = fields.map(parseFieldPath);
    this.isBuilt = position === 0;
  }

  get tree() {
    if (!this.isBuilt) {
      this.isBuilt = true;
      prepare(() => this.table.byId.tree.forEachPair((_, document) => this.put(document)));
    }
    return this.#tree;
  }

  /** @param {StoredDocument} document @returns {string} */
  keyOf(document) {
    return (document.keys[this.position] ??= indexKey(JSON.parse(document.json), this.paths));
  }

  /** @param {StoredDocument} document */
  put(document) {
    if (this.isBuilt) this.#tree.set(this.keyOf(document), document);
  }

  /** @param {StoredDocument} document */
  remove(document) {
    if (this.isBuilt) this.#tree.delete(this.keyOf(document));
  }
}

export class Table {
  /**
   * @param {string} name
   * @param {number} number
   * @param {import("./index_definitions.mjs").IndexDefinition[]} indexDefinitions of the schema
   */
  constructor(name, number, indexDefinitions) {
    this.name = name;
    this.number = number;
    /** What the server calls the table whatever its name: one that replaces it has another. */
    this.tabletId = randomBytes(16).toString("base64url");
    /** No document can have such an id again. @type {Set<string>} */
    this.deletedIds = new Set();
    this.setIndexes(indexDefinitions);
  }

  get size() {
    return this.byId.tree.size;
  }

  /** Replaces the user indexes. Not while a transaction runs. */
  setIndexes(definitions) {
    this.indexDefinitions = definitions;
    const documents = this.byId?.tree.valuesArray() ?? [];
    // Staged, search and vector indexes cannot be queried here.
    const queried = definitions.filter(({ spec, staged }) => spec.type === "database" && !staged);
    const all = [
      ["by_id", []],
      ["by_creation_time", ["_creationTime"]],
    ];
    for (const { name, spec } of queried) all.push([name, spec.fields]);
    this.indexes = all.map(([name, fields], position) => new Index(this, position, name, fields));
    [this.byId, this.byCreationTime] = this.indexes;
    for (const document of documents) {
      document.keys = [document.keys[0]];
      this.put(document);
    }
  }

  /** @param {string} name */
  index(name) {
    return this.indexes.find((index) => index.name === name);
  }

  /** Keys of a document with system fields in the indexes that are in use. */
  keysOf(document) {
    return this.indexes.map((index) => (index.isBuilt ? indexKey(document, index.paths) : undefined));
  }

  /** @param {StoredDocument} document */
  put(document) {
    for (const index of this.indexes) index.put(document);
  }

  /** @param {StoredDocument} document */
  remove(document) {
    for (const index of this.indexes) index.remove(document);
  }

  /** @param {string} id */
  get(id) {
    return this.byId.tree.get(sortKey(id));
  }

  /** An id of a new document must be new (`check_generated_ids`, crates/database/src/committer.rs). */
  refuseUsed(id) {
    if (this.get(id) !== undefined)
      throw new DeveloperError(
        "DocumentExists",
        `Cannot create document with _id ${id} that already exists. Try to update it with \`db.patch\` or \`db.replace\`.`,
      );
    if (this.deletedIds.has(id))
      throw new DeveloperError(
        "DocumentDeleted",
        `Cannot recreate document with _id ${id} that was deleted. Try to insert it without an _id or insert into another table.`,
      );
  }

  /** @param {Uint8Array} internalId */
  idFor(internalId) {
    return encodeId(this.number, internalId);
  }
}
