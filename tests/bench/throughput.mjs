/**
 * How fast rows leave, against two yardsticks of the same run: PostgreSQL's own
 * way to write the rows as JSON (COPY, no network, no references), and the
 * one-off script that people write (naive.mjs).
 */
import { fileURLToPath } from "node:url";
import { messagingProject, mustRun, startConvex } from "../harness/index.mjs";
import { MIGRATE_MESSAGES, MIGRATE_PARENTS, reportOf } from "./migration.mjs";
import { cpuSeconds, grouped, median, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const naiveScript = fileURLToPath(new URL("naive.mjs", import.meta.url));

const CONCURRENCY = 8;

/** The yardstick: PostgreSQL's own way to write the rows as JSON. */
export const COPY = "COPY (SELECT row_to_json(m) FROM messages m) TO '/dev/null'";

/** @param {import("./bench.mjs").Bench} bench */
export async function benchThroughput({ cluster, databases: [small, large], runs, latency, naiveMessages }) {
  const sink = await startSink();
  const toSink = await compare(runs, large.messages, {
    "COPY of row_to_json to /dev/null": () => copy(cluster, large),
    [`convex_migrate(), concurrency ${CONCURRENCY}`]: () => migrateMessages(cluster, large, sink),
    [`naive.mjs, ${grouped(naiveMessages)} messages`]: () => naive(cluster, large, sink, naiveMessages),
  });
  await sink.stop();
  print(`Throughput: ${grouped(large.messages)} messages; sink, latency 0 ms, median of ${runs}`, toSink);

  const convex = await startConvex({ functions: messagingProject("upserts"), latency });
  const empty = () => convex.control("reset", {});
  const toConvex = await compare(runs, small.messages, {
    [`convex_migrate(), concurrency ${CONCURRENCY}`]: async () => (await empty(), migrateMessages(cluster, small, convex)),
    "naive.mjs": async () => (await empty(), naive(cluster, small, convex, small.messages)),
  });
  await convex.stop();
  print(`Throughput: ${grouped(small.messages)} messages; local Convex, latency ${latency} ms, median of ${runs}`, toConvex);
}

/**
 * Runs contestants by turns, so that whatever else the machine does meets all.
 * @returns {Promise<object[]>} of each: name, rows, and medians of seconds and, where it is known, cpu and sinkCpu
 */
async function compare(runs, rows, contestants) {
  const results = Object.keys(contestants).map((name) => ({ name, all: [] }));
  for (let run = 0; run < runs; run++) {
    for (const result of results) result.all.push(await contestants[result.name]());
  }
  return results.map(({ name, all }) => {
    const of = (figure) => (all[0][figure] === undefined ? undefined : median(all.map((one) => one[figure])));
    return { name, rows: all[0].rows ?? rows, seconds: of("seconds"), cpu: of("cpu"), sinkCpu: of("sinkCpu") };
  });
}

async function copy(cluster, { name }) {
  const client = await cluster.connect({ database: name });
  const { seconds, cpu } = await timed(client, COPY);
  await client.end();
  return { seconds, cpu };
}

/** The messages of a database, in a session that has migrated what they point to. */
async function migrateMessages(cluster, { name, messages }, receiver) {
  await pointAt(cluster, name, receiver, { concurrency: CONCURRENCY });
  const client = await cluster.connect({ database: name });
  await client.query(MIGRATE_PARENTS);
  const receiverCpu = receiver.pid && cpuSeconds(receiver.pid);
  const { seconds, cpu, rows } = await timed(client, MIGRATE_MESSAGES);
  reportOf(rows, "messages", messages);
  await client.end();
  return { seconds, cpu, sinkCpu: receiver.pid && cpuSeconds(receiver.pid) - receiverCpu };
}

/** The naive script in a process of its own; its figures are of messages alone, too. */
async function naive(cluster, { name }, receiver, messages) {
  const { stdout } = await mustRun(process.execPath, [naiveScript, receiver.url, receiver.deployKey, String(messages)],
    { env: { ...cluster.env, PGDATABASE: name } });
  return JSON.parse(stdout);
}

/** A table of contestants; ratios are to the first, of wall time a row. */
function print(title, contestants) {
  const pace = ({ rows, seconds }) => rows / seconds;
  const orNothing = (seconds) => (seconds === undefined ? "" : seconds.toFixed(2));
  printTable(title,
    ["", "seconds", "rows/s", "ratio", "sender CPU s", "sink CPU s"],
    contestants.map((one) => [
      one.name, one.seconds.toFixed(2), grouped(pace(one)), (pace(one) / pace(contestants[0])).toFixed(2),
      orNothing(one.cpu), orNothing(one.sinkCpu),
    ]));
}
