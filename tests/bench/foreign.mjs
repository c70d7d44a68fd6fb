/**
 * Foreign tables: the rows of one table that three other clusters have, as shards, against the same rows in a local one.
 * The sink takes them. No promise: what a network adds is not measured here.
 */
import { startCluster } from "../harness/index.mjs";
import { migrate, reportOf } from "./migration.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const SHARDS = [1, 2, 3];
const ROWS = Number(process.env.BENCH_FOREIGN_ROWS ?? 1_000_000);

const COLUMNS = "shard int, id int, at timestamptz, author uuid, title text, body text";

/** Rows of one shard, or of all. */
function rowsOf(condition) {
  return `SELECT n % 3 + 1, n, '2026-01-01Z'::timestamptz + n * interval '1 s', md5(n::text)::uuid, 'title ' || n, repeat(md5(n::text), 6)
    FROM generate_series(1, ${ROWS}) n WHERE ${condition}`;
}

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept: none is made
 */
export async function benchForeign({ cluster, runs }) {
  const clusters = await Promise.all(SHARDS.map(() => startCluster({ settings: ["shared_buffers = 256MB", "jit = off"] })));
  const admin = await cluster.connect();
  await admin.query("CREATE DATABASE shards");
  await admin.end();
  const client = await cluster.connect({ database: "shards" });
  await makeTables(client, clusters);
  const sink = await startSink({ functions: ["Plain", "Sharded"].map((name) => `migrate:migrate${name}`) });

  const results = [];
  results.push(await measure({ cluster, client, sink, runs, label: "local, primary key", table: "plain" }));
  for (const fetchSize of [100, 10_000]) {
    for (const shard of SHARDS) await client.query(`ALTER SERVER shard${shard} OPTIONS (SET fetch_size '${fetchSize}')`);
    results.push(await measure({ cluster, client, sink, runs, label: `3 shards, no key, fetch_size ${grouped(fetchSize)}`, table: "sharded" }));
    results.push(await measure({
      cluster, client, sink, runs, label: `3 shards, key (id), fetch_size ${grouped(fetchSize)}`, table: "sharded",
      choice: "INSERT INTO convex_tables (source, key) VALUES ('sharded', '{id}')",
    }));
  }
  await sink.stop();
  await client.end();
  await Promise.all(clusters.map((one) => one.stop()));
  printTable(`Foreign tables: ${grouped(ROWS)} rows by postgres_fdw from 3 clusters of this machine; sink, latency 0 ms, median of ${runs}`,
    ["rows", "seconds", "rows/s", "of local"],
    results.map(({ label, seconds }) => [label, seconds.toFixed(2), grouped(Math.round(ROWS / seconds)),
      `${Math.round((100 * results[0].seconds) / seconds)} %`]));
  return [];
}

async function measure({ cluster, client, sink, runs, label, table, choice }) {
  await pointAt(cluster, "shards", sink, {});
  if (choice !== undefined) await client.query(choice);
  const seconds = [];
  for (let run = 0; run < runs; run++) {
    const { rows } = await timed(client, migrate(`'{${table}}'`));
    seconds.push(reportOf(rows, table, ROWS).seconds);
  }
  return { label, seconds: median(seconds) };
}

async function makeTables(client, clusters) {
  await client.query(`CREATE TABLE plain (${COLUMNS}, PRIMARY KEY (id)); INSERT INTO plain ${rowsOf("true")};
    CREATE EXTENSION postgres_fdw; CREATE TABLE sharded (${COLUMNS}) PARTITION BY LIST (shard)`);
  for (const shard of SHARDS) {
    const { env } = clusters[shard - 1];
    const remote = await clusters[shard - 1].connect();
    await remote.query(`CREATE TABLE sharded (${COLUMNS}, PRIMARY KEY (id)); INSERT INTO sharded ${rowsOf(`n % 3 = ${shard - 1}`)}`);
    await remote.query("VACUUM ANALYZE sharded");
    await remote.end();
    await client.query(`
      CREATE SERVER shard${shard} FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host '${env.PGHOST}', port '${env.PGPORT}', dbname 'postgres', fetch_size '100');
      CREATE USER MAPPING FOR CURRENT_USER SERVER shard${shard};
      CREATE FOREIGN TABLE sharded_${shard} PARTITION OF sharded FOR VALUES IN (${shard}) SERVER shard${shard} OPTIONS (table_name 'sharded')`);
  }
  await client.query("VACUUM ANALYZE plain");
}
