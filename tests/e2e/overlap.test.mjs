/**
 * Tables overlap: one begins when those that it points to are done, not when all before it are. Answers are held back
 * until what must not wait for them has come, so nothing here depends on speed: a run that does wait never ends.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, openGenerated, startCluster, until } from "../harness/index.mjs";
import { startRecorder } from "../harness/recorder.mjs";

/** For a run that waits for ever. */
const limit = { timeout: 120_000 };

/** Two chains, a ← c ← e and b ← d, a circle of two, and a table by itself. */
const sql = `
  CREATE TABLE a (id int PRIMARY KEY);
  CREATE TABLE b (id int PRIMARY KEY);
  CREATE TABLE c (id int PRIMARY KEY, a int REFERENCES a);
  CREATE TABLE d (id int PRIMARY KEY, b int REFERENCES b);
  CREATE TABLE e (id int PRIMARY KEY, c int REFERENCES c);
  CREATE TABLE x (id int PRIMARY KEY, y int);
  CREATE TABLE y (id int PRIMARY KEY, x int REFERENCES x);
  ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES y;
  CREATE TABLE z (id int PRIMARY KEY);
  INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1);
  INSERT INTO c VALUES (1, 1), (2, 2); INSERT INTO d VALUES (1, 1); INSERT INTO e VALUES (1, 2);
  INSERT INTO x VALUES (1, NULL); INSERT INTO y VALUES (1, 1); UPDATE x SET y = 1; INSERT INTO z VALUES (1);`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const rowsOf = (table) => `migrate:migrate${table.toUpperCase()}`;
const LINKS = "migrate:complete";

/**
 * A world in which some calls are not answered before others have come.
 * @param {Record<string, string>} held by the function whose answers wait, the one that must come first
 */
async function open(t, held, { options, change } = {}) {
  const scenario = await openGenerated(t, cluster, { sql, options: { batch_rows: 1000, concurrency: 16, ...options } });
  if (change) await change(scenario);
  const came = (path) => recorder.calls.some((call) => call.path === path);
  const recorder = await startRecorder(t, scenario.convex.url, {
    hold: ({ path }) => held[path] && until(() => t.signal.aborted || came(held[path]), { seconds: 100 }),
  });
  await scenario.client.query(`ALTER SERVER convex OPTIONS (SET url '${recorder.url}')`);
  const when = (path) => recorder.calls.find((call) => call.path === path);
  return { ...scenario, recorder, when };
}

async function assertComplete({ client, convex }) {
  const { differences } = await compareDocuments(client, convex);
  assert.deepEqual(differences, []);
}

test("a table waits for the tables that it points to, and for no others", limit, async (t) => {
  // b is answered when all of the other chain is there, and z when the circle has begun its second pass
  const scenario = await open(t, { [rowsOf("b")]: rowsOf("e"), [rowsOf("z")]: LINKS });
  const report = await scenario.migrate();
  assert.deepEqual(report.map(({ source, migrated, failed }) => [source, migrated, failed]), [
    ["a", 2, 0], ["b", 1, 0], ["x", 1, 0], ["z", 1, 0], ["c", 2, 0], ["d", 1, 0], ["y", 1, 0], ["e", 1, 0], [null, 10, 0],
  ]);
  const { when } = scenario;
  for (const [child, parent] of [["c", "a"], ["d", "b"], ["e", "c"], ["y", "x"]]) {
    assert.ok(when(rowsOf(child)).came > when(rowsOf(parent)).answered, `${child} came after ${parent} was answered`);
  }
  assert.ok(when(LINKS).came > when(rowsOf("y")).answered, "references were set after all rows that they point to");
  await assertComplete(scenario);
});

test("with one call at a time, a table that waits for a time of its own does not stop the next", limit, async (t) => {
  const scenario = await open(t, {}, { options: { concurrency: 1, batch_rows: 1 } });
  await scenario.convex.control("faults", [{
    match: { path: rowsOf("a"), nth: 2 }, fault: { kind: "status", status: 503, code: "OptimisticConcurrencyControlFailure", retryAfter: 2 },
  }]);
  await scenario.migrate();
  const again = scenario.recorder.calls.findLast(({ path }) => path === rowsOf("a"));
  const between = ["b", "d", "x", "y", "z"].filter((table) => scenario.when(rowsOf(table)).came < again.came);
  assert.deepEqual(between, ["b", "d", "x", "y", "z"]);
  assert.ok(scenario.when(rowsOf("c")).came > again.answered);
  await assertComplete(scenario);
});

test("rows of several tables that are rejected are shown with their own", limit, async (t) => {
  const scenario = await open(t, { [rowsOf("a")]: rowsOf("z") }, {
    options: { orphans: "reject" },
    change: ({ client }) => client.query(`
      ALTER TABLE c DISABLE TRIGGER ALL; INSERT INTO c VALUES (3, 30);
      ALTER TABLE d DISABLE TRIGGER ALL; INSERT INTO d VALUES (3, 30);
      ALTER TABLE e DISABLE TRIGGER ALL; INSERT INTO e VALUES (3, 30);`),
  });
  const report = await scenario.migrate();
  assert.equal(report.at(-1).failed, 3);
  assert.deepEqual((await scenario.rejects()).map(({ source, key }) => [source, key]), [["c", "3"], ["d", "3"], ["e", "3"]]);
});

test("a run that fails names all tables that were under way", limit, async (t) => {
  const scenario = await open(t, { [rowsOf("z")]: "never" });
  await scenario.convex.control("faults", [{ match: { path: rowsOf("e") }, fault: { kind: "status", status: 403, code: "Forbidden" } }]);
  const warnings = [];
  scenario.client.on("notice", ({ severity, detail }) => severity === "WARNING" && warnings.push(detail));
  const { detail } = await scenario.migrateFails();
  for (const text of [detail, warnings.at(-1)]) {
    assert.match(text, /^a: 2 migrated, 0 failed$/m);
    assert.match(text, /^z: 0 migrated, 0 failed$/m);
    assert.match(text, /^e: 0 migrated, 0 failed$/m);
  }
});

test("parents of another session are asked for before any row is sent", limit, async (t) => {
  const scenario = await open(t, {});
  await scenario.migrate("tables => '{a,b}'");
  const other = await scenario.connect();
  const before = scenario.recorder.calls.length;
  await scenario.migrate("tables => '{z,c,d}'", other);
  await other.end();
  const paths = scenario.recorder.calls.slice(before).map(({ path }) => path).filter((path) => path.startsWith("migrate:"));
  assert.deepEqual(paths.filter((path) => path !== "migrate:about").slice(0, 2), ["migrate:resolve", "migrate:resolve"]);
  assert.equal(paths.filter((path) => path === "migrate:resolve").length, 2);
});
