/** Limits of a push: the time that its modules and its schema may take, and what it may write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post } from "./helpers.mjs";

const convex = await deployForTests({ functions: undefined, userTimeLimitMs: 60, analyzeTimeLimitMs: 40 });

function startPush(app) {
  const appDefinition = {
    definition: null,
    dependencies: [],
    schema: null,
    changedModules: [],
    unchangedModuleHashes: [],
    udfServerVersion: "1.48.0",
    ...app,
  };
  return post(convex, "/api/deploy2/start_push", {
    adminKey: convex.deployKey,
    dryRun: false,
    functions: "convex/",
    appDefinition,
    componentDefinitions: [],
    nodeDependencies: [],
  });
}

test("a module that does not end", async () => {
  const changedModules = [{ path: "x.js", source: "for (;;);", environment: "isolate" }];
  const { status, json } = await startPush({ changedModules });
  assert.deepEqual([status, json.code], [400, "InvalidModules"]);
  assert.match(
    json.message,
    /Failed to analyze x\.js: Function execution timed out \(maximum duration: 0\.04s\)\n/,
  );
});

test("a schema that does not end, when it is loaded or when it is exported", async () => {
  for (const source of ["for (;;);", "export default { export() { for (;;); } };"]) {
    const { status, json } = await startPush({
      schema: { path: "schema.js", source, environment: "isolate" },
    });
    assert.deepEqual([status, json.code], [400, "Error"]);
    assert.match(
      json.message,
      /^Hit an error while pushing:\nHit an error while evaluating your schema:\nFunction execution timed out \(maximum duration: 0\.06s\)\n$/,
    );
  }
});

/** A table costs three system documents and one for each index. */
function tables(count, indexCount) {
  const indexes = Array.from({ length: indexCount }, (_, i) => ({
    indexDescriptor: `by_${i}`,
    fields: [`f${i}`],
  }));
  return Array.from({ length: count }, (_, i) => ({
    tableName: `t${i}`,
    indexes,
    documentType: { type: "any" },
  }));
}

const schemaOf = (list) => ({
  path: "schema.js",
  source: `export default { export: () => ${JSON.stringify(JSON.stringify({ tables: list, schemaValidation: true }))} };`,
  environment: "isolate",
});

test("40,000 system documents in one push, one more is a 500", async () => {
  const most = tables(800, 47);
  const oneMore = [
    ...most.slice(1),
    { ...most[0], indexes: [...most[0].indexes, { indexDescriptor: "z", fields: ["z"] }] },
  ];
  const refused = await startPush({ schema: schemaOf(oneMore) });
  assert.deepEqual([refused.status, refused.json.code], [500, "InternalServerError"]);
  assert.equal((await startPush({ schema: schemaOf(most) })).status, 200);
});
