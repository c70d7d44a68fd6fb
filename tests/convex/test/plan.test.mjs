/** Limits of a plan: bytes a second, functions at a time, conflicts; and the server's own retries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Database } from "../database.mjs";
import { HttpError } from "../errors.mjs";
import { startLocalConvex } from "../index.mjs";
import { Permits } from "../permits.mjs";
import { Plan } from "../plan.mjs";
import { retryRefused } from "../retries.mjs";
import { Transaction } from "../transaction.mjs";
import { canonicalize } from "../values.mjs";
import { countBytes, WriteRate } from "../write_rate.mjs";
import { FUNCTIONS, post, run, stats } from "./helpers.mjs";

const isRefused = (status, code, message) => (error) =>
  error instanceof HttpError && error.status === status && error.code === code && message.test(error.message);

test("the write rate: over the limit only after a commit, and until a second has passed", () => {
  let now = 0;
  const rate = new WriteRate(4 << 20, () => now);
  rate.record(4 << 20);
  rate.check();
  now = 500;
  rate.record(1);
  const refused = isRefused(
    429,
    "TooManyWrites",
    /^Too many writes per second\. Your deployment is limited to 4 MiB bytes written per 1 second\./,
  );
  now = 1000;
  assert.throws(() => rate.check(), refused);
  now = 1001;
  rate.check();
});

test("four retries inside, 100 ms to 2 s of back-off, then the refusal", async () => {
  const waits = [];
  let attempts = 0;
  const refuse = async () => {
    attempts += 1;
    throw new HttpError(429, "TooManyWrites", "busy");
  };
  const options = { wait: async (ms) => waits.push(ms), random: () => 1 };
  await assert.rejects(retryRefused(refuse, options), isRefused(429, "TooManyWrites", /busy/));
  assert.deepEqual([attempts, waits], [5, [100, 200, 400, 800]]);
  const other = async () => {
    attempts += 1;
    throw new HttpError(429, "TooManyConcurrentRequests", "busy");
  };
  await assert.rejects(retryRefused(other, options));
  assert.equal(attempts, 6);
  const outcomes = [new HttpError(503, "OptimisticConcurrencyControlFailure", ""), undefined];
  const second = async () => {
    const error = outcomes.shift();
    if (error !== undefined) throw error;
    return "done";
  };
  assert.equal(await retryRefused(second, options), "done");
});

test("permits: who waits longest is next, who waits too long is refused", async () => {
  const permits = new Permits("mutation", 1, 20);
  await permits.acquire();
  await assert.rejects(
    permits.acquire(),
    isRefused(
      429,
      "TooManyConcurrentRequests",
      /^Too many concurrent requests\. Your backend is limited to 1 concurrent mutations\. To get more resources, upgrade to Convex Pro\./,
    ),
  );
  const patient = new Permits("query", 1, 60_000);
  await patient.acquire();
  const order = [];
  const waiting = ["a", "b"].map((name) => patient.acquire().then(() => order.push(name)));
  patient.release();
  await waiting[0];
  patient.release();
  await waiting[1];
  assert.deepEqual(order, ["a", "b"]);
  patient.release();
  await patient.acquire();
});

/** A database with one table of one document. */
function makeDatabase() {
  const database = new Database(() => 1e12);
  const first = new Transaction(database);
  const id = first.insert("items", canonicalize({ n: 1 }));
  first.commit();
  return { database, id, table: database.table("items") };
}

test("bytes are those of documents and index entries, each as it is in the end", () => {
  const { database, id, table } = makeDatabase();
  const bytesOf = (write) => {
    const transaction = new Transaction(database);
    write(transaction);
    return countBytes(transaction.commit());
  };
  const idKey = 1 + 32 + 1;
  const indexEntry = (key) => 8 + 16 + key;
  const document = 61 + 2 + 2 + 9;
  const patch = (n) => (transaction) => transaction.patch(table, id, () => canonicalize({ n }));
  // document, then by_id and by_creation_time, each with its value
  const inserted = 8 + 32 + document + indexEntry(idKey) + 32 + indexEntry(9 + idKey) + 32;
  assert.equal(
    bytesOf((transaction) => transaction.insert("items", canonicalize({ n: 2 }))),
    inserted,
  );
  // the revision before is named too; keys that stay are written again
  assert.equal(bytesOf(patch(3)), inserted + 8);
  assert.equal(
    bytesOf((transaction) => [4, 5].forEach((n) => patch(n)(transaction))),
    inserted + 8,
  );
  // what goes: no document, and no value in the indexes
  assert.equal(
    bytesOf((transaction) => transaction.delete(table, id)),
    inserted + 8 - document - 2 * 32,
  );
});

