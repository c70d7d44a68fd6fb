/** The routes of a push, called without the command line tool (deploy.test.mjs has that one). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { deployForTests, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests({ functions: undefined });
const VERSION = "1.48.0";

const module = (path, source) => ({ path, source, environment: "isolate" });
/** A public function without npm convex: what the server asks of an export, and no more. */
const query = (result) => `Object.assign(() => undefined, { isQuery: true, isPublic: true,
  exportArgs: () => '{"type":"any"}', exportReturns: () => "null", invokeQuery: async () => ${result} })`;
/** A function that reads the first document of an index. */
const indexQuery = (name) =>
  query(`(async () => {
    const source = { type: "IndexRange", indexName: "${name}", range: [], order: null };
    const { queryId } = JSON.parse(
      Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] } })));
    return await Convex.asyncSyscall("1.0/queryStreamNext", JSON.stringify({ queryId }));
  })()`);

const schemaModule = (tables) =>
  module(
    "schema.js",
    `export default { export: () => ${JSON.stringify(JSON.stringify({ tables, schemaValidation: true }))} };`,
  );
const NAMED = { type: "object", value: { name: { fieldType: { type: "string" }, optional: false } } };
const table = (extra = {}) => ({ tableName: "items", indexes: [], documentType: NAMED, ...extra });
const index = (indexDescriptor, fields = ["name"]) => ({ indexDescriptor, fields });

function pushBody(app = {}, extra = {}) {
  return {
    adminKey: convex.deployKey,
    dryRun: false,
    functions: "convex/",
    appDefinition: {
      definition: null,
      dependencies: [],
      schema: null,
      changedModules: [],
      unchangedModuleHashes: [],
      udfServerVersion: VERSION,
      ...app,
    },
    componentDefinitions: [],
    nodeDependencies: [],
    ...extra,
  };
}

const startPush = (app, extra) => post(convex, "/api/deploy2/start_push", pushBody(app, extra));
const finishPush = (started) =>
  post(convex, "/api/deploy2/finish_push", { adminKey: convex.deployKey, startPush: started, dryRun: false });
const schemaStatus = async ({ schemaChange }) =>
  (await post(convex, "/api/deploy2/wait_for_schema", { adminKey: convex.deployKey, schemaChange })).json;

/** Makes a whole push; gives what start and finish answered. */
async function push(app) {
  const started = await startPush(app);
  assert.equal(started.status, 200, started.text);
  assert.deepEqual(await schemaStatus(started.json), { type: "complete" });
  const finished = await finishPush(started.json);
  assert.equal(finished.status, 200, finished.text);
  return { started: started.json, diff: finished.json.componentDiffs[""] };
}

async function assertRefused(answer, status, code, message) {
  const { json, ...refused } = await answer;
  assert.deepEqual([refused.status, json.code], [status, code], json.message);
  assert.match(json.message, message);
}

const insert = (document) =>
  run(convex, "mutation", "_system/frontend/addDocument", { table: "items", documents: [document] });

test("modules replace each other; unchanged ones are named by hash", async () => {
  const [one, two] = [module("one.js", `export const f = ${query("'1'")};`), module("two.js", "export {};")];
  const first = await push({ changedModules: [one, two] });
  assert.deepEqual(first.diff.moduleDiff, { added: ["one.js", "two.js"], removed: [] });
  assert.deepEqual(first.diff.diffType, { type: "create" });
  const hashes = (await post(convex, "/api/get_config_hashes", { adminKey: convex.deployKey })).json;
  const sha256 = createHash("sha256").update(one.source).digest("hex");
  assert.deepEqual(hashes.moduleHashes[0], { path: "one.js", hash: sha256, environment: "isolate" });
  assert.deepEqual([hashes.config, hashes.udfServerVersion], [{ functions: "convex/" }, VERSION]);

  const unchanged = { path: "one.js", environment: "isolate", sha256 };
  const second = await push({ unchangedModuleHashes: [unchanged] });
  assert.deepEqual(second.diff.moduleDiff, { added: [], removed: ["two.js"] });
  assert.deepEqual([second.diff.diffType, second.diff.udfConfigDiff], [{ type: "modify" }, null]);
  assert.equal(await run(convex, "query", "one:f"), 1);
  const pushHash = (changes) => startPush({ unchangedModuleHashes: [{ ...unchanged, ...changes }] });
  await assertRefused(
    pushHash({ path: "two.js" }),
    409,
    "MissingExistingModule",
    /Could not find existing unchanged module/,
  );
  await assertRefused(
    pushHash({ sha256: "00".repeat(32) }),
    409,
    "ExistingModuleHashConflict",
    /hash does not match/,
  );
  await assertRefused(pushHash({ sha256: "00" }), 400, "InvalidConfig", /^sha256 not 32 bytes$/);
});

