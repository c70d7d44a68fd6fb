/**
 * The schema of a deployment: `schema.ts` as exported JSON, checked by the rules
 * of crates/common/src/schemas/json.rs and
 * crates/common/src/bootstrap_model/index/index_validation_error.rs.
 */
import { DeveloperError } from "./errors.mjs";
import { MAX_INDEX_FIELDS, MAX_INDEXES_PER_TABLE } from "./limits.mjs";
import { checkIdentifier, parseFieldPath } from "./names.mjs";
import { canContainField, checkValue, displayValidator, parseValidator } from "./validators.mjs";

/**
 * @typedef {{name: string, fields: string[]}} IndexDefinition
 * @typedef {{name: string, indexes: IndexDefinition[], documentType: import("./validators.mjs").Validator}} TableDefinition
 * @typedef {{tables: Map<string, TableDefinition>, schemaValidation: boolean, json: string}} Schema
 */

/** The schema of a deployment that has no schema.ts. */
export function emptySchema() {
  return { tables: new Map(), schemaValidation: false, json: undefined };
}

/**
 * @param {string} json what `schema.export()` gives
 * @returns {Schema}
 * @throws {DeveloperError} naming the table and index that is wrong
 */
export function parseSchema(json) {
  const { tables, schemaValidation = false } = JSON.parse(json);
  const sorted = [...tables].sort((a, b) => (a.tableName < b.tableName ? -1 : 1));
  const parsed = new Map(sorted.map((table) => [table.tableName, parseTable(table)]));
  if (schemaValidation) [...parsed.values()].forEach(checkIndexedFieldsExist);
  return { tables: parsed, schemaValidation, json: storedJson(sorted, schemaValidation) };
}

/** The schema as the server stores and shows it: every index ends with `_creationTime`. */
function storedJson(tables, schemaValidation) {
  const withCreationTime = (indexes = []) =>
    indexes.map((index) => ({ ...index, fields: [...index.fields, "_creationTime"] }));
  return JSON.stringify({
    tables: tables.map((table) => ({
      tableName: table.tableName,
      indexes: withCreationTime(table.indexes),
      stagedDbIndexes: withCreationTime(table.stagedDbIndexes),
      searchIndexes: table.searchIndexes ?? [],
      stagedSearchIndexes: table.stagedSearchIndexes ?? [],
      vectorIndexes: table.vectorIndexes ?? [],
      stagedVectorIndexes: table.stagedVectorIndexes ?? [],
      documentType: table.documentType,
    })),
    schemaValidation,
  });
}

function parseTable(table) {
  const name = table.tableName;
  checkTableName(name);
  const stagedIndexes = table.stagedDbIndexes ?? [];
  const searchIndexes = [...(table.searchIndexes ?? []), ...(table.stagedSearchIndexes ?? [])];
  const vectorIndexes = [...(table.vectorIndexes ?? []), ...(table.stagedVectorIndexes ?? [])];
  const all = [...table.indexes, ...stagedIndexes, ...searchIndexes, ...vectorIndexes];
  if (all.length > MAX_INDEXES_PER_TABLE) {
    throw new DeveloperError(
      "TooManyIndexes",
      `Table "${name}" cannot have more than ${MAX_INDEXES_PER_TABLE} indexes.`,
    );
  }
  [...table.indexes, ...stagedIndexes].forEach((index) => checkIndex(name, index));
  checkIndexesDiffer(name, [...table.indexes, ...stagedIndexes]);
  checkIndexNames(name, all);
  return {
    name,
    // Staged, search and vector indexes cannot be queried here: only their definitions are checked.
    indexes: table.indexes.map((index) => ({ name: index.indexDescriptor, fields: index.fields })),
    documentType: parseDocumentType(table.documentType),
  };
}

/** Rules for the name of a table in a schema. */
function checkTableName(name) {
  try {
    checkIdentifier(name);
  } catch {
    throw new DeveloperError(
      "InvalidTableName",
      `Invalid table name: "${name}". Identifiers must start with a letter and can only contain letters, digits, and underscores.`,
    );
  }
  if (name.startsWith("_"))
    throw new DeveloperError("TableNameReserved", `${name} is a reserved table name.`);
}

