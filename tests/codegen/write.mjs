/**
 * The rules of convex_schema() and convex_functions() as code: from a description of tables to the text of schema.ts
 * and migrate.ts. The fixed part of migrate.ts is that of the example (tests/messaging/generated).
 *
 *   writeProject(folder, {
 *     database: "shop", keyField: "supabaseId",
 *     tables: [{
 *       name: "orders",                                  // in the order of convex_plan()
 *       comment: "What people bought",                   // COMMENT ON, optional
 *       fields: { user_id: ["id", "users"], note: ["optional", ["string"]] },
 *       comments: { note: "Printed on the parcel" },     // by field
 *       unique: [["number"]],                            // unique in Postgres
 *       leftOut: ["index orders_tags_idx (gin)"],
 *       indexes: [["user_id"], ["user_id", "note"]],     // foreign keys, then indexes
 *     }],
 *   })
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { comments, flat, list, property, quoted } from "./text.mjs";

const example = (file) => readFileSync(new URL(`../messaging/generated/convex/${file}`, import.meta.url), "utf8");

/** @returns {string} the text of schema.ts */
export function schemaText({ database, keyField, tables }) {
  const head = example("schema.ts").split("export const tables")[0];
  const entries = tables.map((table) => tableText(table, keyField)).join("\n");
  return `${named(head, database).replace('"supabaseId"', quoted(keyField))}export const tables = {
${entries}};

export default defineSchema(tables);
`;
}

function tableText(
  { name, comment, fields, comments: fieldComments = {}, unique = [], leftOut = [], indexes = [] },
  keyField,
) {
  const all = { [keyField]: ["string"], ...fields };
  return [
    comment === undefined ? "" : comments(2, comment),
    ...unique.map((names) => comments(2, `Unique in Postgres: ${names.join(", ")}.`)),
    ...leftOut.map((what) => comments(2, `Left out: ${what}.`)),
    `  ${name}: defineTable({\n`,
    ...Object.entries(all).map(([field, validator]) => {
      const said = Object.hasOwn(fieldComments, field) ? comments(4, fieldComments[field]) : "";
      return said + property(4, field, validator);
    }),
    indexText(needed([[keyField], ...indexes])),
  ].join("");
}

/** Without those that begin another one: that one serves the same queries. */
function needed(indexes) {
  const begins = (one, other) => one.every((field, i) => field === other[i]);
  return indexes.filter((one, i) => {
    return !indexes.some((other, j) => j !== i && begins(one, other) && (other.length > one.length || j < i));
  });
}

function indexText(indexes) {
  const call = (fields) => `.index(${quoted(`by_${fields.join("_and_")}`)}, `;
  if (indexes.length === 1) return list(2, `})${call(indexes[0])}`, indexes[0], "),");
  const lines = indexes.map((fields, i) => list(4, call(fields), fields, i === indexes.length - 1 ? ")," : ")"));
  return `  })\n${lines.join("")}`;
}

/** @returns {string} the text of migrate.ts */
export function functionsText({ database, keyField, tables }) {
  const sourceFields = tables.map(({ name, fields }) => list(2, `${name}: `, Object.keys(fields), ","));
  const functions = tables.map(({ name }) => functionText(name));
  return named(example("migrate.ts"), database)
    .replace(/const KEY_FIELD = .*\n/, () => keyText(keyField))
    .replace(/(const sourceFields = \{\n)[^]*?(\} satisfies)/, (_, head, tail) => head + sourceFields.join("") + tail)
    .replace(/(fingerprint: ").*(")/, (_, head, tail) => head + fingerprint(keyField, tables) + tail)
    .replace(/(export const migrate.*\n)+$/, () => functions.join(""));
}

/** The text with its line of the database's name, which may hold anything. */
function named(text, database) {
  return text.replace(/\/\/ Database: .*\n/, () => comments(0, `Database: ${database}`));
}

function keyText(keyField) {
  const line = `const KEY_FIELD = ${quoted(keyField)};\n`;
  return line.length <= 81 ? line : line.replace(" = ", " =\n  ");
}

function functionText(name) {
  const head = `export const migrate${name[0].toUpperCase()}${name.slice(1)} =`;
  const table = quoted(name);
  if (`${head} upserts(${table});`.length <= 80) return `${head} upserts(${table});\n`;
  if (`${head} upserts(`.length <= 80) return `${head} upserts(\n  ${table},\n);\n`;
  return `${head}\n  upserts(${table});\n`;
}

/** Says for which tables, fields and validators functions were written; comments and indexes do not count. */
function fingerprint(keyField, tables) {
  const lines = tables.flatMap(({ name, fields }) =>
    Object.entries(fields).map(([field, validator]) => `${name}.${field}: ${flat(validator)}\n`),
  );
  return createHash("sha256")
    .update([`${keyField}\n`, ...lines].join(""))
    .digest("hex")
    .slice(0, 16);
}

/** Writes both files into a folder, which is made if it is not there. */
export function writeProject(folder, description) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/schema.ts`, schemaText(description));
  writeFileSync(`${folder}/migrate.ts`, functionsText(description));
}
