/** Limits of documents and transactions, each just inside and just outside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, FUNCTIONS, post, run, runError, spawnServer, writeError } from "./helpers.mjs";

// How long it takes is another limit, with a test and a deployment of its own.
const convex = await deployForTests({ userTimeLimitMs: 0 });
const MIB = 1 << 20;
/** A document {s: text} costs 61 bytes of system fields, 2 + 2 for the field and 2 for the text. */
const documentOfSize = (size) => ({ s: "x".repeat(size - 61 - 2 - 2 - 2) });

const insertError = (document) => writeError(convex, "store:insert", { table: "loose", document });

test("a document of 1 MiB goes in, one byte more does not", async () => {
  await run(convex, "mutation", "store:insert", { table: "loose", document: documentOfSize(MIB) });
  assert.equal(
    await insertError(documentOfSize(MIB + 1)),
    "Value is too large (1.00 MiB > maximum size 1 MiB)",
  );
});

test("patching a document beyond 1 MiB is refused", async () => {
  const id = await run(convex, "mutation", "store:insert", {
    table: "loose",
    document: documentOfSize(MIB - 10),
  });
  assert.match(
    await writeError(convex, "store:patch", { id, value: { more: "0123456789" } }),
    /^Value is too large/,
  );
});

function nest(levels) {
  return levels === 1 ? {} : { o: nest(levels - 1) };
}

test("16 levels go in, 17 do not", async () => {
  await run(convex, "mutation", "store:insert", { table: "loose", document: nest(16) });
  assert.match(
    await insertError(nest(17)),
    /isn't a valid document: Document is too nested \(nested 17 levels deep > maximum nesting 16\)$/,
  );
});

test("1024 fields include the two system fields", async () => {
  const fields = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 0]));
  await run(convex, "mutation", "store:insert", { table: "loose", document: fields(1022) });
  assert.equal(await insertError(fields(1023)), "Object has too many fields (1025 > maximum number 1024)");
});

test("16,000 documents can be written, one more fails and undoes all", async () => {
  const insertCopies = { table: "loose", document: {}, copies: 16001 };
  assert.match(
    await runError(convex, "mutation", "store:insertCopies", insertCopies),
    /^Uncaught Error: Too many writes in a single function execution \(limit: 16000\)\n/,
  );
  assert.equal(await run(convex, "query", "_system/cli/tableSize", { tableName: "loose" }), 0);
  await run(convex, "mutation", "store:insertCopies", { ...insertCopies, copies: 16000 });
  assert.equal(await run(convex, "query", "_system/cli/tableSize", { tableName: "loose" }), 16000);
});

test("16 MiB can be written", async () => {
  const document = documentOfSize(MIB);
  await run(convex, "mutation", "store:insertCopies", { table: "loose", document, copies: 16 });
  const error = await runError(convex, "mutation", "store:insertCopies", {
    table: "loose",
    document,
    copies: 17,
  });
  assert.match(error, /Too many bytes written in a single function execution \(limit: 16 MiB\)\n/);
});

test("16 MiB can be read", async () => {
  const document = documentOfSize(MIB);
  await run(convex, "mutation", "store:insertCopies", { table: "loose", document, copies: 15 });
  assert.equal((await run(convex, "query", "store:all", { table: "loose" })).length, 15);
  await run(convex, "mutation", "store:insertCopies", { table: "loose", document, copies: 2 });
  assert.match(
    await runError(convex, "query", "store:all", { table: "loose" }),
    /Too many bytes read in a single function execution \(limit: 16777216 bytes\)\. Consider using smaller limits/,
  );
});

test("32,000 documents can be read", async () => {
  for (let i = 0; i < 2; i += 1) {
    await run(convex, "mutation", "store:insertCopies", { table: "loose", document: {}, copies: 16000 });
  }
  await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  assert.match(
    await runError(convex, "query", "store:all", { table: "loose" }),
    /Too many documents read in a single function execution \(limit: 32000\)/,
  );
});

test("4096 index ranges can be read; ranges that touch are one", async () => {
  await run(convex, "mutation", "find:pointReads", { keys: 4096 });
  assert.match(
    await runError(convex, "mutation", "find:pointReads", { keys: 4097 }),
    /Too many reads in a single function execution \(limit: 4096\)/,
  );
});

test("transaction metrics count what the server counts", async () => {
  const metrics = await run(convex, "mutation", "store:metrics", {});
  const documentSize = 61 + 2 + 4 + 3;
  assert.deepEqual(metrics.documentsWritten, { used: 2, remaining: 15998 });
  assert.deepEqual(metrics.bytesWritten, { used: 2 * documentSize, remaining: 16 * MIB - 2 * documentSize });
  assert.deepEqual(metrics.documentsRead, { used: 2, remaining: 31998 });
  assert.deepEqual(metrics.databaseQueries, { used: 1, remaining: 4095 });
});

test("arguments and results of more than 16 MiB", async () => {
  const chunk = "x".repeat(MIB);
  // In UTF-8 JSON the body stays under its limit, but names and lengths add to the Convex size.
  const tooLarge = { value: Array.from({ length: 16 }, () => chunk) };
  assert.match(
    await runError(convex, "query", "store:echo", tooLarge),
    /^Arguments for store\.js:echo are too large \(actual: 16\.00 MiB, limit: 16 MiB\)\n$/,
  );
  assert.equal((await run(convex, "query", "store:longResult", { mebibytes: 15 })).length, 15);
  assert.equal(
    await runError(convex, "query", "store:longResult", { mebibytes: 16 }),
    "Function store.js:longResult return value is too large (actual: 16.00 MiB, limit: 16 MiB)\n",
  );
});

test("a body over the limit is no JSON", async () => {
  const limit = 16 * MIB + 2000;
  const head = '{"path":"store:echo","args":{"value":"';
  const body = (length) => `${head}${"x".repeat(length - head.length - 3)}"}}`;
  assert.equal(Buffer.byteLength(body(limit)), limit);
  assert.equal((await post(convex, "/api/query", body(limit))).status, 200);
  const { status, json } = await post(convex, "/api/query", body(limit + 1));
  assert.equal(status, 400);
  assert.equal(json.code, "BadJsonBody");
});

test("user code that never ends is stopped wherever it loops, and the deployment goes on", async () => {
  const quick = await spawnServer(["--functions", FUNCTIONS, "--user-time-limit", "100"]);
  for (const where of ["at once", "after an await", "in a reaction", "around calls"]) {
    const error = await runError(quick, "query", "store:spin", { where });
    assert.equal(error, "Function execution timed out (maximum duration: 0.1s)\n", where);
    assert.equal(await run(quick, "query", "store:spun"), false);
  }
  assert.deepEqual(await quick.stop(), [0, null]);
});
