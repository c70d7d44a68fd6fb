/**
 * All benchmarks, on a private cluster: see run.sh, which has the options.
 * Exit code 1 when a promise is not kept: each is named in the last lines.
 *
 *   node tests/bench/bench.mjs [PART]     with the extension installed; PART: encode, children
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { loadMessaging, startCluster } from "../harness/index.mjs";
import { benchBeforehand } from "./beforehand.mjs";
import { benchChildren } from "./children.mjs";
import { benchConcurrency } from "./concurrency.mjs";
import { benchEncode } from "./encode.mjs";
import { grouped } from "./measure.mjs";
import { benchMemory } from "./memory.mjs";
import { benchThroughput } from "./throughput.mjs";

/**
 * @typedef {object} Bench what the benchmarks work with
 * @property {import("../harness/cluster.mjs").Cluster} cluster
 * @property {{ name: string, messages: number }[]} databases the small and the large one
 * @property {number} runs of which the median counts
 * @property {number} latency milliseconds that the local Convex adds to each request
 * @property {number} naiveMessages how many messages the naive script sends to the sink
 */

/** One process for COPY, as for convex_migrate(), and no time for compilation. */
const SETTINGS = ["shared_buffers = 512MB", "max_parallel_workers_per_gather = 0", "jit = off"];

/** A whole number of at least 1 from the environment. */
function numberFrom(variable, standard) {
  const text = process.env[variable] ?? String(standard);
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${variable} must be a whole number of at least 1, not "${text}"`);
  return Number(text);
}

/** Loads the example in the proportions that it has by default, whatever the number of messages. */
async function load(cluster, { name, messages }) {
  const client = await cluster.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const share = (part) => Math.max(1, Math.round(messages * part));
  await loadMessaging(cluster, {
    database: name, sizes: { messages, conversations: share(0.1), contacts: share(0.05), notes: share(0.02) },
  });
  await cluster.psql(["-qc", "VACUUM ANALYZE"], { database: name });
}

/** What the figures depend on. */
async function printHeader({ cluster, databases: [small, large], runs, latency }) {
  const client = await cluster.connect();
  const { rows: [{ postgres, settings }] } = await client.query(`
    SELECT version() AS postgres, (SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name)
      FROM pg_settings WHERE name IN ('shared_buffers', 'work_mem', 'temp_buffers')) AS settings`);
  await client.query("CREATE EXTENSION convex_migrate");
  const { rows: [{ extension }] } = await client.query("SELECT convex_version() AS extension");
  await client.end();
  const { version } = JSON.parse(readFileSync(new URL("../node_modules/convex/package.json", import.meta.url)));
  console.log(`${cpus()[0].model}, ${cpus().length} cores, shared by PostgreSQL, the receiver and the naive script; Linux ${release()}; load average ${loadavg()[0].toFixed(1)} at the start
${postgres.replace(/,.*/s, "")}; ${settings}; jit off, no parallel workers
${extension}
Node ${process.version}, convex ${version} from npm
${grouped(small.messages)} and ${grouped(large.messages)} messages, with a tenth as many conversations and a twentieth contacts
Batches of 100 rows, median of ${runs}; latency is what the receiver adds to each request: 0 ms (sink) or ${latency} ms (local Convex)`);
}

/** What needs the databases of the messaging example. */
async function benchMigrations(bench) {
  console.log("\nLoading the databases ...");
  for (const database of bench.databases) await load(bench.cluster, database);
  const broken = [...await benchMemory(bench), ...await benchConcurrency(bench)];
  await benchThroughput(bench);
  return [...broken, ...await benchBeforehand(bench)];
}

/** What can be measured by itself, besides all. */
const PARTS = { encode: benchEncode, children: benchChildren };

async function main([part]) {
  if (part !== undefined && !Object.hasOwn(PARTS, part)) {
    throw new Error(`there is no part "${part}" (only ${Object.keys(PARTS).join(", ")})`);
  }
  const bench = {
    databases: [
      { name: "small", messages: numberFrom("BENCH_SMALL_MESSAGES", 10_000) },
      { name: "large", messages: numberFrom("BENCH_MESSAGES", 1_000_000) },
    ],
    runs: numberFrom("BENCH_RUNS", 3),
    latency: numberFrom("BENCH_LATENCY", 50),
    naiveMessages: numberFrom("BENCH_NAIVE_MESSAGES", 200_000),
    cluster: await startCluster({ settings: SETTINGS }),
  };
  try {
    await printHeader(bench);
    const broken = [];
    for (const name of part === undefined ? Object.keys(PARTS) : [part]) broken.push(...await PARTS[name](bench));
    if (part === undefined) broken.push(...await benchMigrations(bench));
    console.log("");
    for (const promise of broken) console.log(`FAIL ${promise}`);
    if (broken.length === 0) console.log("All promises kept.");
    process.exitCode = broken.length === 0 ? 0 : 1;
  } finally {
    await bench.cluster.stop();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`bench: ${error.message}`);
  // Not only its code: receivers that still run would keep this process, and end with it.
  process.exit(1);
});