test("modules import each other, also from other folders", async () => {
  const shared = module("_deps/A.js", "export const two = '2';");
  const deep = module("a/b.js", `import { two } from "../_deps/A.js"; export const f = ${query("two")};`);
  await push({ changedModules: [deep, shared] });
  assert.equal(await run(convex, "query", "a/b:f"), 2);
  await assertRefused(
    startPush({ changedModules: [deep] }),
    400,
    "InvalidModules",
    /error:\nCouldn't find JavaScript module '_deps\/A\.js'/,
  );
});

test("a body may be compressed with Brotli", async () => {
  const [route, text] = ["/api/deploy2/start_push", JSON.stringify(pushBody())];
  const send = (body, encoding) => post(convex, route, body, { "content-encoding": encoding });
  assert.equal((await send(brotliCompressSync(text), "br")).status, 200);
  assert.equal((await send(gzipSync(text), "gzip")).status, 415);
  assert.equal((await send("no Brotli", "br")).json.code, "BadJsonBody");
  const hashes = brotliCompressSync(JSON.stringify({ adminKey: convex.deployKey }));
  assert.equal(
    (await post(convex, "/api/get_config_hashes", hashes, { "content-encoding": "br" })).status,
    400,
  );
});

const REFUSED = [
  ["no key", {}, { adminKey: undefined }, 400, "BadJsonBody", /missing field `adminKey`/],
  ["a wrong key", {}, { adminKey: "wrong" }, 401, "BadAdminKey", /invalid for this instance$/],
  [
    "no version of convex",
    { udfServerVersion: undefined },
    {},
    400,
    "BadJsonBody",
    /missing field `udfServerVersion`/,
  ],
  [
    "a version that is none",
    { udfServerVersion: "new" },
    {},
    400,
    "InvalidConfig",
    /^unexpected character 'n' while parsing major/,
  ],
  [
    "a module without source",
    { changedModules: [{ path: "x.js" }] },
    {},
    400,
    "BadJsonBody",
    /missing field `source`/,
  ],
  [
    "a path outside",
    { changedModules: [module("../x.js", "")] },
    {},
    400,
    "InvalidConfig",
    /not a valid path to a Convex module/,
  ],
  [
    "another environment",
    { changedModules: [{ ...module("x.js", ""), environment: "moon" }] },
    {},
    400,
    "InvalidConfig",
    /^Invalid environment moon$/,
  ],
  [
    "actions in Node.js",
    { changedModules: [{ ...module("x.js", ""), environment: "node" }] },
    {},
    400,
    "NotSupported",
    /local Convex/,
  ],
  ["components", {}, { componentDefinitions: [{}] }, 400, "NotSupported", /^Components are not supported/],
  ["an old Node.js", {}, { nodeVersion: "18" }, 400, "InvalidConfig", /^Node 18 is no longer supported/],
  [
    "no default export of the schema",
    { schema: module("schema.js", "export {};") },
    {},
    400,
    "MissingSchemaExportError",
    /^Hit an error while pushing:\nHit an error while evaluating your schema:\nSchema file missing/,
  ],
  [
    "a schema of another kind",
    { schema: module("schema.js", "export default 7;") },
    {},
    400,
    "InvalidSchemaExport",
    /isn't a Convex schema/,
  ],
  [
    "a schema that throws",
    { schema: module("schema.js", "\nthrow new Error('mine');") },
    {},
    400,
    "Error",
    /^Hit an error while pushing:\nHit an error while evaluating your schema:\nUncaught Error: mine\n {4}at schema\.js:2:7\n$/,
  ],
  [
    "a module that throws",
    { changedModules: [module("x.js", "\nthrow new Error('x');")] },
    {},
    400,
    "InvalidModules",
    /Failed to analyze x\.js: Uncaught Error: x\n/,
  ],
  [
    "a bad function name",
    { changedModules: [module("x.js", `const f = ${query("1")}; export { f as "a b" };`)] },
    {},
    400,
    "InvalidFunctionName",
    /Invalid function name used in `x\.js`/,
  ],
  [
    "a definition that is none",
    { definition: module("convex.config.js", "export {};") },
    {},
    400,
    "InvalidDefinition",
    /missing default export/,
  ],
];

for (const [title, app, extra, status, code, message] of REFUSED) {
  test(`refused: ${title}`, async () => {
    await assertRefused(startPush(app, extra), status, code, message);
  });
}

test("functions under _system/ load, but the push cannot be finished", async () => {
  const started = await startPush({ changedModules: [module("_system/x.js", "export {};")] });
  assert.equal((await finishPush(started.json)).status, 500);
});

