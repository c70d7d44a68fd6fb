/**
 * The indexes of a table in a schema: their rules, in the order in which the server checks them
 * (crates/common/src/schemas/json.rs, crates/common/src/bootstrap_model/index/, `evaluate_schema` in
 * crates/application/src/lib.rs).
 */
import { DeveloperError } from "./errors.mjs";
import {
  MAX_FILTER_FIELDS,
  MAX_INDEX_FIELDS,
  MAX_INDEXES_PER_TABLE,
  MAX_VECTOR_DIMENSIONS,
  MIN_VECTOR_DIMENSIONS,
} from "./limits.mjs";
import { checkIdentifier, parseFieldPath } from "./names.mjs";

/**
 * `spec` is what the index is built of; it has the form that index diffs show.
 * @typedef {{name: string, staged: boolean,
 *   spec: {type: "database", fields: string[]} |
 *     {type: "search", searchField: string, filterFields: string[]} |
 *     {type: "vector", dimensions: number, vectorField: string, filterFields: string[]}}} IndexDefinition
 */

/** Where each kind of index is in a table's JSON. */
const KINDS = [
  { key: "indexes", type: "database", staged: false },
  { key: "stagedDbIndexes", type: "database", staged: true },
  { key: "searchIndexes", type: "search", staged: false },
  { key: "stagedSearchIndexes", type: "search", staged: true },
  { key: "vectorIndexes", type: "vector", staged: false },
  { key: "stagedVectorIndexes", type: "vector", staged: true },
];

/**
 * @param {string} tableName
 * @param {object} table as exported
 * @returns {IndexDefinition[]} by kind and name
 * @throws {DeveloperError}
 */
export function parseIndexes(tableName, table) {
  const lists = KINDS.map((kind) => table[kind.key] ?? []);
  if (lists.flat().length > MAX_INDEXES_PER_TABLE) {
    throw new DeveloperError(
      "TooManyIndexes",
      `Table "${tableName}" cannot have more than ${MAX_INDEXES_PER_TABLE} indexes.`,
    );
  }
  const definitions = [];
  for (const type of ["database", "search", "vector"]) {
    const ofType = KINDS.flatMap((kind, i) =>
      kind.type === type ? parseKind(tableName, kind, lists[i]).sort(byName) : [],
    );
    checkSpecsDiffer(tableName, type, ofType);
    definitions.push(...ofType);
  }
  checkNames(tableName, definitions);
  return definitions;
}

function byName(a, b) {
  return a.name < b.name ? -1 : 1;
}

function parseKind(tableName, { type, staged }, list) {
  return list.map((json) => {
    const name = json.indexDescriptor;
    let spec;
    try {
      checkIndexIdentifier(name);
      spec = PARSERS[type](json);
    } catch (error) {
      throw new DeveloperError(error.code, `In table "${tableName}": ${error.message}`);
    }
    if (type === "database" && spec.fields.length === 0) {
      throw new DeveloperError(
        "EmptyIndex",
        `In table "${tableName}" ${staged ? "staged " : ""}index "${name}" must have at least one field.`,
      );
    }
    return { name, staged, spec };
  });
}

function checkIndexIdentifier(name) {
  try {
    checkIdentifier(name);
  } catch {
    throw new DeveloperError(
      "InvalidIndexName",
      `Invalid index name: "${name}". Identifiers must be 64 characters or less, start with a letter, and only contain letters, digits, underscores.`,
    );
  }
}

const PARSERS = {
  database: ({ indexDescriptor, fields }) => {
    const paths = fields.map((field) => parseIndexField(indexDescriptor, field));
    try {
      checkIndexedFields(paths);
    } catch (error) {
      throw new DeveloperError(error.code, `In index "${indexDescriptor}": ${error.message}`);
    }
    return { type: "database", fields: paths };
  },
  search: ({ indexDescriptor, searchField, filterFields }) => {
    const spec = {
      type: "search",
      searchField: parseIndexField(indexDescriptor, searchField),
      filterFields: parseFilterFields(indexDescriptor, filterFields),
    };
    checkFilterCount(spec.filterFields);
    return spec;
  },
  vector: ({ indexDescriptor, vectorField, dimensions, filterFields }) => {
    const spec = {
      type: "vector",
      dimensions,
      vectorField: parseIndexField(indexDescriptor, vectorField),
      filterFields: parseFilterFields(indexDescriptor, filterFields),
    };
    if (!(dimensions >= MIN_VECTOR_DIMENSIONS && dimensions <= MAX_VECTOR_DIMENSIONS)) {
      throw new DeveloperError(
        "InvalidVectorDimensionError",
        `Dimensions ${dimensions} must be between ${MIN_VECTOR_DIMENSIONS} and ${MAX_VECTOR_DIMENSIONS}.`,
      );
    }
    checkFilterCount(spec.filterFields);
    return spec;
  },
};

function parseIndexField(indexName, field) {
  try {
    return parseFieldPath(field).join(".");
  } catch {
    const message = `In index "${indexName}": Invalid index field: "${field}"`;
    throw new DeveloperError("InvalidIndexField", message);
  }
}

function parseFilterFields(indexName, fields) {
  return [...new Set(fields.map((field) => parseIndexField(indexName, field)))].sort();
}