function checkIndex(tableName, { indexDescriptor, fields }) {
  if (fields.length === 0) {
    throw new DeveloperError(
      "EmptyIndex",
      `In table "${tableName}" index "${indexDescriptor}" must have at least one field.`,
    );
  }
  const refuse = (code, message) => {
    throw new DeveloperError(code, `In table "${tableName}": In index "${indexDescriptor}": ${message}`);
  };
  // The `_creationTime` that the server appends counts, so 15 fields are left (crates/application/src/lib.rs).
  if (fields.length + 1 > MAX_INDEX_FIELDS) {
    refuse("IndexTooManyFields", `Indexes may have up to ${MAX_INDEX_FIELDS} fields.`);
  }
  fields.forEach((field, position) => {
    try {
      parseFieldPath(field);
    } catch {
      refuse("InvalidIndexField", `Invalid index field: "${field}"`);
    }
    if (field === "_id") {
      refuse(
        "IndexFieldsContainId",
        "`_id` is not a valid index field. To load documents by ID, use `db.get(id)`.",
      );
    }
    if (field === "_creationTime") {
      refuse(
        "IndexFieldsContainCreationTime",
        "`_creationTime` is automatically added to the end of each index. It should not be added explicitly in the index definition. See https://docs.convex.dev/using/indexes for more details.",
      );
    }
    if (field.startsWith("_")) {
      refuse("IndexFieldNameReserved", "Reserved fields (starting with `_`) are not allowed in indexes.");
    }
    if (fields.indexOf(field) !== position) {
      refuse(
        "FieldsNotUniqueWithinIndex",
        `Duplicate field "${field}". Index fields must be unique within an index.`,
      );
    }
  });
}

function checkIndexesDiffer(tableName, indexes) {
  const seen = new Map();
  for (const { indexDescriptor, fields } of indexes) {
    const key = JSON.stringify(fields);
    if (seen.has(key)) {
      throw new DeveloperError(
        "IndexNotUnique",
        `In table "${tableName}" index "${indexDescriptor}" and index "${seen.get(key)}" have the same fields. Indexes must be unique within a table.`,
      );
    }
    seen.set(key, indexDescriptor);
  }
}

function checkIndexNames(tableName, indexes) {
  const seen = new Set();
  for (const { indexDescriptor: name } of indexes) {
    try {
      checkIdentifier(name);
    } catch {
      throw new DeveloperError(
        "InvalidIndexName",
        `Invalid index name: "${name}". Identifiers must be 64 characters or less, start with a letter, and only contain letters, digits, underscores.`,
      );
    }
    if (name.startsWith("_") || name === "by_id" || name === "by_creation_time") {
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

/** A document is an object, a union of objects, or anything; system fields of the validator are ignored. */
function parseDocumentType(json) {
  if (json === undefined || json === null) return { kind: "any" };
  const validator = parseValidator(json);
  if (validator.kind === "any") return validator;
  const cases = validator.kind === "union" ? validator.cases : [validator];
  const wrong = cases.find((option) => option.kind !== "object");
  if (wrong !== undefined) {
    throw new DeveloperError(
      "InvalidTopLevelTypeInSchemaError",
      `The document validator in a schema must be an object, a union of objects, or \`v.any()\`. Found ${displayValidator(wrong)}. To learn more, see the schema documentation at https://docs.convex.dev/database/schemas.`,
    );
  }
  const userFields = ({ fields }) => new Map([...fields].filter(([name]) => !name.startsWith("_")));
  return { kind: "union", cases: cases.map((option) => ({ kind: "object", fields: userFields(option) })) };
}

function checkIndexedFieldsExist(table) {
  for (const index of table.indexes) {
    for (const field of index.fields) {
      const path = parseFieldPath(field);
      const isSystemField = path.length === 1 && field.startsWith("_");
      if (!isSystemField && !canContainField(table.documentType, path)) {
        throw new DeveloperError(
          "SchemaDefinitionError",
          `In table "${table.name}" the index "${index.name}" is invalid because it references the field "${field}" that does not exist.`,
        );
      }
    }
  }
}

/**
 * Checks a document against its table's definition.
 * @param {Schema} schema
 * @param {string} tableName
 * @param {Record<string, unknown>} body canonical, without system fields
 * @param {(tableNumber: number) => string | undefined} tableNameOf
 * @returns {string | undefined} why it does not match
 */
export function checkDocument(schema, tableName, body, tableNameOf) {
  if (!schema.schemaValidation) return undefined;
  const table = schema.tables.get(tableName);
  return table && checkValue(table.documentType, body, tableNameOf)?.toText();
}
