/**
 * The pace of a run: one clock for all batches, a window that is halved once a round trip, a rate that is learnt, and
 * limits of its own, of time and of bytes. What came when is read off between the extension and Convex; nothing here must be fast.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { insertsInto, openScenario, startCluster, until } from "../harness/index.mjs";
import { startRecorder } from "../harness/recorder.mjs";

const path = "migrate:migrateItems";
const ROWS = 60;
const BATCH = 5;
const sql = `CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, ${ROWS}) AS i;`;

/** For a run that waits for ever. */
const limit = { timeout: 120_000 };

const refused = (fields) => ({ kind: "status", status: 429, code: "RateLimited", ...fields });

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

async function open(t, { faults = [], options = {}, latency = 0, args, hold } = {}) {
  const scenario = await openScenario(t, cluster, {
    functions: insertsInto(["items"]), sql, options: { batch_rows: BATCH, ...options }, convex: { latency, args },
  });
  await scenario.convex.control("faults", faults);
  const recorder = await startRecorder(t, scenario.convex.url, { hold });
  await scenario.client.query(`ALTER SERVER convex OPTIONS (SET url '${recorder.url}')`);
  const asked = (wanted) => recorder.calls.filter((call) => call.path === wanted);
  return { ...scenario, asked, batches: () => asked(path) };
}

test("Retry-After: nothing is sent before it, then all batches are", limit, async (t) => {
  const { migrate, batches } = await open(t, {
    faults: [{ match: { path, nth: 4 }, fault: refused({ retryAfter: 5 }) }], options: { concurrency: 4 }, latency: 50,
  });
  assert.equal((await migrate())[0].migrated, ROWS);
  const { answered } = batches().find(({ status }) => status === 429);
  const later = batches().map(({ came }) => came - answered).filter((wait) => wait > 500);
  // the answer may be read a moment before it is written down here
  assert.ok(later.length > 0 && Math.min(...later) > 4950, `the first batch came ${Math.min(...later)} ms later`);
});

test("a batch that waits for a time of its own does not stop the others", limit, async (t) => {
  const { migrate, batches } = await open(t, {
    faults: [{ match: { path, nth: 2 }, fault: { kind: "status", status: 503, code: "OptimisticConcurrencyControlFailure", retryAfter: 1 } }],
    options: { concurrency: 1 },
  });
  assert.equal((await migrate())[0].migrated, ROWS);
  const first = batches().findIndex(({ status }) => status === 503);
  const again = batches().findLastIndex(({ keys }) => keys[0] === batches()[first].keys[0]);
  assert.ok(again > first + 1, "others were sent in between");
});

test("refusals of one moment halve the window once", limit, async (t) => {
  const { client, connect, batches, migrate } = await open(t, {
    // eight are under way by then
    faults: [{ match: { path, from: 40, times: 8 }, fault: refused({ retryAfter: 3 }) }],
    options: { concurrency: 8, batch_rows: 1 }, latency: 200,
  });
  const other = await connect();
  const seen = new Set();
  const running = migrate();
  await until(async () => batches().filter(({ status }) => status === 429).length === 8);
  await until(async () => {
    const { rows } = await other.query(`SELECT "window", in_flight FROM convex_progress_figures WHERE pid = $1`, [client.processID]);
    for (const row of rows) seen.add(row.window);
    return rows.some(({ in_flight: inFlight }) => inFlight === 0);
  });
  await other.end();
  assert.equal((await running)[0].migrated, ROWS);
  assert.ok(!seen.has(1) && !seen.has(2), `windows seen: ${[...seen]}`);
});

test("the window begins small and grows to option concurrency", limit, async (t) => {
  const { migrate, batches, convex } = await open(t, { options: { concurrency: 6, batch_rows: 1 }, latency: 100 });
  assert.equal((await migrate())[0].migrated, ROWS);
  const before = batches().filter(({ came }) => came < batches()[0].answered).length;
  assert.ok(before <= 2, `${before} batches were sent before the first answer`);
  const { maxConcurrentRequests: most } = await convex.control("stats");
  assert.ok(most > 3 && most <= 6, `${most} at a time`);
});

test("option patience: a time that is too long is not waited for", limit, async (t) => {
  const { migrateFails, batches, keys } = await open(t, {
    faults: [{ match: { path, nth: 3 }, fault: refused({ retryAfter: 3600 }) }], options: { concurrency: 1, patience: "1min" },
  });
  const error = await migrateFails();
  assert.equal(error.code, "08006");
  assert.equal(error.message, "Convex is overloaded");
  assert.match(error.detail, /^HTTP status 429, RateLimited[.:].*\nThe next attempt would be in (60|6\d) min, and the run waits for no more than 60 s altogether\./);
  assert.match(error.hint, /Option "patience"/);
  assert.equal(batches().length, 3);
  assert.equal((await keys("items")).length, 2 * BATCH);
});

