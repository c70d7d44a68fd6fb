/**
 * What each kind of error asks for, by its status and code: the classes of
 * src/api/error.c that faults.test.mjs does not have. An answer that nobody
 * knows is tried a few times, then its own words are shown; nothing that it says
 * is trusted.
 */
import assert from "node:assert/strict";
import { createServer, createSecureServer } from "node:http2";
import { after, before, describe, test } from "node:test";
import { insertsInto, openScenario, startCluster, textsOf, upsertsInto } from "../harness/index.mjs";
import { makeCertificates } from "../convex/certificates.mjs";

const ROWS = 40;
const BATCH = 10;
const ALL_KEYS = Array.from({ length: ROWS }, (_, i) => String(i + 1));
const sql = `CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, ${ROWS}) AS i;`;
const path = "migrate:migrateItems";

describe("classes of errors", { concurrency: 4 }, () => {
  let cluster;

  before(async () => {
    cluster = await startCluster();
  });

  after(() => cluster?.stop());

  /** Batches go one after the other; the faults strike from the second on. */
  async function open(t, functions, { options = {}, times, ...fault }, convex = {}) {
    const scenario = await openScenario(t, cluster, {
      functions, sql, options: { batch_rows: BATCH, concurrency: 1, ...options }, convex,
    });
    await scenario.convex.control("faults", [{ match: { path, from: 2, times }, fault: { kind: "status", ...fault } }]);
    scenario.calls = async () => (await scenario.convex.control("stats")).functionCalls[path];
    return scenario;
  }

  const inserts = () => insertsInto(["items"]);
  const upserts = () => upsertsInto(["items"]);
  const ON = { retry_ambiguous: "on" };

  for (const status of [404, 402, 409, 418, 499]) {
    test(`${status} for a while: upserts go again`, async (t) => {
      const { migrate, keys } = await open(t, upserts(), { status, times: 2, options: ON });
      assert.equal((await migrate())[0].retries, 2);
      assert.deepEqual(await keys("items"), ALL_KEYS);
    });
  }

  for (const redact of [false, true]) {
    test(`404 for good${redact ? ", with redacted texts" : ""}: a few attempts, then its own words`, async (t) => {
      const { migrateFails, keys, calls } = await open(t, upserts(), {
        status: 404, code: "DeploymentNotFound", message: "There is no such deployment.", options: ON,
      }, { redact });
      const error = await migrateFails();
      assert.equal(error.code, "08P01");
      assert.match(error.detail, /^HTTP status 404, DeploymentNotFound: There is no such deployment\.\n/);
      assert.match(error.detail, /items: 10 migrated/);
      assert.equal(await calls(), 1 + 4);
      assert.deepEqual(await keys("items"), ALL_KEYS.slice(0, BATCH));
    });
  }

  test("404 to plain inserts: not again, the ERROR names the batch", async (t) => {
    const { migrateFails, calls } = await open(t, inserts(), { status: 404 });
    const error = await migrateFails();
    assert.match(error.detail, /keys "11" to "20"/);
    assert.match(error.hint, /retry_ambiguous/);
    assert.equal(await calls(), 2);
  });

  for (const [status, code] of [[400, "BadConvexFunctionIdentifier"], [401, "BadAdminKey"], [403, "OperationNotPermitted"], [421, "Misdirected"]]) {
    test(`${status} ends the run at once`, async (t) => {
      const { migrateFails, calls } = await open(t, upserts(), { status, code, message: "Because of it.", options: ON });
      const error = await migrateFails();
      assert.match(error.detail, /Because of it\./);
      assert.equal(await calls(), 2);
    });
  }

  test("what an unknown answer says is cut and cleaned", async (t) => {
    const key = "prod:happy-animal-123|0123456789abcdef";
    const message = `No\u0007 \u001b[31mway for ${key}, ${"é".repeat(5000)}`;
    const { migrateFails } = await open(t, upserts(), { status: 410, code: "Gone", message: `${message}\nrow data`, options: ON });
    const texts = textsOf(await migrateFails());
    assert.match(texts, /HTTP status 410, Gone: No {2} \[31mway for \*+, é+\n/);
    assert.ok(!texts.includes("0123456789abcdef") && !texts.includes("row data"));
    assert.ok(texts.length < 2000, `${texts.length} characters`);
  });

  test("408: the batch comes in halves, and the next ones are as small", async (t) => {
    const { client, keys, calls } = await open(t, upserts(), { status: 408, times: 1, options: ON });
    const { rows } = await client.query("SELECT retries::int, batches::int FROM convex_migrate() WHERE source IS NULL");
    // 10, 10 of which nothing is known, then 5 at a time, but for the 10 that were made ready before
    assert.deepEqual(rows, [{ retries: 1, batches: 1 + 2 + 1 + 2 }]);
    assert.equal(await calls(), 1 + 1 + 2 + 1 + 2);
    assert.deepEqual(await keys("items"), ALL_KEYS);
  });

  for (const refusal of [{ status: 413 }, { status: 400, code: "BadJsonBody", message: "No." }]) {
    test(`${refusal.status} to one small row: it is sent again, and is no reject`, async (t) => {
      const { migrate, keys } = await open(t, upserts(), { ...refusal, times: 1, options: { batch_rows: 1 } });
      const [{ retries, failed }] = await migrate();
      assert.deepEqual([retries, failed], [1, 0]);
      assert.deepEqual(await keys("items"), ALL_KEYS);
    });
  }

  test("413 to one small row for good: no row is blamed", async (t) => {
    const { migrateFails, calls } = await open(t, upserts(), { status: 413, options: { batch_rows: 1 } });
    const error = await migrateFails();
    assert.equal(error.code, "54000");
    assert.equal(error.message, "a request was refused as too large");
    assert.match(error.detail, /^HTTP status 413\.\nGave up after 4 attempts at a batch: /);
    assert.equal(await calls(), 1 + 4);
  });

  test("413 to a large row: it is a reject", async (t) => {
    const { client, migrate, keys } = await open(t, upserts(), { status: 413, times: 1, options: { batch_rows: 1 } });
    await client.query("UPDATE items SET label = repeat('x', 20000)");
    assert.equal((await migrate())[0].failed, 1);
    const { rows } = await client.query("SELECT key, reason FROM convex_rejects");
    assert.deepEqual(rows, [{ key: "2", reason: "request_too_large: the server does not take a request of this size" }]);
    assert.equal((await keys("items")).length, ROWS - 1);
  });

  test("408 again and again ends", async (t) => {
    const { migrateFails } = await open(t, upserts(), { status: 408, options: { ...ON, max_retries: 2 } });
    assert.match((await migrateFails()).detail, /HTTP status 408/);
  });

  const ONLY_HTTP_2 = {
    "without TLS": () => ({ server: createServer(), scheme: "http" }),
    "under TLS": () => ({ server: createSecureServer({ ...makeCertificates("good"), allowHTTP1: false }), scheme: "https" }),
  };

  for (const [name, start] of Object.entries(ONLY_HTTP_2)) {
    test(`a proxy that speaks only HTTP/2, ${name}: an ERROR that says so`, async (t) => {
      const { client, migrateFails } = await openScenario(t, cluster, { functions: inserts(), sql });
      const { server, scheme } = start();
      t.after(() => server.close());
      server.on("sessionError", () => {});
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      await client.query(`ALTER SERVER convex OPTIONS (SET url '${scheme}://127.0.0.1:${server.address().port}')`);
      const error = await migrateFails();
      assert.equal(error.code, "08P01", textsOf(error));
      assert.match(error.message, /does not speak HTTP\/1\.1/);
      assert.match(error.hint, /proxy/);
    });
  }
});
