/**
 * All benchmarks, on a private cluster: see run.sh, which has the options.
 * Exit code 1 when a promise is not kept: each is named in the last lines.
 *
 *   node tests/bench/bench.mjs [PART]     with the extension installed; PART: see PARTS
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { loadMessaging, startCluster } from "../harness/index.mjs";
import { benchBeforehand } from "./beforehand.mjs";
import { benchChildren } from "./children.mjs";
import { benchEncode } from "./encode.mjs";
import { benchExport } from "./export.mjs";
import { benchForeign } from "./foreign.mjs";
import { benchIdMap } from "./idmap.mjs";
import { benchImport } from "./import.mjs";
import { benchMany } from "./many.mjs";
import { grouped } from "./measure.mjs";
import { benchMemory } from "./memory.mjs";
import { benchOverlap } from "./overlap.mjs";
import { benchSpeed } from "./speed.mjs";
import { benchVerify } from "./verify.mjs";

/**
 * @typedef {object} Bench what the benchmarks work with
 * @property {import("../harness/cluster.mjs").Cluster} cluster
 * @property {{ name: string, messages: number, isWide?: boolean }[]} databases of the example: the small and the large
 *   one, and those between; the wide one has long messages
 * @property {number} runs of which the median counts
 */

/** One process for COPY, as for convex_migrate(), and no time for compilation. */
const SETTINGS = ["shared_buffers = 512MB", "max_parallel_workers_per_gather = 0", "jit = off"];

/** A whole number of at least 1 from the environment. */
function numberFrom(variable, standard) {
  const text = process.env[variable] ?? String(standard);
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${variable} must be a whole number of at least 1, not "${text}"`);
  return Number(text);
}

/** Characters of a long message. */
const LONG = 2000;

/** Loads the example in the proportions that it has by default, whatever the number of messages. */
async function load(cluster, { name, messages, isWide }) {
  const client = await cluster.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const share = (part) => Math.max(1, Math.round(messages * part));
  await loadMessaging(cluster, {
    database: name, sizes: { messages, conversations: share(0.1), contacts: share(0.05), notes: share(0.02) },
  });
  if (isWide) await cluster.psql(["-qc", `UPDATE messages SET body = rpad(body, ${LONG}, ' more of it')`], { database: name });
  await cluster.psql(["-qc", "VACUUM ANALYZE"], { database: name });
}

/** What the figures depend on. */
async function printHeader({ cluster, databases, runs }) {
  const client = await cluster.connect();
  const { rows: [{ postgres, settings }] } = await client.query(`
    SELECT version() AS postgres, (SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name)
      FROM pg_settings WHERE name IN ('shared_buffers', 'work_mem', 'temp_buffers')) AS settings`);
  await client.query("CREATE EXTENSION convex_migrate");
  const { rows: [{ extension }] } = await client.query("SELECT convex_version() AS extension");
  await client.end();
  const { version } = JSON.parse(readFileSync(new URL("../node_modules/convex/package.json", import.meta.url)));
  console.log(`${cpus()[0].model}, ${cpus().length} cores, shared by PostgreSQL, the receiver and the script; Linux ${release()}; load average ${loadavg()[0].toFixed(1)} at the start
${postgres.replace(/,.*/s, "")}; ${settings}; jit off, no parallel workers
${extension}
Node ${process.version}, convex ${version} from npm
${databases.map(({ messages }) => grouped(messages)).join(", ")} messages, with a tenth as many conversations and a twentieth contacts
Batches of 100 rows, median of ${runs}`);
}

/** What can be measured by itself. The first ones need no databases of the messaging example. */
const PARTS = { encode: benchEncode, children: benchChildren, many: benchMany, overlap: benchOverlap, idmap: benchIdMap, foreign: benchForeign, verify: benchVerify };
const PARTS_OF_EXAMPLE = { memory: benchMemory, speed: benchSpeed, beforehand: benchBeforehand, export: benchExport, import: benchImport };

/** Only by itself. */
const LONG_PARTS = ["idmap", "foreign", "verify", "import"];

async function main([part]) {
  const all = { ...PARTS, ...PARTS_OF_EXAMPLE };
  if (part !== undefined && !Object.hasOwn(all, part)) {
    throw new Error(`there is no part "${part}" (only ${Object.keys(all).join(", ")})`);
  }
  const names = part === undefined ? Object.keys(all).filter((name) => !LONG_PARTS.includes(name)) : [part];
  const messages = numberFrom("BENCH_MESSAGES", 1_000_000);
  const bench = {
    databases: [
      { name: "small", messages: Math.ceil(messages / 100) },
      { name: "large", messages },
      { name: "medium", messages: Math.ceil(messages / 5) },
      { name: "wide", messages: Math.ceil(messages / 4), isWide: true },
    ],
    runs: numberFrom("BENCH_RUNS", 5),
    cluster: await startCluster({ settings: SETTINGS }),
  };
  try {
    await printHeader(bench);
    const broken = [];
    if (names.some((name) => Object.hasOwn(PARTS_OF_EXAMPLE, name))) {
      console.log("\nLoading the databases ...");
      for (const database of bench.databases) await load(bench.cluster, database);
    }
    for (const name of names) broken.push(...await all[name](bench));
    console.log("");
    for (const promise of broken) console.log(`FAIL ${promise}`);
    if (broken.length === 0) console.log("All promises kept.");
    process.exitCode = broken.length === 0 ? 0 : 1;
  } finally {
    await bench.cluster.stop();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(["bench:", error.message, error.detail].filter(Boolean).join(" "));
  // Not only its code: receivers that still run would keep this process, and end with it.
  process.exit(1);
});
