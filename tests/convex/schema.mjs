/**
 * The schema of a deployment: `schema.ts` as exported JSON, checked by the rules
 * of crates/common/src/schemas/json.rs. Indexes are in index_definitions.mjs.
 */
import { DeveloperError } from "./errors.mjs";
import { exportIndexes, fieldsOf, parseIndexes, withCreationTime } from "./index_definitions.mjs";
import { checkIdentifier, parseFieldPath } from "./names.mjs";
import { canBeVector, canContainField, checkValue, displayValidator, parseValidator } from "./validators.mjs";

/**
 * @typedef {import("./index_definitions.mjs").IndexDefinition} IndexDefinition
 * @typedef {{name: string, indexes: IndexDefinition[], documentType: import("./validators.mjs").Validator}} TableDefinition
 * @typedef {{tables: Map<string, TableDefinition>, schemaValidation: boolean, json: string | undefined}} Schema
 *   `json` is the same text for the same schema
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
  // All tables are read before what is checked across them.
  const parsed = tables.map(parseTable).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const table of parsed) table.indexes = table.indexes.map(withCreationTime);
  if (schemaValidation) parsed.forEach(checkIndexedFields);
  const documentTypes = new Map(tables.map((table) => [table.tableName, table.documentType ?? null]));
  return {
    tables: new Map(parsed.map((table) => [table.name, table])),
    schemaValidation,
    json: storedJson(parsed, documentTypes, schemaValidation),
  };
}

/** The schema as the server stores and shows it: every database index ends with `_creationTime`. */
function storedJson(tables, documentTypes, schemaValidation) {
  const stored = tables.map(({ name, indexes }) => ({
    tableName: name,
    ...exportIndexes(indexes),
    documentType: sortMembers(documentTypes.get(name)),
  }));
  return JSON.stringify({ tables: stored, schemaValidation });
}

function sortMembers(json) {
  if (Array.isArray(json)) return json.map(sortMembers);
  if (typeof json !== "object" || json === null) return json;
  const names = Object.keys(json).sort();
  return Object.fromEntries(names.map((name) => [name, sortMembers(json[name])]));
}

function parseTable(table) {
  const documentType = parseDocumentType(table.documentType);
  const name = table.tableName;
  checkTableName(name);
  return { name, indexes: parseIndexes(name, table), documentType };
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

/** Whether documents can have what indexes refer to (`check_index_references`, crates/common/src/schemas/mod.rs). */
function checkIndexedFields({ name, indexes, documentType }) {
  const refuse = (message) => {
    throw new DeveloperError("SchemaDefinitionError", `In table "${name}" the ${message}`);
  };
  for (const index of indexes) {
    const missing = fieldsOf(index).find((field) => !canHaveField(documentType, field));
    if (missing === undefined) continue;
    refuse(
      `index "${index.name}" is invalid because it references the field "${missing}" that does not exist.`,
    );
  }
  for (const { name: indexName, spec } of indexes) {
    if (spec.type !== "vector" || canBeVector(documentType, parseFieldPath(spec.vectorField))) continue;
    refuse(
      `vector index "${indexName}" is invalid because it references the field "${spec.vectorField}" that is neither an array of float64 or optional array of float64.`,
    );
  }
}

function canHaveField(documentType, field) {
  const path = parseFieldPath(field);
  const isSystemField = path.length === 1 && field.startsWith("_");
  return isSystemField || canContainField(documentType, path);
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
