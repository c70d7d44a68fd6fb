/**
 * Progress that other sessions see: convex_progress and convex_progress_figures. Runs are held by a call that is never
 * answered, so that what is seen stands still and can be compared with the truth.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exportFolder } from "../harness/exported.mjs";
import { errorOf, openScenario, startCluster, until, upsertsInto } from "../harness/index.mjs";

const path = "migrate:migrateItems";
const hangs = (nth) => [{ match: { path, nth, times: 1 }, fault: { kind: "hang" } }];

/** Row 5 has a number that Convex cannot keep. Ten batches of ten rows, but for that one. */
const sql = `CREATE TABLE items (id int PRIMARY KEY, amount bigint);
  INSERT INTO items SELECT i, CASE i WHEN 5 THEN 1::bigint << 60 END FROM generate_series(1, 101) AS i;
  ANALYZE items;`;

/** For a run that is not ended by what should end it. */
const limit = { timeout: 60_000 };

let cluster;

before(async () => {
  // What was committed must survive the crash of a backend.
  cluster = await startCluster({ settings: ["autovacuum = off", "synchronous_commit = on"] });
});

after(() => cluster?.stop());

const open = (t, options = {}, world = {}) => openScenario(t, cluster, {
  functions: upsertsInto(["items"]), sql, ...world, options: { batch_rows: 10, concurrency: 1, ...options },
});

/** What a session sees of all runs, without what differs between runs. @param {import("pg").Client} session */
async function figures(session) {
  const { rows } = await session.query(
    `SELECT pid, database, server, command, tables, tables_done, source::text, pass, passes::int, source_rows::int,
            source_total::int, rows::int, total::int, failed::int, bytes::int, retries::int, in_flight, "window"
       FROM convex_progress_figures ORDER BY database`);
  return rows;
}

/** Waits until the run of this process stands still like this; the result is what is seen of it. */
async function seen(session, pid, wanted) {
  let row;
  await until(async () => {
    row = (await figures(session)).find((one) => one.pid === pid);
    return row !== undefined && Object.entries(wanted).every(([name, value]) => row[name] === value);
  }, { seconds: 20 }).catch((error) => {
    throw new Error(`${JSON.stringify(wanted)} is not seen, but ${JSON.stringify(row)}`, { cause: error });
  });
  return row;
}

/** An ERROR comes before its backend has cleaned up: what is seen of it goes a moment later. */
const assertGone = (session) => assertSeen(session, []);

/** Waits until runs of these processes are seen, and no others. */
async function assertSeen(session, pids) {
  let rows;
  const areSeen = async () => String((rows = await figures(session)).map(({ pid }) => pid)) === String(pids);
  await until(areSeen, { seconds: 20 }).catch((cause) => {
    throw new Error(`not ${pids} are seen, but ${JSON.stringify(rows)}`, { cause });
  });
}

/** A scenario whose run is held at its last batch. The result of startRun ends it. */
async function openHeld(t, options, world) {
  const scenario = await open(t, options, world);
  const { client, convex, connect, migrateFails } = scenario;
  await convex.control("faults", [
    { match: { path, nth: 2, times: 1 }, fault: { kind: "status", status: 503, code: "OptimisticConcurrencyControlFailure", retryAfter: 0 } },
    ...hangs(11)]); // the tenth batch: one was sent twice
  const other = await connect();
  const startRun = async () => {
    const failed = migrateFails();
    await scenario.faultStruck(2);
    return async () => {
      await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
      return failed;
    };
  };
  return { ...scenario, other, startRun };
}

