/** The official command line tool deploys to a deployment that began empty. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { deploy } from "../../harness/deploy.mjs";
import { startLocalConvex } from "../index.mjs";
import { post, run, runError } from "./helpers.mjs";

const SCHEMA = `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  items: defineTable({ name: v.string(), count: v.optional(v.number()) }).index("by_name", ["name"]),
});
`;
const SHARED = `export function shout(name: string) {
  if (name === "bad") throw new Error("no such name");
  return name.toUpperCase();
}
`;
const MIGRATE = `import { v } from "convex/values";
import { internalMutation, query } from "./_generated/server";
import { shout } from "./lib/shared";
export const add = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => await ctx.db.insert("items", { name: shout(name) }),
});
export const find = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) =>
    await ctx.db.query("items").withIndex("by_name", (q) => q.eq("name", name)).collect(),
});
`;
const FILES = { "schema.ts": SCHEMA, "migrate.ts": MIGRATE, "lib/shared.ts": SHARED };
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "ES2022",
    lib: ["ES2022", "DOM"],
    module: "ESNext",
    moduleResolution: "Bundler",
    skipLibCheck: true,
    types: [],
  },
  include: ["./**/*"],
});

const root = await mkdtemp(path.join(tmpdir(), "convex-projects-"));
let projects = 0;
const deployments = [];
after(async () => {
  for (const convex of deployments) await convex.close();
  await rm(root, { recursive: true });
});

