/**
 * What a network, a proxy or an overloaded deployment does to a run: it waits
 * and goes on where nothing can be written twice, and else stops with one
 * ERROR that names the batch. No document ever comes twice.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  insertsInto, openScenario, startCluster, startForwarder, textsOf, upsertsInto, writeFunctions,
} from "../harness/index.mjs";

const ROWS = 100;
const BATCH = 10;
const ALL_KEYS = Array.from({ length: ROWS }, (_, i) => String(i + 1));
const sql = `CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, ${ROWS}) AS i;`;
const path = "migrate:migrateItems";

// Each test has a database and a deployment of its own, and mostly waits.
describe("faults", { concurrency: 4 }, () => {
  let cluster;

  before(async () => {
    cluster = await startCluster();
  });

  after(() => cluster?.stop());

  /** One request at a time, so that it is known which batch a fault strikes. */
  async function open(t, functions, { faults = [], options = {}, ...world } = {}) {
    const scenario = await openScenario(t, cluster, {
      functions, sql, options: { batch_rows: BATCH, concurrency: 1, max_retries: 2, ...options }, ...world,
    });
    await scenario.convex.control("faults", faults.map(({ match, fault }) => ({ match: { path, ...match }, fault })));
    return scenario;
  }

  const inserts = () => insertsInto(["items"]);
  const upserts = () => upsertsInto(["items"]);

  /** The report of a run in which everything went well in the end. */
  function complete(retries) {
    const row = { rows_read: ROWS, migrated: ROWS, failed: 0, retries, status: "complete" };
    return [{ source: "items", target: "items", ...row }, { source: null, target: null, ...row }];
  }

  const NOT_EXECUTED = {
    "429": { kind: "status", status: 429, code: "RateLimited" },
    "503 after a conflict of transactions": { kind: "status", status: 503, code: "OptimisticConcurrencyControlFailure" },
  };

  for (const [name, fault] of Object.entries(NOT_EXECUTED)) {
    test(`${name}: the batch goes again, also to plain inserts`, async (t) => {
      const { migrate, keys } = await open(t, inserts(), { faults: [{ match: { nth: 3 }, fault }] });
      assert.deepEqual(await migrate(), complete(1));
      assert.deepEqual(await keys("items"), ALL_KEYS);
    });
  }

  test("429 with Retry-After: not before that time", async (t) => {
    const fault = { kind: "status", status: 429, code: "RateLimited", retryAfter: 1 };
    const { client, keys } = await open(t, inserts(), { faults: [{ match: { nth: 3 }, fault }] });
    // the wait without Retry-After is half a second at most
    const { rows } = await client.query(
      "SELECT retries::int, elapsed >= '1 second' AS waited FROM convex_migrate() WHERE source IS NULL");
    assert.deepEqual(rows, [{ retries: 1, waited: true }]);
    assert.deepEqual(await keys("items"), ALL_KEYS);
  });

  test("429 again and again: one ERROR after max_retries, with what is in", async (t) => {
    const faults = [3, 4, 5].map((nth) => ({ match: { nth }, fault: NOT_EXECUTED["429"] }));
    const { migrateFails, client, keys } = await open(t, inserts(), { faults });
    const error = await migrateFails();
    assert.equal(error.code, "08006");
    assert.match(error.message, /overloaded/);
    assert.match(error.detail, /429/);
    assert.match(error.detail, /keys "21" to "30"/);
    assert.match(error.detail, /items: 20 migrated, 0 failed/);
    assert.match(client.notices.find(({ severity }) => severity === "WARNING").detail, /items: 20 migrated, 0 failed/);
    assert.deepEqual(await keys("items"), ALL_KEYS.slice(0, 20));
  });

  /** Faults after which nobody knows whether the batch was taken. */
  const AMBIGUOUS = {
    "503 without a code": { fault: { kind: "status", status: 503 }, taken: false },
    "500": { fault: { kind: "status", status: 500, code: "InternalServerError" }, taken: false },
    "a connection reset before the call": { fault: { kind: "reset_before" }, taken: false },
    "a connection reset after the call": { fault: { kind: "reset_after" }, taken: true },
    "a truncated answer": { fault: { kind: "truncate" }, taken: true },
    "no answer in time": { fault: { kind: "hang" }, taken: false, options: { timeout: "1s" } },
  };

  for (const [name, { fault, taken, options }] of Object.entries(AMBIGUOUS)) {
    test(`${name}: plain inserts are not sent again, the ERROR names first and last key`, async (t) => {
      const { migrateFails, keys, convex } = await open(t, inserts(), { faults: [{ match: { nth: 3 }, fault }], options });
      const error = await migrateFails();
      assert.equal(error.code, "08006");
      assert.match(error.detail, /keys "21" to "30"/);
      assert.match(error.detail, /items: 20 migrated, 0 failed/);
      assert.match(error.hint, /retry_ambiguous/);
      assert.deepEqual(await keys("items"), ALL_KEYS.slice(0, taken ? 30 : 20));
      // three calls were seen: neither we nor libcurl sent one again
      assert.equal((await convex.control("stats")).functionCalls[path], 3);
    });

    test(`${name}: upserts with retry_ambiguous go again`, async (t) => {
      const { migrate, keys } = await open(t, upserts(), {
        faults: [{ match: { nth: 3 }, fault }], options: { retry_ambiguous: "on", ...options },
      });
      assert.deepEqual(await migrate(), complete(1));
      assert.deepEqual(await keys("items"), ALL_KEYS);
    });
  }

  test("many faults at once, eight requests under way: upserts arrive once each", async (t) => {
    const faults = [{ kind: "reset_before" }, { kind: "reset_after" }, { kind: "status", status: 503 }, { kind: "truncate" }]
      .map((fault, i) => ({ match: { every: 5 + i, times: 2 }, fault }));
    const { migrate, keys } = await open(t, upserts(), {
      faults, options: { retry_ambiguous: "on", concurrency: 8, batch_rows: 5, max_retries: 8 },
    });
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: ROWS, failed: 0 });
    assert.deepEqual(await keys("items"), ALL_KEYS);
  });

  /**
   * Leaves the connection idle for so long that every libcurl looks whether it
   * is still open before the next request: since 2026 not more than once a second.
   */
  const IDLE_429 = { ...NOT_EXECUTED["429"], retryAfter: 2 };

  test("connections refused for a while: the run waits and goes on", async (t) => {
    // While the run waits after the 429 nothing is under way.
    const scenario = await open(t, inserts(), {
      faults: [{ match: { nth: 3 }, fault: IDLE_429 }], options: { max_retries: 8 },
    });
    const { client, convex, migrate, keys, faultStruck } = scenario;
    const forwarder = await startForwarder(convex.url);
    t.after(() => forwarder.refuse());
    await client.query(`ALTER SERVER convex OPTIONS (SET url '${forwarder.url}')`);
    const run = migrate();
    await faultStruck();
    await forwarder.refuse();
    // The next attempt comes after two seconds.
    await sleep(4000);
    await forwarder.accept();
    const [{ retries, ...items }] = await run;
    assert.deepEqual(items, { source: "items", target: "items", rows_read: ROWS, migrated: ROWS, failed: 0, status: "complete" });
    assert.ok(retries >= 2, `${retries} retries: the 429 and at least one refused connection`);
    assert.deepEqual(await keys("items"), ALL_KEYS);
  });

  test("the server is gone for good: ERROR with what is in per table, and a WARNING", async (t) => {
    const { client, convex, migrateFails, keys, faultStruck } = await open(t, inserts(), {
      faults: [{ match: { nth: 3 }, fault: IDLE_429 }],
    });
    const forwarder = await startForwarder(convex.url);
    await client.query(`ALTER SERVER convex OPTIONS (SET url '${forwarder.url}')`);
    const failed = migrateFails();
    await faultStruck();
    await forwarder.refuse();
    const error = await failed;
    assert.equal(error.code, "08001");
    assert.match(error.message, /could not connect/);
    assert.match(error.detail, /items: 20 migrated, 0 failed/);
    const warnings = client.notices.filter(({ severity }) => severity === "WARNING");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0].detail, /items: 20 migrated, 0 failed/);
    assert.deepEqual(await keys("items"), ALL_KEYS.slice(0, 20));
  });

  test("an ERROR in the second table says of each table what is in", async (t) => {
    const { client, convex, migrateFails } = await open(t, insertsInto(["items", "parts"]));
    await client.query(`CREATE TABLE parts (id int PRIMARY KEY, item_id int REFERENCES items);
      INSERT INTO parts SELECT i, i FROM generate_series(1, 30) AS i`);
    await convex.control("faults", [{ match: { path: "migrate:migrateParts", nth: 2 }, fault: { kind: "status", status: 500 } }]);
    const error = await migrateFails();
    assert.match(error.detail, /10 rows of table "parts", keys "11" to "20"/);
    for (const { detail } of [error, client.notices.find(({ severity }) => severity === "WARNING")]) {
      assert.match(detail, /items: 100 migrated, 0 failed\nparts: 10 migrated, 0 failed/);
    }
  });

  test("429 to the first questions: they are asked again", async (t) => {
    const { convex, migrate, keys } = await open(t, inserts());
    await convex.control("faults", ["/instance_name", "/api/check_admin_key", "/api/query"].map((route) => (
      { match: { path: route, times: 1 }, fault: NOT_EXECUTED["429"] })));
    assert.deepEqual(await migrate(), complete(0));
    assert.deepEqual(await keys("items"), ALL_KEYS);
  });

  test("the server was never there: ERROR before the first batch", async (t) => {
    const { client, convex, migrateFails } = await open(t, inserts());
    const forwarder = await startForwarder(convex.url);
    await client.query(`ALTER SERVER convex OPTIONS (SET url '${forwarder.url}')`);
    await forwarder.refuse();
    const error = await migrateFails();
    assert.equal(error.code, "08001");
    assert.match(error.hint, /url/);
  });

  /** Answers that fit no batch; the third batch has the keys 21 to 30. */
  const pairs = (keys) => JSON.stringify({ status: "success", value: keys.map((key) => ({ supabaseId: key, convexId: `id${key}` })) });
  const THIRD = ALL_KEYS.slice(20, 30);
  const UNEXPECTED = {
    "a page of a proxy": { contentType: "text/html", body: "<html><body>Sign in</body></html>" },
    "JSON of something else": { body: '{"hello": "world"}' },
    "no array of pairs": { body: '{"status": "success", "value": null}' },
    "a missing key": { body: pairs(THIRD.slice(1)), says: /1 of 10 are missing/ },
    "an unknown key": { body: pairs([...THIRD.slice(1), "31"]), says: /not sent/ },
    "a repeated key": { body: pairs([...THIRD.slice(1), "22"]), says: /twice/ },
    "one pair too many": { body: pairs([...THIRD, "21"]), says: /twice/ },
    "an id that is no text": { body: pairs(THIRD).replace('"id21"', "21"), says: /convexId/ },
  };

  for (const [name, { body, contentType = "application/json", says = /./ }] of Object.entries(UNEXPECTED)) {
    test(`${name} as the answer: a protocol ERROR`, async (t) => {
      const fault = { kind: "body", status: 200, contentType, body };
      const { migrateFails, convex } = await open(t, upserts(), {
        faults: [{ match: { nth: 3 }, fault }], options: { retry_ambiguous: "on" },
      });
      const error = await migrateFails();
      assert.equal(error.code, "08P01");
      assert.match(error.message, /unexpected answer/);
      assert.match(error.detail, says);
      assert.match(error.detail, /items: 20 migrated, 0 failed/);
      assert.ok(error.hint);
      assert.equal((await convex.control("stats")).functionCalls[path], 3);
    });
  }

  /** One ERROR that names the deployment and says what to do, and no batch was sent. */
  async function refusedBeforeTheFirstBatch({ client, convex, migrateFails }, code) {
    const error = await migrateFails();
    assert.equal(error.code, code, textsOf(error));
    assert.ok(textsOf(error).includes(convex.instance), `names the deployment: ${textsOf(error)}`);
    assert.ok(error.hint, "says what to do");
    assert.equal((await convex.control("stats")).functionCalls[path], undefined);
    assert.deepEqual(client.notices.filter(({ severity }) => severity === "WARNING"), []);
    return error;
  }

  test("a key that the deployment does not take", async (t) => {
    const scenario = await open(t, inserts(), { deployKey: "dev:local-convex-000|wrong" });
    const error = await refusedBeforeTheFirstBatch(scenario, "28000");
    assert.match(error.message, /deploy key/);
  });

  const WRONG_FUNCTIONS = {
    "a function that is not deployed": 'import { inserts } from "./records"; export const migrateThings = inserts("things");',
    "a query in the place of the mutation": 'import { query } from "./_generated/server"; export const migrateItems = query(() => []);',
    "an argument of another name": `
      import { mutation } from "./_generated/server";
      import { v } from "convex/values";
      export const migrateItems = mutation({ args: { rows: v.array(v.any()) }, handler: () => [] });`,
  };

  for (const [name, functions] of Object.entries(WRONG_FUNCTIONS)) {
    for (const redact of [false, true]) {
      test(`${name}${redact ? ", error texts redacted" : ""}`, async (t) => {
        const scenario = await open(t, writeFunctions(functions), { convex: { redact } });
        const error = await refusedBeforeTheFirstBatch(scenario, "42883");
        assert.ok(error.detail.includes(path), error.detail);
        assert.match(error.hint, /convex\/migrate\.ts/);
        assert.match(error.hint, /npx convex/);
      });
    }
  }

  test("a key for another deployment is not sent", async (t) => {
    const scenario = await open(t, inserts(), {
      deployKey: "dev:happy-animal-123|0123456789abcdef", convex: { args: ["--log", "memory"] },
    });
    const error = await refusedBeforeTheFirstBatch(scenario, "22023");
    assert.match(error.message, /happy-animal-123/);
    const requests = await scenario.convex.control("requests");
    assert.deepEqual(requests.map((request) => request.path), ["/instance_name"]);
  });

  test("a key for another deployment than the host names: nothing is sent at all", async (t) => {
    const { client, migrateFails } = await open(t, inserts(), { deployKey: "prod:happy-animal-123|0123456789abcdef" });
    await client.query("ALTER SERVER convex OPTIONS (SET url 'https://sad-plant-456.convex.cloud')");
    const error = await migrateFails();
    assert.equal(error.code, "22023");
    assert.match(error.message, /happy-animal-123.*sad-plant-456/);
  });
});