test("another session sees where a run is, if it may, and nothing of it after a cancel", limit, async (t) => {
  const scenario = await openHeld(t);
  const { client, database, convex, connect, migrate, other, startRun } = scenario;
  await other.query("CREATE ROLE bystander LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats");
  const [bystander, watcher] = [await connect({ user: "bystander" }), await connect({ user: "watcher" })];
  await assertGone(other);
  const endRun = await startRun();
  const { bytes, ...row } = await seen(other, client.processID, { rows: 91, in_flight: 1 });
  assert.deepEqual(row, {
    pid: client.processID, database, server: "convex", command: "migrate", tables: 1, tables_done: 0, source: "items",
    pass: "rows", passes: 1, source_rows: 91, source_total: 101, rows: 91, total: 101, failed: 1, retries: 1, in_flight: 1,
    window: 1,
  });
  const { rows: [copy] } = await other.query("SELECT * FROM pg_stat_progress_copy");
  assert.deepEqual([copy.relid, copy.command, copy.type, copy.tuples_processed, copy.tuples_excluded, copy.bytes_processed],
    [0, "COPY TO", "CALLBACK", "91", "1", String(bytes)]);
  // nothing moves on: the rate falls, and the end is further away
  const pace = async () => (await other.query("SELECT rate, extract(epoch FROM eta) AS eta FROM convex_progress_figures")).rows[0];
  const first = await pace();
  await until(async () => (await pace()).rate < first.rate);
  assert.ok(Number((await pace()).eta) > Number(first.eta));
  await seen(watcher, client.processID, { rows: 91, source: "items" });
  await assertGone(bystander);
  assert.deepEqual((await bystander.query("SELECT * FROM convex_progress")).rows, []);
  assert.equal((await endRun()).code, "57014");
  await assertGone(other);
  await convex.control("faults", []);
  await client.query("DELETE FROM items WHERE id <> 5 AND id::text <> ALL ($1)", [await scenario.keys("items")]);
  await migrate();
  const { rows: [total] } = await client.query("SELECT bytes::int FROM convex_migrate() WHERE source IS NULL");
  assert.equal(bytes, total.bytes, "the bytes of the same calls");
});

test("it reads well in 100 columns, and long names are shortened", limit, async (t) => {
  const name = `w${"x".repeat(50)}`;
  const long = sql.replaceAll("items", name);
  const { convex, connect, database, client, migrateFails, faultStruck } = await open(t, { concurrency: 2 },
    { sql: `${long} UPDATE pg_class SET reltuples = 10000000 WHERE relname = '${name}'`, functions: upsertsInto([name]) });
  await convex.control("faults", [{ match: { nth: 5, path: `migrate:migrateW${name.slice(1)}` }, fault: { kind: "hang" } }]);
  const other = await connect();
  const failed = migrateFails();
  await faultStruck();
  await seen(other, client.processID, { rows: 91, in_flight: 1 }); // all batches but one
  const { stdout } = await cluster.psql(["-c", "TABLE convex_progress"], { database });
  const lines = stdout.split("\n");
  assert.ok(lines.every((line) => line.length <= 100), stdout);
  const cells = lines[2].split("|").map((cell) => cell.trim());
  assert.deepEqual(cells.slice(0, 4), [String(client.processID), "convex", `${name.slice(0, 14)}...`, "91/10000000"]);
  assert.match(cells[6], /^1\/[12]$/);
  assert.match(cells[5], /^\d+ (bytes|kB)$/);
  assert.equal(cells[7], "0");
  await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
  await failed;
});

test("a run that ended is not seen, though its transaction goes on", limit, async (t) => {
  const { client, connect, convex, migrate, migrateFails } = await open(t, { max_retries: 0 });
  const other = await connect();
  await client.query("BEGIN");
  await migrate();
  await assertGone(other);
  await client.query("ROLLBACK; BEGIN");
  await convex.control("faults", [{ match: { path, nth: 3 }, fault: { kind: "status", status: 503 } }]);
  await migrateFails();
  await assertGone(other);
  await client.query("ROLLBACK");
  // and in PL/pgSQL: while the handler runs
  await convex.control("faults", [{ match: { path, nth: 3 }, fault: { kind: "status", status: 503 } }]);
  const { rows: [{ caught }] } = await client.query(`
    DO $$ BEGIN
      PERFORM * FROM convex_migrate();
    EXCEPTION WHEN OTHERS THEN
      PERFORM set_config('test.seen', (SELECT count(*)::text FROM convex_progress), false);
    END $$; SELECT current_setting('test.seen') AS caught`).then((results) => results.at(-1));
  assert.equal(caught, "0");
});

