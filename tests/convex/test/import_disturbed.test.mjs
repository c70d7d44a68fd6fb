/** Batches of an import, and an import that is disturbed: by a restart, by being cancelled, by the limit of bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post, run, stats } from "./helpers.mjs";
import { importFile, look, mode, sizeOf, start, steer, succeed, until, zipOf } from "./importing.mjs";

const convex = await deployForTests({ imports: { retryMs: 0 } });

/** More rows than go into one batch. */
const MANY = Array.from({ length: 16_003 }, (_, i) => `{"n":${i}.0}`);

async function beginLarge(deployment, spec, file) {
  await steer(deployment, { hold: ["before_batch"] });
  const importId = await start(deployment, spec, file);
  await until(deployment, importId, ["waiting_for_confirmation"]);
  await post(deployment, "/api/perform_import", { importId });
  await steer(deployment, { wait: true });
  return importId;
}

test("batches of 8,001 rows; progress is told after each", async () => {
  const importId = await beginLarge(convex, mode("append"), await zipOf({ loose: MANY }));
  assert.equal(await sizeOf(convex, "loose"), 0);
  await steer(convex, { step: true, wait: true });
  assert.equal(await sizeOf(convex, "loose"), 8001);
  assert.equal((await look(convex, importId)).state.progress_message, 'Importing "loose" (8,000 documents)');
  await steer(convex, { step: true, wait: true });
  assert.equal(await sizeOf(convex, "loose"), 16_002);
  await steer(convex, { hold: [] });
  const { state } = await until(convex, importId, ["completed"]);
  assert.equal(Buffer.from(state.num_rows_written.$integer, "base64").readBigInt64LE(), 16_003n);
});

test("a batch ends with the row that makes it more than 8 MiB", async () => {
  const rows = Array.from({ length: 10 }, () => JSON.stringify({ text: "x".repeat(1_000_000) }));
  const importId = await beginLarge(convex, mode("append"), await zipOf({ loose: rows }));
  await steer(convex, { step: true, wait: true });
  assert.equal(await sizeOf(convex, "loose"), 9);
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
});

async function restartServer(deployment) {
  await post(deployment, "/local/faults", [{ match: { path: "/version" }, fault: { kind: "restart" } }]);
  await assert.rejects(fetch(`${deployment.url}/version`));
  for (;;) {
    const answer = await fetch(`${deployment.url}/local/stats`).catch(() => undefined);
    if (answer?.ok) return;
  }
}

test("after a restart the import goes on behind the rows that are in, and so does an uploaded one", async () => {
  const importId = await beginLarge(convex, mode("replace"), await zipOf({ loose: MANY }));
  await steer(convex, { step: true, wait: true });
  await restartServer(convex);
  await steer(convex, { wait: true });
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
  const numbers = new Set();
  for (const document of convex.local.database.table("loose").byId.tree.valuesArray())
    numbers.add(JSON.parse(document.json).n);
  assert.deepEqual([numbers.size, await sizeOf(convex, "loose")], [16_003, 16_003]);
});

test("an append into a new table cannot be resumed; into one that is there it begins anew", async () => {
  const fresh = await beginLarge(convex, mode("append"), await zipOf({ brandnew: MANY }));
  await restartServer(convex);
  await steer(convex, { hold: [] });
  const { state } = await until(convex, fresh, ["completed", "failed"]);
  assert.equal(state.error_message, "Your request couldn't be completed. Try again later.");
  const again = await beginLarge(convex, mode("append"), await zipOf({ loose: MANY }));
  await steer(convex, { step: true, wait: true });
  await restartServer(convex);
  await steer(convex, { hold: [] });
  await until(convex, again, ["completed"]);
  assert.equal(await sizeOf(convex, "loose"), 8001 + 16_003);
});

test("an import that is cancelled goes on to the end of its table, and shows nothing", async () => {
  const importId = await beginLarge(
    convex,
    mode("replace"),
    await zipOf({ loose: MANY, parents: ['{"name":"x"}'] }),
  );
  await post(convex, "/api/cancel_import", { importId });
  await steer(convex, { step: true, wait: true });
  await steer(convex, { step: true, wait: true });
  const next = await start(convex, mode("append"), await zipOf({ parents: ['{"name":"next"}'] }));
  assert.equal((await look(convex, next)).state.state, "uploaded");
  await steer(convex, { step: true });
  await until(convex, next, ["waiting_for_confirmation"]);
  assert.deepEqual((await look(convex, importId)).state, {
    state: "failed",
    error_message: "Import canceled",
  });
  assert.equal(await sizeOf(convex, "loose"), 0);
});

test("cancelled while it is about to end", async () => {
  await steer(convex, { hold: ["before_finalize_import"] });
  const importId = await start(convex, mode("replace"), await zipOf({ loose: ["{}"] }));
  await until(convex, importId, ["waiting_for_confirmation"]);
  await post(convex, "/api/perform_import", { importId });
  await steer(convex, { wait: true });
  await post(convex, "/api/cancel_import", { importId });
  await steer(convex, { hold: [] });
  await importFile(convex, mode("replace"), await zipOf({ parents: [] }));
  assert.equal((await look(convex, importId)).state.error_message, "Import canceled");
  assert.equal(await sizeOf(convex, "loose"), 0);
});

test("a paused deployment imports", async () => {
  await post(convex, "/local/state", { state: "paused" });
  await succeed(convex, mode("append"), await zipOf({ loose: ["{}"] }));
});

test("a batch is written at once; then the import waits for the limit, and mutations are refused meanwhile", async () => {
  let now = 0;
  const slow = await deployForTests({ plan: { writeLimit: 1000, now: () => now } });
  const importId = await beginLarge(slow, mode("append"), await zipOf({ loose: MANY }));
  await steer(slow, { hold: [] });
  for (;;) if ((await stats(slow)).importWaits > 0) break;
  assert.equal(await run(slow, "query", "_system/cli/tableSize", { tableName: "loose" }), 8001);
  const refused = await post(slow, "/api/mutation", {
    path: "store:insert",
    args: { table: "loose", document: {} },
  });
  assert.deepEqual([refused.status, refused.json.code], [429, "TooManyWrites"]);
  const ended = until(slow, importId, ["completed"]);
  for (const later of [2000, 4000]) {
    const before = (await stats(slow)).bytesWritten;
    now = later;
    while ((await stats(slow)).bytesWritten === before);
  }
  await ended;
});