test("option patience: it counts for questions as well", limit, async (t) => {
  const question = "_system/cli/modules:apiSpec";
  const { migrateFails, batches, asked } = await open(t, {
    faults: [{ match: { path: question, from: 1 }, fault: refused({ retryAfter: 3600 }) }], options: { patience: "1min" },
  });
  const error = await migrateFails();
  assert.equal(error.message, "Convex is overloaded");
  assert.match(error.detail, /\nThe next attempt would be in (60|6\d) min, and the run waits for no more than 60 s altogether\.$/);
  assert.equal(batches().length, 0);
  assert.equal(asked(question).length, 1);
});

test("option patience: short times add up", limit, async (t) => {
  const { migrateFails, batches } = await open(t, {
    faults: [{ match: { path, from: 3 }, fault: refused({ retryAfter: 1 }) }], options: { concurrency: 1, patience: "2500ms", max_retries: 1000 },
  });
  assert.match((await migrateFails()).detail, /no more than [23] s altogether/);
  const attempts = batches().length - 2;
  assert.ok(attempts === 3, `${attempts} attempts`);
});

test("option max_bytes_per_second: batches are spread over the time", limit, async (t) => {
  const most = 20_000;
  const { client, migrate, batches } = await open(t, { options: { concurrency: 4, max_bytes_per_second: `${most}B` } });
  await client.query("UPDATE items SET label = repeat('x', 1000)");
  assert.equal((await migrate())[0].migrated, ROWS);
  const times = batches().map(({ came }) => came);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const bytes = (ROWS - BATCH) * 1000;
  assert.ok(last - first > (bytes / most) * 1000 * 0.95, `${bytes} bytes were sent in ${last - first} ms`);
});

test("while calls take much longer than others did, no further ones are sent", limit, async (t) => {
  const held = { calls: 0, isOver: false };
  const { migrate, batches, keys } = await open(t, {
    options: { concurrency: 4, batch_rows: 1 }, latency: 20,
    hold({ path: called }) {
      // three of the four that are under way by then
      if (called !== path || held.isOver || batches().length < 12 || ++held.calls > 3) return;
      return until(() => t.signal.aborted || held.isOver, { seconds: 100 });
    },
  });
  const running = migrate();
  await until(() => held.calls >= 3);
  let before;
  do {
    before = batches().length;
    await sleep(1000);
  } while (batches().length > before);
  held.isOver = true;
  assert.ok(before < ROWS, `${before} of ${ROWS} batches were sent meanwhile`);
  assert.equal((await running)[0].migrated, ROWS);
  assert.equal((await keys("items")).length, ROWS);
});

test("the pace that a plan allows is learnt, so that few calls are tried again inside Convex", limit, async (t) => {
  const { client, migrate, batches, convex } = await open(t, {
    options: { concurrency: 8, batch_rows: 5 }, args: ["--write-limit", String(1 << 20), "--execution-ms", "10"],
  });
  await client.query("INSERT INTO items SELECT i, repeat('x', 5000) FROM generate_series(1001, 2500) AS i");
  assert.equal((await migrate())[0].migrated, ROWS + 1500);
  const { retriesInside: { TooManyWrites: retries = 0 } } = await convex.control("stats");
  // with calls that are sent as soon as there is an answer, one for two of them
  assert.ok(retries < batches().length / 4, `${batches().length} calls, of which some were tried again, ${retries} times in all`);
});

/** The most calls that were under way at once when one of these came. */
function mostAtOnce(calls) {
  return Math.max(...calls.map(({ came }) => calls.filter((other) => other.came <= came && other.answered > came).length));
}

test("calls that stall for a while are no limit of a plan: the run does not stay at their pace", limit, async (t) => {
  const { client, migrate, batches, keys } = await open(t, {
    options: { concurrency: 8, batch_rows: 1 }, latency: 20,
    faults: [{ match: { path, from: 60, times: 24 }, fault: { kind: "delay", ms: 2000 } }],
  });
  await client.query("INSERT INTO items SELECT i, 'item' FROM generate_series(1001, 2000) AS i");
  assert.equal((await migrate())[0].migrated, ROWS + 1000);
  assert.equal((await keys("items")).length, ROWS + 1000);
  // soon after the stall: not one after the other, with pauses
  const most = mostAtOnce(batches().slice(150, 350));
  assert.ok(most >= 4, `at most ${most} at once`);
});
