/**
 * The text that convex_schema() and convex_functions() print: official tools accept it, whatever the names and values
 * of a database are.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import pg from "pg";
import {
  generate, loadMessaging, messagingProject, prepareDatabase, startCluster, temporaryFolder,
} from "../harness/index.mjs";
import { checkFormatOf, checkTypesOf, checkTypeScript } from "./check.mjs";
import { largeTables, literalTexts, oddNames, oddTexts } from "./databases.mjs";

const example = messagingProject("generated");
const root = temporaryFolder("convex-text");

let cluster;
/** What the tools say of all folders below, by their names. */
let problems;
let folders;

before(async () => {
  cluster = await startCluster();
  folders = { example, ...changedExamples(), ...(await generatedFolders()) };
  problems = await checkTypeScript(folders);
});

after(() => cluster?.stop());

/** A database with these tables and a server, as a connection. */
async function open(database, sql, options) {
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  const client = await cluster.connect({ database });
  await client.query(sql);
  await prepareDatabase(client, { url: "http://127.0.0.1:1", deployKey: "dev:nowhere|key" }, options);
  return client;
}

async function generatedFolders() {
  const names = await generate(await open("names", oddNames([1, 30, 63])));
  const texts = await open("odd */ \u2028 name", oddTexts());
  await texts.query("ALTER SERVER convex OPTIONS (ADD functions 'admin/once/migrate')");
  const inFolders = await generate(texts, { module: "admin/once/migrate" });
  await texts.query("ALTER SERVER convex OPTIONS (DROP functions)");
  const many = await open("many", manyTables);
  return {
    names, texts: await generate(texts), "a module in folders": inFolders,
    many: await generate(many), "many, wide": await generateWide(many),
  };
}

/** More tables than are written as properties: with one index, with several, and with one that takes lines. */
const manyTables = Array.from({ length: 101 }, (_, n) => `
  CREATE TABLE many_${n} (id int PRIMARY KEY, parent int REFERENCES many_${n >> 1}, ${"long".repeat(12)} text, labels text[], data jsonb);
  ${["", `CREATE INDEX ON many_${n} (${"long".repeat(12)}, parent);`, `COMMENT ON TABLE many_${n} IS 'n';`][n % 3]}`).join("");

async function generateWide(client) {
  const folder = await generate(client);
  const { rows: [{ text }] } = await client.query("SELECT public.convex_schema(wide => true) AS text");
  writeFileSync(`${folder}/schema.ts`, `${text}\n`);
  return folder;
}

/** Copies of the example in which a text of a file is another. */
function changedExamples() {
  const added = readFileSync(`${example}/schema.ts`, "utf8")
    .replace("    tags: v.array(v.string()),\n", "$&    avatar: v.optional(v.string()),\n    rank: v.number(),\n")
    .replace(
      "export const tables = {\n",
      "$&  drafts: defineTable({ text: v.string() }),\n  notes: defineTable(v.union(v.object({}), v.any())),\n",
    )
    .replace("defineSchema(tables)", "defineSchema({\n  ...tables,\n  settings: defineTable(v.any()),\n})");
  return {
    "a field less": changed("schema.ts", "    lead_score: v.number(),\n", ""),
    "an index twice": changed("schema.ts", '.index("by_slug", ["slug"])', '$&.index("by_s", ["slug"])'),
    "an id alone": changed("migrate.ts", "ctx.db.delete(table, stored._id)", "ctx.db.delete(stored._id)"),
    "a space": changed("migrate.ts", "args: {},", "args: { },"),
    "what the app added": changed("schema.ts", /[^]*/, () => added),
  };
}

function changed(file, from, to) {
  const folder = mkdtempSync(`${root}/changed.`);
  for (const name of ["schema.ts", "migrate.ts"]) copyFileSync(`${example}/${name}`, `${folder}/${name}`);
  const text = readFileSync(`${example}/${file}`, "utf8");
  const other = text.replace(from, to);
  assert.notEqual(other, text, file);
  writeFileSync(`${folder}/${file}`, other);
  return folder;
}

