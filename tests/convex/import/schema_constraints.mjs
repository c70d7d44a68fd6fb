/**
 * What must hold of schemas when an import ends: rows were checked against those of its beginning
 * (crates/application/src/snapshot_import/schema_constraints.rs).
 */
import { DeveloperError } from "../errors.mjs";

/** The schemas of a moment, to be compared with those of another. @param {import("../database.mjs").Database} database */
export function schemasOf({ schema, schemaInProgress }) {
  return {
    active: schema.json === undefined ? undefined : schema,
    inProgress: schemaInProgress?.isInProgress ? schemaInProgress : undefined,
    state: schemaInProgress?.isInProgress ? schemaInProgress.state : undefined,
  };
}

/**
 * @param {ReturnType<typeof schemasOf>} initial
 * @param {import("../table.mjs").Table[]} imported
 * @param {(table: import("../table.mjs").Table) => boolean} stays whether an active table is there afterwards
 * @param {import("../database.mjs").Database} database
 * @throws {DeveloperError} ImportSchemaChanged, ImportForeignKey
 */
export function checkSchemas(initial, imported, stays, database) {
  const final = schemasOf(database);
  if (Object.keys(final).some((name) => final[name] !== initial[name]))
    throw new DeveloperError(
      "ImportSchemaChanged",
      "Could not complete import because schema changed. Avoid modifying schema.ts while importing tables",
    );
  for (const schema of [initial.active, initial.inProgress?.schema])
    for (const definition of schema?.tables.values() ?? [])
      checkReferences(definition, imported, stays, database);
}

/** A table that is not imported, has documents and points to one whose number changes. */
function checkReferences({ name, documentType }, imported, stays, database) {
  if (imported.some((table) => table.name === name)) return;
  const referring = database.table(name);
  if (referring === undefined || referring.size === 0 || !stays(referring)) return;
  for (const target of referencedTables(documentType)) {
    const next = imported.find((table) => table.name === target);
    const existing = database.table(target);
    if (next === undefined || existing === undefined || existing.number === next.number) continue;
    throw new DeveloperError(
      "ImportForeignKey",
      `Import changes table '${target}' which is referenced by '${name}' in the schema`,
    );
  }
}

/** Tables that a validator names. @param {import("../validators.mjs").Validator} validator @returns {Set<string>} */
function referencedTables(validator) {
  const { kind, tableName, element, keys, values, fields = new Map(), cases = [] } = validator;
  const inner = [element, keys, values, ...[...fields.values()].map((field) => field.validator), ...cases];
  const found = inner.filter((one) => one !== undefined).flatMap((one) => [...referencedTables(one)]);
  return new Set(kind === "id" ? [tableName, ...found] : found);
}