test("functions that catch errors of their own do not hide a run", limit, async (t) => {
  const careful = `${sql}
    CREATE FUNCTION careful(n int) RETURNS int LANGUAGE plpgsql AS $$
      BEGIN RETURN n / 0; EXCEPTION WHEN division_by_zero THEN RETURN n; END $$;
    ALTER TABLE items RENAME TO numbers;
    CREATE VIEW items AS SELECT id, careful(id) AS n FROM numbers;`;
  const { client, connect, convex, migrateFails, faultStruck } = await open(t, {}, { sql: careful });
  await client.query("INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'numbers', true)");
  await convex.control("faults", hangs(1));
  const other = await connect();
  const failed = migrateFails("tables => '{items}'");
  await faultStruck();
  const { total, source_total: sourceTotal } = await seen(other, client.processID, { in_flight: 1, source: "items" });
  assert.deepEqual([total, sourceTotal], [null, null], "nobody knows how many rows a view has");
  const { rows: [{ rows, eta }] } = await other.query("SELECT rows, eta FROM convex_progress");
  assert.deepEqual([rows, eta], ["0", null]);
  await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
  await failed;
});

test("the link pass: rows whose references had to wait count again", limit, async (t) => {
  const tree = `CREATE TABLE items (id int PRIMARY KEY, parent int REFERENCES items);
    INSERT INTO items SELECT i, CASE WHEN i % 5 = 0 THEN 101 - i END FROM generate_series(1, 100) AS i; ANALYZE items;`;
  const { client, connect, convex, migrateFails, faultStruck } = await open(t, {}, { sql: tree });
  await convex.control("faults", [{ match: { path: "migrate:complete", nth: 2 }, fault: { kind: "hang" } }]);
  const other = await connect();
  const failed = migrateFails();
  await faultStruck();
  const row = await seen(other, client.processID, { pass: "links", source_rows: 10 });
  assert.deepEqual([row.source_total, row.rows, row.total, row.tables_done], [20, 110, 120, 1]);
  const { rows: [{ doing }] } = await other.query("SELECT doing FROM convex_progress");
  assert.equal(doing, "links: items");
  await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
  await failed;
});

test("a table that was never analyzed is estimated by its size", limit, async (t) => {
  const fresh = sql.replace("ANALYZE items;", "").replace("101)", "20001)");
  const { client, connect, convex, migrateFails, faultStruck } = await open(t, {}, { sql: fresh });
  await convex.control("faults", hangs(1));
  const other = await connect();
  const failed = migrateFails();
  await faultStruck();
  const { total } = await seen(other, client.processID, { in_flight: 1 });
  assert.ok(total > 5000 && total < 80_000, `about ${total} rows`);
  await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
  await failed;
});

test("two runs at once: both are seen, from other databases without names", limit, async (t) => {
  const one = await openHeld(t);
  const two = await openHeld(t);
  const { convex } = two;
  const second = await one.connect();
  await second.query(`CREATE SERVER second FOREIGN DATA WRAPPER convex_migrate
    OPTIONS (url '${convex.url}', batch_rows '10', concurrency '1')`);
  await second.query(`CREATE USER MAPPING FOR CURRENT_USER SERVER second OPTIONS (deploy_key '${convex.deployKey}')`);
  const endOne = await one.startRun();
  const failed = errorOf(second.query("SELECT * FROM convex_migrate('second')"));
  await two.faultStruck(2);
  const runs = (server, source) => new Set([
    [one.client.processID, one.database, server && "convex", source, 91].join(),
    [second.processID, one.database, server && "second", source, 91].join(),
  ]);
  const shown = async (session) => new Set((await figures(session)).map(
    ({ pid, database, server, source, rows }) => [pid, database, server, source, rows].join()));
  await seen(one.other, one.client.processID, { rows: 91 });
  await seen(one.other, second.processID, { rows: 91 });
  assert.deepEqual(await shown(one.other), runs(true, "items"));
  assert.deepEqual(await shown(two.other), runs(null, null));
  await endOne();
  await assertSeen(two.other, [second.processID]);
  await one.other.query("SELECT pg_cancel_backend($1)", [second.processID]);
  await failed;
  await assertGone(two.other);
});

test("a run that waits for its first row is seen, after ANALYZE of the id map too", limit, async (t) => {
  const { client, connect, migrate } = await open(t, {}, {
    functions: upsertsInto(["parents", "items"]),
    sql: `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
      CREATE TABLE items (id int PRIMARY KEY, parent_id int REFERENCES parents); INSERT INTO items VALUES (1, 1);
      CREATE FUNCTION gate(i int) RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN i; END $$;`,
  });
  await client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'items', 'public.gate(id) > 0')");
  const other = await connect();
  await other.query("SELECT pg_advisory_lock(1)");
  const migrated = migrate();
  await seen(other, client.processID, { source: "items", rows: 1, tables_done: 1, tables: 2, source_rows: 0 });
  await until(async () => (await other.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rowCount === 1);
  await seen(other, client.processID, { source: "items", pass: "rows" });
  await other.query("SELECT pg_advisory_unlock(1)");
  await migrated;
});

