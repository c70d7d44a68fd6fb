/**
 * The text of generated TypeScript: official tools accept it, whatever the names and values of a database are.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { messagingProject, temporaryFolder } from "../harness/index.mjs";
import { checkFormat, checkTypes, checkTypeScript, newProject } from "./check.mjs";
import { messaging } from "./messaging.mjs";
import { functionsText, schemaText, writeProject } from "./write.mjs";

const example = messagingProject("generated");
const root = temporaryFolder("convex-text");

/** A folder with the pair of files for these tables. */
function project(tables, { database = "test", keyField = "supabaseId" } = {}) {
  const folder = mkdtempSync(`${root}/project.`);
  writeProject(folder, { database, keyField, tables });
  return folder;
}

/** A copy of the example in which a text of a file is another. */
function changed(file, from, to) {
  const folder = mkdtempSync(`${root}/changed.`);
  for (const name of ["schema.ts", "migrate.ts"]) copyFileSync(`${example}/${name}`, `${folder}/${name}`);
  const text = readFileSync(`${example}/${file}`, "utf8");
  assert.ok(text.includes(from), from);
  writeFileSync(`${folder}/${file}`, text.replace(from, to));
  return folder;
}

test("the example passes type checker, linter and formatter", async () => {
  assert.deepEqual(await checkTypeScript(example), []);
});

test("the example is what the rules make of its tables", () => {
  assert.equal(readFileSync(`${example}/schema.ts`, "utf8"), schemaText(messaging));
  assert.equal(readFileSync(`${example}/migrate.ts`, "utf8"), functionsText(messaging));
});

test("a field that the schema does not have is an error of the type checker", async () => {
  const folder = changed("schema.ts", "    lead_score: v.number(),\n", "");
  assert.match((await checkTypeScript(folder)).join("\n"), /convex\/migrate\.ts.*"lead_score"/);
});

test("the linter and the formatter look at the files", async () => {
  const twice = changed(
    "schema.ts",
    '    .index("by_slug", ["slug"])',
    '    .index("by_slug", ["slug"])\n    .index("by_s", ["slug"])',
  );
  assert.match((await checkTypeScript(twice)).join("\n"), /@convex-dev\/no-duplicate-indexes/);
  const implicit = changed("migrate.ts", "ctx.db.delete(table, convexId)", "ctx.db.delete(convexId)");
  assert.match((await checkTypeScript(implicit)).join("\n"), /@convex-dev\/explicit-table-ids/);
  const wide = changed("migrate.ts", "args: {},", "args: { },");
  assert.match((await checkTypeScript(wide)).join("\n"), /prettier/);
});

test("an app adds fields, indexes and tables to the schema", async () => {
  const text = readFileSync(`${example}/schema.ts`, "utf8")
    .replace("    tags: v.array(v.string()),\n", "$&    avatar: v.optional(v.string()),\n    rank: v.number(),\n")
    .replace(
      "export const tables = {\n",
      "$&  drafts: defineTable({ text: v.string() }),\n  notes: defineTable(v.union(v.object({}), v.any())),\n",
    )
    .replace("defineSchema(tables)", "defineSchema({\n  ...tables,\n  settings: defineTable(v.any()),\n})");
  assert.deepEqual(await checkTypeScript(changed("schema.ts", readFileSync(`${example}/schema.ts`, "utf8"), text)), []);
});

test("names of any length, and words of TypeScript", async () => {
  const validators = [
    ["string"],
    ["optional", ["string"]],
    ["optional", ["array", ["number"]]],
    ["id", "class"],
    ["optional", ["id", "n".repeat(57)]],
    ["id", "n".repeat(57)],
    ["union", ["literal", "one"], ["literal", "two"]],
    ["optional", ["union", ["id", "class"], ["string"]]],
    ["optional", ["union", ["union", ["literal", "x".repeat(30)], ["literal", "y".repeat(30)]], ["null"]]],
  ];
  const fields = Object.fromEntries(
    validators.flatMap((validator, kind) =>
      Array.from({ length: 64 - 1 }, (_, n) => [`f${kind}${"n".repeat(n)}`, validator]),
    ),
  );
  const tables = Array.from({ length: 57 }, (_, n) => ({ name: "n".repeat(n + 1), fields: { name: ["string"] } }));
  tables[20].indexes = Array.from({ length: 30 }, (_, n) => ["name", "x".repeat(n + 1)]);
  tables[20].fields = {
    name: ["string"],
    ...Object.fromEntries(tables[20].indexes.map(([, field]) => [field, ["number"]])),
  };
  const words = ["class", "default", "delete", "constructor", "toString", "v", "tables"].map((name) => ({
    name,
    fields: { [name]: ["string"] },
  }));
  assert.deepEqual(
    await checkTypeScript(project([...tables, ...words, { name: "empty", fields: {} }, { name: "many", fields }])),
    [],
  );
});

test("key fields of any length", async () => {
  const folder = newProject();
  for (let length = 1; length <= 61; length += 1) {
    writeProject(`${folder}/convex`, {
      database: "test",
      keyField: "k".repeat(length),
      tables: [{ name: "items", fields: {} }],
    });
    assert.deepEqual(await checkFormat(folder), [], `${length} characters`);
  }
});

test("texts of any characters", async () => {
  const texts = [
    "it's",
    'say "hi"',
    `both " and '`,
    `more '' than "`,
    "back\\slash",
    "two\nlines",
    "tab\t, bell\u0007",
    "\u2028",
    "größe",
    "日本語".repeat(9),
    "${x}",
    "`",
    "*/",
    "//",
    "",
    "😀",
  ];
  const comment = "One line.\n\n  Another */ \r\nand \u2028 a third; `${x}` \\u0041 ";
  const tables = [
    {
      name: "items",
      comment,
      unique: [["kind"]],
      leftOut: ["index odd\nname (hash)"],
      comments: { kind: comment, supabaseId: comment },
      fields: {
        kind: ["union", ...texts.map((text) => ["literal", text])],
        rest: ["optional", ["union", ["literal", texts[9]], ["literal", texts[9] + 9]]],
      },
    },
  ];
  const folder = project(tables, { database: "odd */\n name" });
  assert.deepEqual(await checkTypeScript(folder), []);
  const { stdout, union } = await literalsOf(folder);
  assert.deepEqual(union, texts, stdout);
});

/** The texts that `kind` of the table "items" may be, as the schema has them when it runs. */
async function literalsOf(folder) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: { contents: `export { tables } from "${folder}/schema.ts";`, resolveDir: folder },
    bundle: true,
    write: false,
    format: "esm",
    nodePaths: [new URL("../node_modules", import.meta.url).pathname],
  });
  const { tables } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  return { union: tables.items.validator.fields.kind.members.map(({ value }) => value) };
}

test("200 tables are type-checked in seconds", async (t) => {
  const column = (n) => [`column_${n}`, n % 3 === 0 ? ["optional", ["string"]] : ["number"]];
  const tables = Array.from({ length: 200 }, (_, n) => ({
    name: `table${n}`,
    fields: {
      parent_id: ["id", `table${n >> 1}`],
      ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => column(i))),
    },
    indexes: [["parent_id"], ["column_1", "column_2"]],
  }));
  const folder = newProject();
  writeProject(`${folder}/convex`, { database: "large", keyField: "supabaseId", tables });
  const began = performance.now();
  assert.deepEqual(await checkTypes(folder), []);
  t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s`);
});