test("a schema that data does not match fails; it cannot be finished, and the next push is another", async () => {
  await push({ schema: schemaModule([table()]) });
  await insert({ name: "a" });
  const number = { type: "object", value: { name: { fieldType: { type: "number" }, optional: false } } };
  const started = (await startPush({ schema: schemaModule([table({ documentType: number })]) })).json;
  const status = await schemaStatus(started);
  assert.deepEqual([status.type, status.tableName, status.componentPath], ["failed", "items", ""]);
  assert.match(
    status.error,
    /^Document with ID ".*" in table "items" does not match the schema: Value does not match validator\.\nPath: \.name/,
  );
  await assertRefused(
    finishPush(started),
    400,
    "SchemaAlreadyFailed",
    /^Hit an error while pushing:\nSchema has already been failed/,
  );
  assert.deepEqual(await insert({ name: "b" }), { success: true });
});

test("another push overwrites a schema in progress", async () => {
  const started = (await startPush({ schema: schemaModule([table({ indexes: [index("one")] })]) })).json;
  await push({ schema: schemaModule([table({ indexes: [index("two")] })]) });
  assert.deepEqual(await schemaStatus(started), { type: "raceDetected" });
  await assertRefused(
    finishPush(started),
    400,
    "SchemaAlreadyOverwritten",
    /Schema has already been overwritten\.$/,
  );
});

test("a write that a schema in progress refuses happens and fails the schema", async () => {
  await push({ schema: schemaModule([table({ documentType: { type: "any" } })]) });
  const started = (await startPush({ schema: schemaModule([table()]) })).json;
  assert.deepEqual(await schemaStatus(started), { type: "complete" });
  assert.deepEqual(await insert({ other: 1 }), { success: true });
  assert.match(
    (await schemaStatus(started)).error,
    /^New document in table "items" does not match the schema: /,
  );
});

test("staged, search and vector indexes: taken, shown in diffs, not to be queried", async () => {
  const vectors = {
    type: "object",
    value: { v: { fieldType: { type: "array", value: { type: "number" } }, optional: true } },
  };
  const schema = (extra) => schemaModule([table({ documentType: vectors, ...extra })]);
  const searched = {
    searchIndexes: [{ indexDescriptor: "s", searchField: "v", filterFields: [] }],
    vectorIndexes: [{ indexDescriptor: "n", vectorField: "v", dimensions: 2, filterFields: [] }],
  };
  const changedModules = [
    module(
      "q.js",
      ["d", "s", "none"].map((name) => `export const ${name} = ${indexQuery(`items.${name}`)};`).join("\n"),
    ),
  ];
  const first = await push({
    schema: schema({ stagedDbIndexes: [index("d", ["v"])], ...searched }),
    changedModules,
  });
  assert.deepEqual(first.started.schemaChange.indexDiffs[""].added_indexes, [
    { name: "items.d", type: "database", fields: ["v", "_creationTime"], staged: true },
    { name: "items.n", type: "vector", dimensions: 2, vectorField: "v", filterFields: [], staged: false },
    { name: "items.s", type: "search", searchField: "v", filterFields: [], staged: false },
  ]);
  const problem = (name) => runError(convex, "query", `q:${name}`);
  assert.match(
    await problem("d"),
    /Index items\.d is currently staged and not available to query until it is enabled\./,
  );
  assert.match(await problem("s"), /Index items\.s is not a database index/);
  assert.match(await problem("none"), /Index items\.none not found\./);

  await insert({ v: [1, 2] });
  const { diff, started } = await push({ schema: schema({ indexes: [index("d", ["v"])] }), changedModules });
  const names = (indexes) => indexes.map(({ name }) => name);
  assert.deepEqual(names(started.schemaChange.indexDiffs[""].enabled_indexes), ["items.d"]);
  // Prepared, it waits like a new one.
  assert.deepEqual(names(diff.indexDiff.added_indexes), ["items.d"]);
  assert.deepEqual(names(diff.indexDiff.enabled_indexes), []);
  assert.deepEqual(names(diff.indexDiff.removed_indexes), ["items.n", "items.s"]);
  assert.deepEqual((await run(convex, "query", "q:d")).done, false);
});

test("only a real push prepares indexes: they are new until then, and not a second time", async () => {
  await push({ schema: schemaModule([table()]) });
  const app = { schema: schemaModule([table({ indexes: [index("fresh")] })]) };
  const added = ({ json }) => json.schemaChange.indexDiffs[""].added_indexes.map(({ name }) => name);
  assert.deepEqual(added(await post(convex, "/api/deploy2/evaluate_push", pushBody(app))), ["items.fresh"]);
  assert.deepEqual(added(await startPush(app, { dryRun: true })), ["items.fresh"]);
  assert.deepEqual(added(await startPush(app, { forCodegen: true })), ["items.fresh"]);
  assert.deepEqual(added(await startPush(app)), ["items.fresh"]);
  assert.deepEqual(added(await startPush(app)), []);
});