function checkFilterCount(filterFields) {
  if (filterFields.length <= MAX_FILTER_FIELDS) return;
  throw new DeveloperError(
    "IndexTooManyFilterFields",
    `Search indexes may have up to ${MAX_FILTER_FIELDS} filter fields.`,
  );
}

/** `IndexedFields` (crates/common/src/bootstrap_model/index/database_index/indexed_fields.rs). */
function checkIndexedFields(fields) {
  if (fields.length > MAX_INDEX_FIELDS) {
    throw new DeveloperError("IndexTooManyFields", `Indexes may have up to ${MAX_INDEX_FIELDS} fields.`);
  }
  if (fields.includes("_id")) {
    throw new DeveloperError(
      "IndexFieldsContainId",
      "`_id` is not a valid index field. To load documents by ID, use `db.get(id)`.",
    );
  }
  const repeated = fields.find((field, position) => fields.indexOf(field) !== position);
  if (repeated !== undefined) {
    throw new DeveloperError(
      "FieldsNotUniqueWithinIndex",
      `Duplicate field "${repeated}". Index fields must be unique within an index.`,
    );
  }
}

/** What may not be the same in two indexes of a kind, and how the server says it. */
const UNIQUE = {
  database: {
    code: "IndexNotUnique",
    keyOf: ({ fields }) => fields,
    text: (one, other) =>
      `index "${one}" and index "${other}" have the same fields. Indexes must be unique within a table.`,
  },
  search: {
    code: "SearchIndexFieldNotUnique",
    keyOf: ({ searchField, filterFields }) => [searchField, filterFields],
    text: (one, other) => sameFieldText("search", "searchField", "Search", one, other),
  },
  vector: {
    code: "VectorIndexFieldNotUnique",
    keyOf: ({ vectorField, dimensions }) => [vectorField, dimensions],
    text: (one, other) => sameFieldText("vector", "vectorField", "Vector", one, other),
  },
};

/** The line break inside is the server's. */
function sameFieldText(kind, field, title, one, other) {
  return `${kind} index "${one}" and ${kind} index "${other}" have the same \`${field}\`. ${title} index fields must be unique within a table. You should combine the
             indexes with the same \`${field}\` into one index containing all \`filterField\`s and then use different subsets of the \`filterField\`s at query time.`;
}

function checkSpecsDiffer(tableName, type, definitions) {
  const { code, keyOf, text } = UNIQUE[type];
  // Of two indexes with the same name the later one counts here; that names differ is checked afterwards.
  const byNames = new Map(definitions.map((one) => [one.name, one]));
  const seen = new Map();
  for (const { name, spec } of [...byNames.values()].sort(byName)) {
    const key = JSON.stringify(keyOf(spec));
    if (seen.has(key)) {
      throw new DeveloperError(code, `In table "${tableName}" ${text(name, seen.get(key))}`);
    }
    seen.set(key, name);
  }
}

function checkNames(tableName, definitions) {
  const seen = new Set();
  for (const { name } of definitions) {
    const isReserved = name.startsWith("_") || name === "by_id" || name === "by_creation_time";
    if (isReserved && !name.startsWith("_fivetran")) {
      throw new DeveloperError(
        "IndexNameReserved",
        `In table "${tableName}" cannot name an index "${name}" because the name is reserved. Indexes may not start with an underscore or be named "by_id" or "by_creation_time".`,
      );
    }
    if (seen.has(name)) {
      throw new DeveloperError(
        "IndexNamesNotUnique",
        `Table "${tableName}" has two or more definitions of index "${name}".`,
      );
    }
    seen.add(name);
  }
}

/**
 * Ends a database index with `_creationTime`, as every one does; it counts as a field, so 15 are left
 * (`_validate_user_defined_index_fields`).
 * @param {IndexDefinition} definition
 * @returns {IndexDefinition}
 */
export function withCreationTime(definition) {
  if (definition.spec.type !== "database") return definition;
  const { fields } = definition.spec;
  if (fields.includes("_creationTime")) {
    throw new DeveloperError(
      "IndexFieldsContainCreationTime",
      "`_creationTime` is automatically added to the end of each index. It should not be added explicitly in the index definition. See https://docs.convex.dev/using/indexes for more details.",
    );
  }
  if (fields.some((field) => field.split(".").some((part) => part.startsWith("_")))) {
    throw new DeveloperError(
      "IndexFieldNameReserved",
      "Reserved fields (starting with `_`) are not allowed in indexes.",
    );
  }
  const all = [...fields, "_creationTime"];
  checkIndexedFields(all);
  return { ...definition, spec: { type: "database", fields: all } };
}

/** Fields that must exist in documents: all but the filters of vector indexes (`fields_referenced_in_indexes`). */
export function fieldsOf({ spec }) {
  if (spec.type === "database") return spec.fields;
  if (spec.type === "search") return [spec.searchField, ...spec.filterFields];
  return [spec.vectorField];
}

/** An index in the JSON of a stored schema. */
function exportIndex({ name, spec: { type, ...parts } }) {
  return { indexDescriptor: name, ...parts, ...(type === "vector" ? { dimension: null } : {}) };
}

/** The indexes of a table in the JSON of a stored schema. @param {IndexDefinition[]} definitions */
export function exportIndexes(definitions) {
  const listOf = ({ type, staged }) =>
    definitions.filter((one) => one.spec.type === type && one.staged === staged).map(exportIndex);
  return Object.fromEntries(KINDS.map((kind) => [kind.key, listOf(kind)]));
}
