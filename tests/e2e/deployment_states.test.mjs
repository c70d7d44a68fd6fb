/**
 * A deployment that runs no functions, and a key that may not call them, end
 * the run: they are no fault of a row.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { insertsInto, openGenerated, openScenario, startCluster } from "../harness/index.mjs";

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

/** What is left of an error where a deployment shows no texts, for calls that a match picks. */
const failSilently = (convex, match) => convex.control("faults", [{
  match,
  fault: { kind: "body", contentType: "application/json",
    body: JSON.stringify({ status: "error", errorMessage: "[Request ID: 1234567890abcdef] Server Error" }) },
}]);

const silent = {
  sql: `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT n, 'n' || n FROM generate_series(1, 60) n;
    CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1), (2);
    CREATE TABLE things (id int PRIMARY KEY); INSERT INTO things VALUES (1), (2);`,
};

test("a deployment that shows no reasons and runs nothing ends the run before the first batch", async (t) => {
  const { convex, migrateFails, rejects } = await openGenerated(t, cluster, silent);
  await convex.control("redact", { redact: true });
  await convex.control("state", { state: "paused" });
  const { code, message, detail } = await migrateFails();
  assert.deepEqual([code, message], ["55000", "the deployment does not run functions"]);
  assert.equal(detail, 'Function "migrate:about" fails, and the deployment does not show why.');
  assert.deepEqual(await rejects(), []);
});

test("without reasons, in the middle of a table: the run asks by a call without rows, and ends", async (t) => {
  const { convex, migrateFails, rejects, keys } = await openGenerated(t, cluster, { ...silent, options: { batch_rows: 10, concurrency: 2 } });
  await failSilently(convex, { path: "migrate:migrateItems", from: 2 });
  const { code, message, detail } = await migrateFails();
  assert.deepEqual([code, message], ["55000", "the deployment does not run functions"]);
  assert.match(detail, /^Function "migrate:migrateItems" fails without any rows as well, and the deployment does not show why\./);
  assert.deepEqual(await rejects(), []);
  assert.equal((await keys("items")).length, 10);
});

test("without reasons, in small tables one after the other", async (t) => {
  const { convex, migrateFails, rejects } = await openGenerated(t, cluster, silent);
  await failSilently(convex, { path: "/api/mutation" });
  const { code, message } = await migrateFails("tables => '{others,things}'");
  assert.deepEqual([code, message], ["55000", "the deployment does not run functions"]);
  assert.deepEqual(await rejects(), []);
});

test("without reasons, and rows are to blame: the run asks and goes on", async (t) => {
  const { convex, migrate, rejects, keys } = await openGenerated(t, cluster, silent);
  // n10 to n19, and n1 as a part of them
  await failSilently(convex, { path: "migrate:migrateItems", contains: '"n1' });
  const report = await migrate();
  assert.deepEqual([report.at(-1).failed, report.at(-1).migrated], [11, 53]);
  assert.ok((await rejects()).every(({ reason }) => reason === "function_error: Server Error (the deployment does not show why)"));
  assert.equal((await keys("items")).length, 49);
});