test("a mutation conflicts with what was committed into what it read", async () => {
  const { database, id, table } = makeDatabase();
  const plan = new Plan({ concurrency: 16 });
  const readAndMeet = async (other) =>
    await plan.watchConflicts(async (check) => {
      const meanwhile = new Transaction(database);
      other(meanwhile);
      plan.recordCommit(meanwhile.commit());
      const reader = new Transaction(database);
      reader.get(table, id);
      check(reader);
      return "committed";
    });
  assert.equal(await readAndMeet((one) => one.insert("items", canonicalize({ n: 5 }))), "committed");
  assert.equal(await readAndMeet((one) => one.get(table, id)), "committed");
  await assert.rejects(
    readAndMeet((one) => one.patch(table, id, () => canonicalize({ n: 6 }))),
    isRefused(
      503,
      "OptimisticConcurrencyControlFailure",
      /^Documents read from or written to the "items" table/,
    ),
  );
});

test("creation times of transactions that overlap are interleaved, and may be equal", () => {
  const { database } = makeDatabase();
  const startedAt = database.beginTime();
  const [a, b] = [new Transaction(database, startedAt), new Transaction(database, startedAt)];
  const times = [a, b, a, b].map((one) => {
    const id = one.insert("items", canonicalize({}));
    return one.get(database.table("items"), id).creationTime;
  });
  assert.deepEqual([times[0], times[2]], [times[1], times[3]]);
  assert.ok(times[2] > times[0]);
  [a, b].forEach((one) => one.commit());
  assert.ok(database.beginTime() > startedAt);
});

async function withPlan(plan, work) {
  const convex = await startLocalConvex({ functions: FUNCTIONS, plan });
  try {
    await work(convex);
  } finally {
    await convex.close();
  }
}

const insert = (convex, document) => ({
  path: "store:insert",
  args: { table: "loose", document: { key: "k", ...document } },
});

test("over HTTP: what is written counts, and the next mutation waits or is refused", async () => {
  await withPlan({ writeLimit: 1000 }, async (convex) => {
    const big = insert(convex, { text: "x".repeat(2000) });
    assert.equal((await post(convex, "/api/mutation", big)).status, 200);
    // Too late for the limit on a machine that needs a second for it, else it has to wait.
    const { status, json } = await post(convex, "/api/mutation", big);
    assert.ok(status === 200 || json.code === "TooManyWrites", JSON.stringify(json));
    const counted = await stats(convex);
    assert.ok(counted.bytesWritten > 2000);
    assert.equal((await post(convex, "/api/query", { path: "store:keys", args: {} })).status, 200);
  });
});

test("over HTTP: mutations overlap, conflict, and are done in the end", async () => {
  await withPlan({ class: "S16", executionMs: 20, commitMs: 20 }, async (convex) => {
    const id = await run(convex, "mutation", "store:insert", insert(convex, { n: 0 }).args);
    const answers = await Promise.all(
      [1, 2].map((n) => post(convex, "/api/mutation", { path: "store:patch", args: { id, value: { n } } })),
    );
    const known = [200, 503];
    for (const { status } of answers) assert.ok(known.includes(status));
    assert.ok(answers.some(({ status }) => status === 200));
    assert.ok([1, 2].includes((await run(convex, "query", "store:get", { id })).n));
  });
});

test("a class that does not exist", async () => {
  await assert.rejects(startLocalConvex({ plan: { class: "S1" } }), /unknown class S1; there are S16, S256/);
});
