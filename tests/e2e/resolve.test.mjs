/**
 * References to rows that another session moved: a run of some tables asks the generated function "resolve" for the
 * parents that it leaves out.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compareDocuments, openGenerated, startCluster } from "../harness/index.mjs";

const PARENTS = "tables => '{countries,cities,rates,people}'";
const CHILDREN = "tables => '{trips}'";
const PEOPLE = 1200;

/** Keys of one column and of two, of types that do not print alike, and more rows than one question may have keys. */
const sql = `
  CREATE TABLE countries (code text PRIMARY KEY);
  CREATE TABLE cities (country text, "no" int, name text UNIQUE, PRIMARY KEY (country, "no"));
  CREATE TABLE rates (amount numeric PRIMARY KEY);
  CREATE TABLE people (id bigint PRIMARY KEY, badge int UNIQUE);
  CREATE TABLE trips (id int PRIMARY KEY, country text REFERENCES countries, city int, amount numeric REFERENCES rates,
    "from" int REFERENCES people, "to" int REFERENCES people (badge), via text REFERENCES cities (name),
    FOREIGN KEY (country, city) REFERENCES cities);
  INSERT INTO countries VALUES ('a'), ('b "c"'), (''), (E'd\\\\');
  INSERT INTO cities SELECT code, i, code || ' größe ' || i FROM countries, generate_series(1, 5) AS i;
  INSERT INTO rates VALUES (1.5), (100), (0.25);
  INSERT INTO people SELECT i, -i FROM generate_series(1, ${PEOPLE}) AS i;
  INSERT INTO trips SELECT i, c.code, 1 + i % 5, (ARRAY[1.50, 100.000, 0.2500])[1 + i % 3], nullif(i, 7), i - ${PEOPLE + 1},
      CASE WHEN i % 4 > 0 THEN c.code || ' größe 1' END
    FROM generate_series(1, ${PEOPLE}) AS i
    JOIN (SELECT code, row_number() OVER (ORDER BY code) - 1 AS n FROM countries) c ON c.n = i % 4;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, options) => openGenerated(t, cluster, { sql, options: { batch_rows: 1000, ...options } });

async function assertComplete({ client, convex }) {
  const { documents, differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences.slice(0, 5), []);
  return documents;
}

/**
 * For countries, cities and rates one each; for people two, of at most 1,000 keys, and one for the only one that the
 * first reference to them does not name. Cities are all known when the second one is looked at.
 */
const ASKED = 6;

const resolveCalls = async (convex) => (await convex.control("stats")).functionCalls["migrate:resolve"] ?? 0;

test("a new session finds all parents; the session that moved them asks for none", async (t) => {
  const scenario = await open(t);
  const { connect, convex, migrate, rejects } = scenario;
  await migrate(PARENTS);
  await migrate(CHILDREN);
  assert.equal(await resolveCalls(convex), 0);
  assert.equal(await assertComplete(scenario), 4 + 20 + 3 + 2 * PEOPLE);
  const written = await convex.documentsWritten();
  const other = await connect();
  const report = await migrate(CHILDREN, other);
  assert.deepEqual(await rejects(other), []);
  assert.deepEqual(report.map(({ migrated, failed }) => [migrated, failed]), [[PEOPLE, 0], [PEOPLE, 0]]);
  assert.equal(await resolveCalls(convex), ASKED);
  assert.deepEqual(await convex.documentsWritten(), written);
  // what was found stays in the session's map
  await migrate(CHILDREN, other);
  assert.equal(await resolveCalls(convex), ASKED);
});

test("children whose parents came in an earlier session", async (t) => {
  const scenario = await open(t);
  const { connect, migrate } = scenario;
  await migrate(PARENTS);
  assert.equal((await migrate(CHILDREN, await connect())).at(-1).failed, 0);
  await assertComplete(scenario);
});

describe("parents that are not in Convex", () => {
  for (const [orphans, arrive] of [["reject", PEOPLE - 4], ["null", PEOPLE], ["keep", PEOPLE]]) {
    test(`orphans = ${orphans}`, async (t) => {
      const { connect, convex, migrate, rejects } = await open(t, { orphans });
      await migrate(PARENTS);
      // a person is where one trip begins and another ends
      await convex.mutation("migrate:remove", { table: "people", keys: ["1", "2", String(PEOPLE)] });
      const other = await connect();
      const [{ migrated, failed }] = await migrate(CHILDREN, other);
      assert.deepEqual({ migrated, failed }, { migrated: arrive, failed: PEOPLE - arrive });
      const reasons = (await rejects(other)).map(({ key, reason }) => `${key}: ${reason}`);
      assert.equal(reasons.length, PEOPLE - arrive);
      for (const reason of reasons) assert.match(reason, /^(1|2|1199|1200): orphan: (from|to|from, to): /);
      const trips = await convex.tableData("trips");
      const first = trips.find(({ supabaseId }) => supabaseId === "1");
      assert.equal(first?.from, { reject: undefined, null: undefined, keep: "1" }[orphans]);
    });
  }
});

test("a table of a circle, in a new session", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    deferred: { lefts: ["right_id"] },
    sql: `CREATE TABLE lefts (id int PRIMARY KEY, right_id int);
      CREATE TABLE rights (id int PRIMARY KEY, left_id int NOT NULL REFERENCES lefts, up_id int REFERENCES rights);
      INSERT INTO lefts SELECT i, 31 - i FROM generate_series(1, 30) AS i;
      INSERT INTO rights SELECT i, i, 31 - i FROM generate_series(1, 30) AS i;
      ALTER TABLE lefts ADD FOREIGN KEY (right_id) REFERENCES rights;`,
  });
  const { client, connect, convex, migrate } = scenario;
  await migrate();
  const written = await convex.documentsWritten();
  for (const table of ["lefts", "rights"]) {
    const [{ migrated, failed }] = await migrate(`tables => '{${table}}'`, await connect());
    assert.deepEqual({ migrated, failed }, { migrated: 30, failed: 0 });
  }
  assert.deepEqual(await convex.documentsWritten(), written);
  await client.query("UPDATE lefts SET right_id = NULL WHERE id < 10; UPDATE lefts SET right_id = id WHERE id > 20");
  await migrate("tables => '{lefts}'", await connect());
  assert.equal(await assertComplete(scenario), 60);
});

describe("faults while parents are asked for", () => {
  const path = "migrate:resolve";
  test("asked again", async (t) => {
    const scenario = await open(t);
    const { connect, convex, migrate } = scenario;
    await migrate(PARENTS);
    for (const fault of [
      { kind: "status", status: 429, code: "RateLimited", retryAfter: 0 },
      { kind: "status", status: 503 },
      { kind: "reset_before" },
      { kind: "reset_after" },
      { kind: "truncate" },
    ]) {
      await convex.control("faults", [{ match: { path, every: 2, times: 2 }, fault }]);
      assert.equal((await migrate(CHILDREN, await connect())).at(-1).failed, 0, JSON.stringify(fault));
      const [{ used }] = await convex.control("faults");
      assert.equal(used, 2);
    }
    await assertComplete(scenario);
  });

  test("that do not end: an error before anything of the table is sent", async (t) => {
    const { connect, convex, migrate, migrateFails } = await open(t, { max_retries: 1 });
    await migrate(PARENTS);
    const body = JSON.stringify({ status: "success", value: [{ supabaseId: "nobody", convexId: "x" }] });
    for (const [fault, expected] of [
      [{ kind: "reset_before" }, /the answer from Convex was lost/],
      [{ kind: "status", status: 503 }, /Convex could not complete a request/],
      [{ kind: "body", status: 200, contentType: "application/json", body }, /unexpected answer from Convex/],
    ]) {
      await convex.control("faults", [{ match: { path }, fault }]);
      const error = await migrateFails(CHILDREN, await connect());
      assert.match(error.message, expected);
    }
    assert.equal((await convex.tableData("trips")).length, 0);
  });
});
