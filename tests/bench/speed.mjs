/**
 * How fast rows leave: convex_migrate() against the script that people write
 * (naive.mjs), by turns, into a sink that is never the slowest part: with 0, 20
 * and 50 ms of latency, and with the limits of two classes of deployments. Beside
 * them two yardsticks: PostgreSQL's own way to write the rows as JSON (COPY, no
 * network, no references), and the same sink flooded with a batch that was made
 * before.
 *
 * Promises: at 50 ms 16 requests at a time are at least 12 times as fast as the
 * script and reach 95 % of the flood; of a limit, 95 % is used once the run is
 * warm, while at most 5 % of the calls are tried again inside the deployment and
 * 0.5 % are refused; at 0 ms a row costs the backend at most 1.2 times the CPU
 * time that it costs COPY.
 */
import { fileURLToPath } from "node:url";
import { mustRun } from "../harness/index.mjs";
import { MIGRATE_MESSAGES, MIGRATE_PARENTS, reportOf } from "./migration.mjs";
import { grouped, median, megabytes, printTable, timed } from "./measure.mjs";
import { flood, pointAt, startSink } from "./receivers.mjs";

const naiveScript = fileURLToPath(new URL("naive.mjs", import.meta.url));

const CONCURRENCY = 16;
const BATCH_ROWS = 100;

/** The yardstick: PostgreSQL's own way to write the rows as JSON. */
export const COPY = "COPY (SELECT row_to_json(m) FROM messages m) TO '/dev/null'";

const MEBIBYTE = 1 << 20;

/**
 * Where the rows go, which database they come from, and how many of its messages the slow ones send: about as long as
 * the others take. With limits a call takes 20 ms to the deployment and back and 30 ms there.
 */
const CONDITIONS = [
  { name: "latency 0 ms", database: "large", slow: 200_000, sink: {}, copies: true },
  { name: "latency 20 ms", database: "large", slow: 20_000, sink: { latency: 20 } },
  { name: "latency 50 ms", database: "large", slow: 10_000, sink: { latency: 50 }, isJudged: true },
  {
    name: "S16: 16 mutations at a time, 4 MiB a second", database: "medium", slow: 10_000,
    sink: { latency: 20, execution: 30, permits: 16, bytes: 4 * MEBIBYTE },
  },
  {
    name: "S256: 256 mutations at a time, 8 MiB a second, documents of 2 KB", database: "wide", slow: 10_000,
    sink: { latency: 20, execution: 30, permits: 256, bytes: 8 * MEBIBYTE },
  },
];

const LEAST_TO_NAIVE = 12;
const LEAST_OF_FLOOD = 0.95;
const LEAST_OF_LIMIT = 0.95;
const MOST_RETRIED = 0.05;
const MOST_REFUSED = 0.005;
const MOST_CPU_TO_COPY = 1.2;

/** Seconds at the beginning and the end of a run in which the pace is not yet, or no more, that of the run. */
const WARM_UP = 3;
const RUN_OUT = 1;

/** @param {import("./bench.mjs").Bench} bench @returns {Promise<string[]>} promises that were not kept */
export async function benchSpeed({ cluster, databases, runs }) {
  const broken = [];
  for (const condition of CONDITIONS) {
    const { messages } = databases.find(({ name }) => name === condition.database);
    const results = await compare(cluster, { ...condition, messages, slow: Math.min(condition.slow, messages) }, runs);
    show(condition, messages, results, runs);
    broken.push(...judge(condition, results));
  }
  return broken;
}

/** Runs contestants by turns, so that whatever else the machine does meets all. */
async function compare(cluster, { database, messages, slow, sink: limits, copies = false }, runs) {
  const sink = await startSink(limits);
  // Without limits: what the flood is for is the receiver itself.
  const open = await startSink({ latency: limits.latency });
  const contestants = {
    ...(copies ? { "COPY of row_to_json to /dev/null": () => copy(cluster, database, messages) } : {}),
    [`convex_migrate(), concurrency ${CONCURRENCY}`]: () => migrateMessages(cluster, database, messages, sink),
    [`the same batch ${CONCURRENCY} at a time`]: () => floodWithBatch(open, sink, messages),
    "naive.mjs": () => naive(cluster, database, slow, sink),
  };
  const results = Object.keys(contestants).map((name) => ({ name, all: [] }));
  for (let run = 0; run < runs; run++) {
    for (const result of results) result.all.push(await contestants[result.name]());
  }
  await sink.stop();
  await open.stop();
  return results.map(({ name, all }) => {
    const figures = Object.keys(all[0]).map((figure) => [figure, median(all.map((one) => one[figure]))]);
    return { name, ...Object.fromEntries(figures) };
  });
}

