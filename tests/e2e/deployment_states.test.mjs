/**
 * A deployment that runs no functions, and a key that may not call them, end
 * the run: they are no fault of a row.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t) => openScenario(t, cluster, {
  functions: insertsInto(["items"]),
  sql: "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 50);",
  options: { batch_rows: 5 },
});

/** The first call with rows is answered by an error of a function. */
const failFirst = (convex, errorMessage) => convex.control("faults", [{
  match: { path: "migrate:migrateItems", nth: 1 },
  fault: { kind: "body", contentType: "application/json", body: JSON.stringify({ status: "error", errorMessage }) },
}]);

for (const state of ["disabled_free", "disabled_paid", "usage_limit", "suspended", "paused"]) {
  test(`a deployment that is ${state} ends the run`, async (t) => {
    const { convex, migrateFails, rejects } = await open(t);
    await convex.control("state", { state });
    const { code, message } = await migrateFails();
    assert.deepEqual([code, message], ["55000", "the deployment does not run functions"]);
    assert.deepEqual(await rejects(), []);
  });
}

test("a key that may not call mutations ends the run", async (t) => {
  const { convex, migrateFails, rejects } = await open(t);
  await failFirst(convex, "You do not have permission to perform this operation (deployment:functions:runInternalMutations).");
  const { code, message } = await migrateFails();
  assert.deepEqual([code, message], ["28000", "the deploy key does not have the rights that are needed"]);
  assert.deepEqual(await rejects(), []);
});

test("too many system operations: smaller batches, no rejects", async (t) => {
  const { convex, migrate, keys } = await open(t);
  await failFirst(convex, "Your request timed out performing too many system operations.");
  const report = await migrate();
  assert.equal(report.at(-1).failed, 0);
  assert.equal((await keys("items")).length, 50);
});