test("the example is what the extension prints for it, and passes type checker, linter and formatter", async () => {
  const administrator = await cluster.connect();
  await administrator.query("CREATE DATABASE messaging");
  await loadMessaging(cluster, { database: "messaging", sizes: { contacts: 1, conversations: 1, messages: 1, notes: 1 } });
  const client = await cluster.connect({ database: "messaging" });
  await prepareDatabase(client, { url: "http://127.0.0.1:1", deployKey: "dev:nowhere|key" });
  const printed = await generate(client);
  for (const file of ["schema.ts", "migrate.ts"])
    assert.equal(readFileSync(`${printed}/${file}`, "utf8"), readFileSync(`${example}/${file}`, "utf8"));
  assert.equal(problems.example, undefined);
});

test("a field that the schema does not have is an error of the type checker", () => {
  assert.match(problems["a field less"].join("\n"), /convex\/migrate\.ts.*"lead_score"/);
});

test("the linter and the formatter look at the files", () => {
  assert.match(problems["an index twice"].join("\n"), /@convex-dev\/no-duplicate-indexes/);
  assert.match(problems["an id alone"].join("\n"), /@convex-dev\/explicit-table-ids/);
  assert.match(problems["a space"].join("\n"), /prettier/);
});

test("an app adds fields, indexes and tables to the schema", () => {
  assert.equal(problems["what the app added"], undefined);
});

test("names of any length, and words of TypeScript", async () => {
  assert.equal(problems.names, undefined);
  const client = await open("lengths", oddNames());
  const plain = await generate(client);
  await client.query("ALTER SERVER convex OPTIONS (ADD nulls 'null', ADD orphans 'keep')");
  assert.deepEqual(await checkFormatOf({ plain, "nulls and orphans": await generate(client) }), {});
});

test("key fields of any length", async () => {
  const client = await open("keys", "CREATE TABLE items (id int PRIMARY KEY, name text)", { key_field: "k" });
  const byLength = {};
  // those at which lines are broken, and the longest
  for (const length of [1, 25, 26, 27, 28, 29, 30, 31, 55, 56, 57, 58, 59, 60, 61]) {
    await client.query(`ALTER SERVER convex OPTIONS (SET key_field '${"k".repeat(length)}')`);
    byLength[length] = await generate(client);
  }
  assert.deepEqual(await checkFormatOf(byLength), {});
});

test("a module in folders imports the schema from above them", () => {
  assert.equal(problems["a module in folders"], undefined);
});

test("texts of any characters", async () => {
  assert.equal(problems.texts, undefined);
  const { kind, mood, label } = await literalsOf(folders.texts);
  assert.deepEqual(kind, literalTexts);
  assert.deepEqual(mood, literalTexts.filter((text) => Buffer.byteLength(text) < 64));
  assert.deepEqual(label, ["a", "b"]);
});

/** The texts that fields of table "items" may be, as the schema has them when it runs. */
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
  const unions = Object.entries(tables.items.validator.fields).filter(([, { kind }]) => kind === "union");
  return Object.fromEntries(unions.map(([field, { members }]) => [field, members.map(({ value }) => value)]));
}

test("each of many tables is made when it is asked for", () => {
  assert.deepEqual([problems.many, problems["many, wide"]], [undefined, undefined]);
  const text = readFileSync(`${folders.many}/schema.ts`, "utf8");
  assert.equal(text.match(/^  get many\w+\(\) \{$/gm).length, 101);
  assert.doesNotMatch(readFileSync(`${folders.names}/schema.ts`, "utf8"), /^  get /m);
});

test("200 tables are type-checked in seconds", async (t) => {
  const client = await open("large", largeTables(200));
  const large = await generate(client);
  const began = performance.now();
  assert.deepEqual(await checkTypesOf({ large }), {});
  t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s`);
});