/** What contestants have in common. */
const pace = (rows, { seconds, cpu }) => ({ rows, seconds, pace: rows / seconds, cpuOfRow: (cpu / rows) * 1e6 });

async function copy(cluster, database, messages) {
  const client = await cluster.connect({ database });
  const { anonymous, ...figures } = await timed(client, COPY);
  await client.end();
  return { ...pace(messages, figures), memory: anonymous };
}

/** The messages of a database, in a session that has migrated what they point to. */
async function migrateMessages(cluster, database, messages, sink) {
  await pointAt(cluster, database, sink, { concurrency: CONCURRENCY, batch_rows: BATCH_ROWS });
  const client = await cluster.connect({ database });
  await client.query(MIGRATE_PARENTS);
  await sink.stats();
  const { rows, anonymous, ...figures } = await timed(client, MIGRATE_MESSAGES);
  reportOf(rows, "messages", messages);
  await client.end();
  return { ...pace(messages, figures), memory: anonymous, ...ofSink(await sink.stats()) };
}

async function floodWithBatch(sink, from, messages) {
  const connections = CONCURRENCY;
  const requests = Math.ceil(messages / BATCH_ROWS);
  const { bytes, ...figures } = await flood(sink, { from, connections, requests });
  return { ...pace(messages, figures), ...ofSink(await sink.stats()), bytesOfSecond: bytes / figures.seconds };
}

/** The naive script in a process of its own; its figures are of messages alone, too. */
async function naive(cluster, database, messages, sink) {
  const { stdout } = await mustRun(process.execPath, [naiveScript, sink.url, sink.deployKey, String(messages)],
    { env: { ...cluster.env, PGDATABASE: database } });
  const { rows, memory, ...figures } = JSON.parse(stdout);
  return { ...pace(rows, figures), memory, ...ofSink(await sink.stats()) };
}

/** Shares are of mutations; `warm`: bytes a second, as a deployment counts them, in the middle of the run. */
function ofSink({ requests, mutations, retries, refusedWrites, refusedPermits, mostAtOnce, slice, slices }) {
  const middle = slices.slice(Math.round(WARM_UP / slice), -Math.round(RUN_OUT / slice));
  const refused = refusedWrites + refusedPermits;
  return {
    requests, mostAtOnce, refused, retried: retries / mutations, refusedShare: refused / mutations,
    warm: middle.reduce((sum, bytes) => sum + bytes, 0) / (middle.length * slice),
  };
}

function show({ name, sink: { bytes } }, messages, results, runs) {
  const slowest = results.at(-1);
  const cell = (value, text) => (value === undefined || Number.isNaN(value) ? "" : text(value));
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const head = ["", "rows/s", "to naive", "CPU µs/row", "memory", "requests", "at once",
    ...(bytes === undefined ? [] : ["of the limit", "retried inside", "429"])];
  const limited = (one) => (bytes === undefined ? []
    : [cell(one.warm / bytes, percent), cell(one.retried, percent), cell(one.refused, String)]);
  printTable(`${name}: ${grouped(messages)} messages, median of ${runs}`, head, results.map((one) => [
    one.name, grouped(one.pace), (one.pace / slowest.pace).toFixed(2), one.cpuOfRow.toFixed(2),
    cell(one.memory, megabytes), cell(one.requests, grouped), cell(one.mostAtOnce, String), ...limited(one),
  ]));
}

function judge({ name, copies, isJudged, sink: { bytes } }, results) {
  const script = results.at(-1);
  const flooded = results.at(-2);
  const migration = results.at(-3);
  const promises = [
    copies && [migration.cpuOfRow / results[0].cpuOfRow, "times the CPU time of COPY", MOST_CPU_TO_COPY, "at most"],
    isJudged && [migration.pace / script.pace, "times as fast as the script", LEAST_TO_NAIVE, "at least"],
    isJudged && [migration.pace / flooded.pace, "of the flood", LEAST_OF_FLOOD, "at least"],
    bytes && [flooded.bytesOfSecond / bytes, "times the limit is what the sink takes without it", 1, "at least"],
    bytes && [migration.warm / bytes, "of the limit", LEAST_OF_LIMIT, "at least"],
    bytes && [migration.retried, "of the calls tried again inside", MOST_RETRIED, "at most"],
    bytes && [migration.refusedShare, "of the calls refused", MOST_REFUSED, "at most"],
  ];
  return promises.filter(Boolean).filter(([value, , limit, side]) => !(side === "at most" ? value <= limit : value >= limit))
    .map(([value, what, limit, side]) => `${name}: ${value.toFixed(3)} ${what}, not ${side} ${limit}`);
}
