/**
 * Convex projects for tests that have tables of their own: a `convex/` folder
 * in a temporary place, gone when the test process ends.
 *
 *   startConvex({ functions: insertsInto(["parents", "children"]) })
 *   startConvex({ functions: upsertsInto(["items"]) })
 *   startConvex({ functions: writeFunctions(`export const migrateItems = …`) })
 */
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./process.mjs";

const records = fileURLToPath(new URL("./records.ts", import.meta.url));

/** Holds the projects of this process. */
const root = temporaryFolder("convex-functions");

/**
 * A folder with these functions. They may import `inserts`, `upserts` and `completes` from "./records".
 * @param {string} migrate text of migrate.ts
 * @param {{ schema?: string }} [options] text of schema.ts; without it documents of any form are taken
 * @returns {string} its path
 */
export function writeFunctions(migrate, { schema } = {}) {
  const folder = mkdtempSync(`${root}/project.`);
  copyFileSync(records, `${folder}/records.ts`);
  writeFileSync(`${folder}/migrate.ts`, migrate);
  if (schema !== undefined) writeFileSync(`${folder}/schema.ts`, schema);
  return folder;
}

/**
 * Plain inserts for these Convex tables.
 * @param {string[]} tables
 * @returns {string} path of the folder
 */
export function insertsInto(tables) {
  return writeFunctions(migrateModule("inserts", tables));
}

/**
 * Upserts by the old key for these Convex tables, and the function of the second pass.
 * @param {string[]} tables
 * @returns {string} path of the folder
 */
export function upsertsInto(tables) {
  const definitions = tables.map((table) => `${table}: defineTable(v.any()).index("by_supabaseId", ["supabaseId"]),`);
  const schema = `
    import { defineSchema, defineTable } from "convex/server";
    import { v } from "convex/values";
    export default defineSchema({ ${definitions.join("\n")} });`;
  return writeFunctions(migrateModule("upserts", tables), { schema });
}

function migrateModule(kind, tables) {
  const functions = tables.map((table) =>
    `export const migrate${table[0].toUpperCase()}${table.slice(1)} = ${kind}(${JSON.stringify(table)});`);
  return `
    import { completes, ${kind} } from "./records";
    ${functions.join("\n")}
    export const complete = completes();`;
}