/** A `convex/` folder; files given as undefined are left out. */
async function project(changes = {}) {
  const folder = path.join(root, String((projects += 1)));
  for (const [name, text] of Object.entries({ ...FILES, ...changes })) {
    if (text === undefined) continue;
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

async function start(options) {
  const convex = await startLocalConvex({ log: "memory", ...options });
  deployments.push(convex);
  return convex;
}

/** The first test fills it, the others look at it. */
const filled = await start();
/** For deploys that fail before they change anything, or that are for show. */
const emptyDeployment = await start();

/** A deployment of the project, made without the tool. */
async function startFilled() {
  return await start({ functions: await project() });
}

/** A deploy that must fail, with this in its output. */
async function refused(folder, convex, message, options) {
  await assert.rejects(deploy(folder, convex, options), (error) => {
    assert.match(error.message, /failed \(exit code 1\)/);
    assert.match(error.message, message);
    return true;
  });
}

async function routesAsked(convex) {
  const requests = await (await fetch(`${convex.url}/local/requests`)).json();
  return requests.map(({ path: route, status }) => `${route} ${status}`);
}

async function added(convex, name) {
  return await run(convex, "mutation", "migrate:add", { name });
}

const found = async (convex, name) => (await run(convex, "query", "migrate:find", { name })).length;

test("a deployment without functions: calls find nothing, a deploy fills it", async () => {
  const convex = filled;
  assert.match(
    await runError(convex, "query", "migrate:find", { name: "X" }),
    /Could not find public function/,
  );
  assert.deepEqual((await run(convex, "query", "_system/cli/modules:apiSpec")).length, 0);
  assert.equal((await run(convex, "query", "_system/frontend/getSchemas")).active, undefined);
  const output = await deploy(await project(), convex);
  assert.match(output, /Added table indexes:\n\s+\[\+\] items\.by_name\s+name, _creationTime\n/);
  assert.match(output, /Deployed Convex functions to http:\/\/127\.0\.0\.1:/);
  assert.deepEqual((await routesAsked(convex)).slice(-6), [
    "/api/get_config_hashes 200",
    "/api/deploy2/evaluate_schema 404",
    "/api/deploy2/evaluate_push 200",
    "/api/deploy2/start_push 200",
    "/api/deploy2/wait_for_schema 200",
    "/api/deploy2/finish_push 200",
  ]);
});

test("what was deployed runs, and is what tools are told of", async () => {
  const convex = filled;
  const client = new ConvexHttpClient(convex.url);
  const find = (name) => client.query(makeFunctionReference("migrate:find"), { name });
  await assert.rejects(
    client.mutation(makeFunctionReference("migrate:add"), { name: "a" }),
    /Could not find/,
  );
  client.setAdminAuth(convex.deployKey);
  await client.mutation(makeFunctionReference("migrate:add"), { name: "a" });
  assert.deepEqual(
    (await find("A")).map(({ name }) => name),
    ["A"],
  );
  const spec = await run(convex, "query", "_system/cli/modules:apiSpec");
  assert.deepEqual(spec.map(({ identifier }) => identifier).sort(), ["migrate.js:add", "migrate.js:find"]);
  const { active } = await run(convex, "query", "_system/frontend/getSchemas");
  assert.deepEqual(
    JSON.parse(active).tables.map(({ tableName }) => tableName),
    ["items"],
  );
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  assert.equal(mapping[10001], "items");
});

test("errors name places in the original files, also of shared code", async () => {
  const convex = filled;
  assert.match(
    await runError(convex, "mutation", "migrate:add", { name: "bad" }),
    /^Uncaught Error: no such name\n {4}at shout \(.*\/convex\/lib\/shared\.ts:2:\d+\)\n {4}at handler \(\.\.\/convex\/migrate\.ts:\d+:\d+\)\n$/,
  );
  assert.match(
    await runError(convex, "mutation", "migrate:add", { name: 1 }),
    /^ArgumentValidationError: .*\nPath: \.name\n/,
  );
});

test("a second deploy without changes changes nothing", async () => {
  const convex = filled;
  await added(convex, "b");
  const output = await deploy(await project(), convex, { args: ["--verbose"] });
  assert.match(output, /"moduleDiff": \{\s+"added": \[\],\s+"removed": \[\]\s+\}/);
  assert.match(output, /"schemaDiff": null/);
  assert.equal(await found(convex, "B"), 1);
});

test("a deploy replaces functions and schema; data stays, also of tables that left the schema", async () => {
  const convex = await startFilled();
  await added(convex, "a");
  const schema = SCHEMA.replace("items: defineTable({", "others: defineTable({").replace(
    '.index("by_name", ["name"])',
    '.index("by_count", ["count"])',
  );
  const functions = `import { query } from "./_generated/server";
    export const all = query(async (ctx) => await ctx.db.query("items" as any).collect());`;
  const output = await deploy(
    await project({ "schema.ts": schema, "migrate.ts": undefined, "read.ts": functions }),
    convex,
  );
  assert.match(output, /Deleted table indexes:\n\s+\[-\] items\.by_name /);
  assert.match(output, /Added table indexes:\n\s+\[\+\] others\.by_count /);
  assert.deepEqual(
    (await run(convex, "query", "read:all")).map(({ name }) => name),
    ["A"],
  );
  assert.match(
    await runError(convex, "query", "migrate:find", { name: "A" }),
    /Could not find public function/,
  );
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  assert.deepEqual([mapping[10001], mapping[10002]], ["items", "others"]);
});

test("data that does not match fails the deploy; the old schema and code stay", async () => {
  const convex = await startFilled();
  await added(convex, "a");
  const schema = SCHEMA.replace("v.optional(v.number())", "v.number()").replace(
    '"by_name"',
    '"by_other_name"',
  );
  const changed = await project({
    "schema.ts": schema,
    "migrate.ts": MIGRATE.replaceAll("by_name", "by_other_name").replace("find", "search"),
  });
  await refused(
    changed,
    convex,
    /Schema validation failed\.\n(.*\n)*.*Document with ID "[0-9a-z]{32}" in table "items" does not match the schema: Object is missing the required field `count`/,
  );
  assert.equal(await found(convex, "A"), 1);
  await added(convex, "b");
  assert.equal(await found(convex, "B"), 1);
  const { active, inProgress } = await run(convex, "query", "_system/frontend/getSchemas");
  assert.match(active, /"by_name"/);
  assert.equal(inProgress, undefined);
});

const FAILING = [
  [
    "an index name",
    { "schema.ts": SCHEMA.replace('"by_name"', '"_by_name"') },
    /IndexNameReserved: .*\n.*\nIn table "items" cannot name an index "_by_name"/,
  ],
  [
    "a schema that throws",
    { "schema.ts": 'throw new Error("mine");\nexport default 7;' },
    /400 Bad Request: Error: Hit an error while pushing:\nHit an error while evaluating your schema:\nUncaught Error: mine\n\s+at .*schema\.ts:1:7/,
  ],
  [
    "a module that throws",
    { "broken.ts": 'export const x = 1;\nthrow new Error("not today");' },
    /InvalidModules: Hit an error while pushing:\nLoading the pushed modules encountered the following\n\s+error:\nFailed to analyze broken\.js: Uncaught Error: not today\n\s+at .*\.\.\/convex\/broken\.ts:2:7/,
  ],
];

for (const [title, changes, message] of FAILING) {
  test(`refused: ${title}`, async () => {
    await refused(await project(changes), emptyDeployment, message);
  });
}

test("a wrong key, a project without convex", async () => {
  const convex = emptyDeployment;
  const folder = await project();
  const deployKey = "dev:local-convex-000|wrong";
  await refused(
    folder,
    { url: convex.url, deployKey },
    /401 Unauthorized: BadAdminKey: The provided admin key was invalid/,
  );
  await refused(folder, convex, /add `convex` to your package\.json dependencies/, {
    packageJson: { name: "x" },
  });
});

test("a dry run shows the changes and makes none but tables and a schema in progress", async () => {
  const convex = emptyDeployment;
  // A dry run generates no code either.
  const generated = `export { queryGeneric as query, internalMutationGeneric as internalMutation } from "convex/server";`;
  const folder = await project({ "_generated/server.js": generated });
  const output = await deploy(folder, convex, { args: ["--dry-run"] });
  assert.match(output, /Would have deployed Convex functions/);
  assert.match(output, /Would add table indexes:\n\s+\[\+\] items\.by_name /);
  assert.match(
    await runError(convex, "query", "migrate:find", { name: "A" }),
    /Could not find public function/,
  );
  const { active, inProgress } = await run(convex, "query", "_system/frontend/getSchemas");
  assert.equal(active, undefined);
  assert.match(inProgress, /"by_name"/);
  const bodies = await post(convex, "/api/get_config_hashes", { adminKey: convex.deployKey });
  assert.deepEqual(bodies.json.moduleHashes, []);
});

test("the tool's type check", async () => {
  const args = ["--typecheck", "enable"];
  const bad = await project({ "tsconfig.json": TSCONFIG, "wrong.ts": 'export const wrong: number = "x";' });
  await refused(bad, emptyDeployment, /TS2322/, { args });
});

test("convex dev --once pushes in the same way, type check included", async () => {
  const convex = await start();
  const folder = await project({ "tsconfig.json": TSCONFIG });
  const output = await deploy(folder, convex, { command: "dev", args: ["--typecheck", "enable"] });
  assert.match(output, /Convex functions ready!/);
  await added(convex, "a");
  assert.equal(await found(convex, "A"), 1);
});

test("a folder deployed without the tool is the same push", async () => {
  const convex = await startFilled();
  await added(convex, "a");
  assert.doesNotMatch(await deploy(await project(), convex), /table indexes/);
  assert.equal(await found(convex, "A"), 1);
});
