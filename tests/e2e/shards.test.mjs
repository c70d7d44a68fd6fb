/**
 * Rows that other servers have: three clusters are the shards of one partitioned table, as docs/reshape.md has it. They go
 * like others, from one snapshot of each server, and a cancel reaches the server that is asked.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { arrived, errorOf, openGenerated, startCluster, until } from "../harness/index.mjs";

let cluster;
let shards = [];

before(async () => {
  [cluster, ...shards] = await Promise.all([1, 2, 3, 4].map(() => startCluster()));
  for (const [i, shard] of shards.entries()) {
    const client = await shard.connect();
    await client.query("CREATE ROLE reader LOGIN");
    await client.query("CREATE DATABASE app");
    const app = await shard.connect({ database: "app" });
    await app.query(`
      CREATE TABLE events (shard int, id int PRIMARY KEY, at timestamptz, parent_id int, text text);
      INSERT INTO events SELECT ${i + 1}, n, '2026-01-01Z'::timestamptz + n * interval '1 s', nullif(n - 1, 0), 'event ' || n
        FROM generate_series(1, 60) n WHERE n % 3 = ${i};
      CREATE VIEW slow AS SELECT id, text, pg_sleep(3600)::text AS never FROM events;
      GRANT SELECT ON events, slow TO reader`);
    await client.end();
    await app.end();
  }
});

after(() => Promise.all([cluster, ...shards].map((one) => one?.stop())));

/** The statements of the page, for these clusters. */
function statements() {
  const text = readFileSync(new URL("../../docs/reshape.md", import.meta.url), "utf8");
  const [, code] = /^## More than one machine\n[\s\S]*?^```sql\n([\s\S]*?)^```$/m.exec(text);
  return code.replaceAll(/host '10\.0\.0\.(\d)'/g, (_, n) => `host '${shards[n - 1].env.PGHOST}'`);
}

const openShards = async (t) => {
  const scenario = await openGenerated(t, cluster, { sql: "CREATE TABLE other (id int PRIMARY KEY, event int); INSERT INTO other VALUES (1, 60)" });
  await scenario.client.query(statements());
  await scenario.client.query(
    "INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('other', 'event', 'public.events(id)')");
  await scenario.deployGenerated();
  return scenario;
};

test("shards of one table, and what is said of them", async (t) => {
  const { client, convex, migrate } = await openShards(t);
  assert.equal((await migrate()).at(-1).status, "complete");
  const { events, other } = await arrived(convex, ["events", "other"]);
  assert.equal(Object.keys(events).length, 60);
  assert.deepEqual(events[1], { shard: 2, at: Date.UTC(2026, 0, 1, 0, 0, 1), text: "event 1" });
  for (let n = 2; n <= 60; n++) {
    assert.deepEqual(events[n], {
      shard: (n % 3) + 1, at: Date.UTC(2026, 0, 1, 0, 0, n), parent_id: `events:${n - 1}`, text: `event ${n}`,
    });
  }
  assert.deepEqual(other, { 1: { event: "events:60" } });

  const problems = async () => {
    const { rows } = await client.query("SELECT problem, hint FROM convex_check() WHERE problem IN ('foreign_table', 'fetch_size')");
    return rows.map(({ problem, hint }) => `${problem}: ${hint}`);
  };
  const remote = "foreign_table: Its rows are read from elsewhere, not in the snapshot of the run; those of one PostgreSQL server in one snapshot of that.";
  assert.deepEqual(await problems(), [remote]);
  await client.query("ALTER SERVER shard1 OPTIONS (DROP fetch_size); ALTER SERVER shard3 OPTIONS (DROP fetch_size)");
  const [, hint] = await problems();
  assert.equal(hint, "fetch_size: Its rows come 100 at a time. For larger portions: " +
    "ALTER SERVER shard1 OPTIONS (ADD fetch_size '10000'); ALTER SERVER shard3 OPTIONS (ADD fetch_size '10000');");
  await client.query(hint.slice(hint.indexOf("ALTER")));
  assert.deepEqual(await problems(), [remote]);
});

test("rows of two shards that have the same key are rejected", async (t) => {
  const { client, convex, migrate, rejects } = await openShards(t);
  const shard = await shards[0].connect({ database: "app" });
  await shard.query("INSERT INTO events VALUES (1, 1, NULL, NULL, 'a second 1')");
  const { rows: [{ rows: announced }] } = await client.query("SELECT sum(rows)::int AS rows FROM convex_check() WHERE severity = 'error'");
  const report = await migrate();
  assert.equal(report.at(-1).failed, 3);
  assert.equal(announced, 3);
  assert.deepEqual((await rejects()).map(({ key, reason }) => `${key} ${reason.split(":")[0]}`), ["1 repeated_key", "1 repeated_key", "2 orphan"]);
  assert.equal((await convex.tableData("events")).length, 59);
  await shard.query("DELETE FROM events WHERE text = 'a second 1'");
  await shard.end();
});

test("one snapshot of each server", async (t) => {
  const { client, migrate } = await openShards(t);
  const shard = await shards[1].connect({ database: "app" });
  await client.query("BEGIN");
  await client.query("SELECT FROM events");
  await shard.query("INSERT INTO events VALUES (2, 101, NULL, NULL, 'later')");
  assert.equal((await migrate()).at(-1).rows_read, 61);
  await client.query("COMMIT");
  assert.equal((await migrate()).at(-1).rows_read, 62);
  await shard.query("DELETE FROM events WHERE id = 101");
  await shard.end();
});

test("a time limit ends the query on the other server", async (t) => {
  const { client, deployGenerated, migrateFails } = await openShards(t);
  await client.query(`
    CREATE FOREIGN TABLE slow (id int, text text, never text) SERVER shard1 OPTIONS (table_name 'slow');
    INSERT INTO convex_tables (source, key) VALUES ('slow', '{id}')`);
  await deployGenerated();
  const shard = await shards[0].connect();
  const asleep = async () => {
    const { rows } = await shard.query("SELECT FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'");
    return rows.length;
  };
  const { rows: [{ pid }] } = await client.query("SELECT pg_backend_pid() AS pid");
  const failure = migrateFails("tables => '{slow}'");
  await until(asleep);
  const other = await cluster.connect();
  await other.query("SELECT pg_cancel_backend($1)", [pid]);
  assert.equal((await failure).code, "57014");
  await until(async () => (await asleep()) === 0);
  await client.query("SET statement_timeout = '500ms'");
  assert.equal((await errorOf(client.query("SELECT FROM convex_check(tables => '{slow}')"))).code, "57014");
  await until(async () => (await asleep()) === 0);
  await shard.end();
});
