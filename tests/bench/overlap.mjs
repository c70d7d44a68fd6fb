/**
 * Promise: small tables do not wait for each other. 2,000 tables of 10 rows, at
 * 50 ms for each request, take at most a sixth of what they take one request
 * after another.
 */
import { migrate, reportOf } from "./migration.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const TABLES = 2000;
const ROWS = 10;
const LATENCY = 50;
const LEAST_RATIO = 6;

/** One request at a time takes its time, and always the same. */
const RUNS = { 1: 1, 16: 3 };

const NAMES = Array.from({ length: TABLES }, (_, i) => `t${i + 1}`);

/** @param {import("./bench.mjs").Bench} bench @returns {Promise<string[]>} promises that were not kept */
export async function benchOverlap({ cluster }) {
  const sink = await startSink({ latency: LATENCY, functions: NAMES.map((name) => `migrate:migrate${name.toUpperCase()}`) });
  const administrator = await cluster.connect();
  await administrator.query("CREATE DATABASE bench_overlap");
  await administrator.end();
  const client = await cluster.connect({ database: "bench_overlap" });
  await makeTables(client);
  const results = [];
  for (const [concurrency, runs] of Object.entries(RUNS)) {
    await pointAt(cluster, "bench_overlap", sink, { concurrency });
    const seconds = [];
    for (let run = 0; run < runs; run++) {
      const { rows, seconds: taken } = await timed(client, migrate("NULL"));
      reportOf(rows, null, TABLES * ROWS);
      seconds.push(taken);
    }
    results.push({ concurrency, seconds: median(seconds) });
  }
  await client.end();
  await sink.stop();

  const [one, many] = results;
  const ratio = one.seconds / many.seconds;
  printTable(`Small tables: ${grouped(TABLES)} tables of ${ROWS} rows; sink, latency ${LATENCY} ms`,
    ["concurrency", "seconds", "ratio"],
    results.map(({ concurrency, seconds }) => [concurrency, seconds.toFixed(2), (one.seconds / seconds).toFixed(2)]));
  return ratio >= LEAST_RATIO ? [] : [`small tables: ${ratio.toFixed(2)} times as fast as one after another, not ${LEAST_RATIO}`];
}

/** A transaction for some of them: each takes locks. */
async function makeTables(client) {
  for (let i = 0; i < TABLES; i += 100) {
    await client.query(NAMES.slice(i, i + 100).map((name) => `
      CREATE TABLE ${name} (id int PRIMARY KEY, label text NOT NULL);
      INSERT INTO ${name} SELECT n, '${name} ' || n FROM generate_series(1, ${ROWS}) AS n;`).join(""));
  }
  await client.query("ANALYZE");
}