test("convex_check() and convex_export() are seen as well; a COPY is none of ours", limit, async (t) => {
  const slow = `CREATE FUNCTION gate(i int) RETURNS int LANGUAGE plpgsql STABLE AS
      $$ BEGIN IF i = 700 THEN PERFORM pg_advisory_xact_lock_shared(1); END IF; RETURN i; END $$;
    CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 1000); ANALYZE items;`;
  const { client, connect, database } = await open(t, { id_salt: "no secret of anybody" }, { sql: slow });
  await client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'items', 'public.gate(id) > 0')");
  const other = await connect();
  const copier = await cluster.connect({ database });
  for (const [command, call] of [["check", "convex_check()"], ["export", `convex_export('${exportFolder()}/items.zip')`]]) {
    await other.query("SELECT pg_advisory_lock(1)");
    const ended = client.query(`SELECT * FROM ${call}`);
    const row = await seen(other, client.processID, { rows: 500 });
    assert.deepEqual([row.command, row.source, row.pass, row.total, row.window], [command, "items", "rows", 1000, 0]);
    const { rows: [shown] } = await other.query("SELECT doing, rows, calls FROM convex_progress");
    assert.deepEqual(shown, { doing: `${command}: items`, rows: "500/1000", calls: null });
    const copied = copier.query("COPY (SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1)) TO '/dev/null'");
    await until(async () => (await other.query("SELECT FROM pg_stat_progress_copy")).rowCount === 2);
    assert.equal((await figures(other)).length, 1);
    await other.query("SELECT pg_advisory_unlock(1)");
    await Promise.all([ended, copied]);
    await assertGone(other);
  }
});

test("NOTICEs have the rate and the time to the end", limit, async (t) => {
  const { client, migrate } = await open(t);
  await client.query("SET convex_migrate.progress_interval = 1");
  await migrate();
  const said = (pattern) => client.notices.some(({ message }) => pattern.test(message));
  const all = () => client.notices.map(({ message }) => message).join("\n");
  assert.ok(said(/^items: \d+ of about 101 migrated, 1 failed, [\d,]+ rows\/s, about \d+ (s|min) to the end of the run$/), all());
  client.notices.length = 0;
  await client.query("UPDATE pg_class SET reltuples = 1e9 WHERE relname = 'items'");
  await migrate();
  assert.ok(said(/^items: \d+ of about 1,000,000,000 migrated, 1 failed, [\d,]+ rows\/s, about \d+ h \d+ min to the end of the run$/), all());
  client.notices.length = 0;
  await client.query("SET convex_migrate.progress_interval = 0; SET track_activities = off");
  await migrate();
  assert.ok(said(/^items: \d+ of about 1,000,000,000 migrated, 1 failed$/), all());
});

test("a dump has no view of ours, and a restored database has them", limit, async (t) => {
  const { database, client } = await open(t);
  const dump = await cluster.program("pg_dump", [database]);
  assert.ok(!dump.includes("VIEW public.convex_progress"));
  await client.query(`CREATE DATABASE ${database}_restored`);
  const { stderr } = await cluster.psql(["-v", "ON_ERROR_STOP=1", "-q"], { input: dump, database: `${database}_restored` });
  assert.equal(stderr, "");
  const { stdout } = await cluster.psql(["-Atc", "SELECT count(*) FROM convex_progress"], { database: `${database}_restored` });
  assert.equal(stdout, "0\n");
});

test("kill -9: nothing is left", limit, async (t) => {
  const { client, connect, database, startRun } = await openHeld(t);
  await startRun();
  process.kill(client.processID, "SIGKILL");
  await until(async () => {
    const { code, stdout } = await cluster.psql(["-Atc", "SELECT count(*) FROM convex_progress"], { database });
    return code === 0 && stdout === "0\n";
  });
  await assertGone(await connect());
});
