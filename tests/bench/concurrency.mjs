/**
 * Promise: with 50 ms of latency, 8 requests at once are at least 6 times as
 * fast as one. The small database goes into an empty local Convex each time.
 */
import { messagingProject, startConvex } from "../harness/index.mjs";
import { MIGRATE_MESSAGES, MIGRATE_PARENTS, reportOf } from "./migration.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { pointAt } from "./receivers.mjs";

const LEAST_RATIO = 6;

/** Below this the server's own work, which no client can overlap, outweighs the latency. */
const JUDGED_LATENCY = 50;

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchConcurrency({ cluster, databases: [small], runs, latency }) {
  const convex = await startConvex({ functions: messagingProject("upserts"), latency });
  const seconds = { 1: [], 8: [] };
  for (let run = 0; run < runs; run++) {
    for (const concurrency of [1, 8]) {
      seconds[concurrency].push(await migrateMessages(cluster, small, convex, concurrency));
    }
  }
  await convex.stop();

  const ratio = median(seconds[1]) / median(seconds[8]);
  printTable(`Concurrency: ${grouped(small.messages)} messages; local Convex, latency ${latency} ms, median of ${runs}`,
    ["concurrency", "seconds", "rows/s", "ratio"],
    [1, 8].map((concurrency) => {
      const middle = median(seconds[concurrency]);
      return [String(concurrency), middle.toFixed(2), grouped(small.messages / middle), (median(seconds[1]) / middle).toFixed(2)];
    }));
  const kept = latency < JUDGED_LATENCY || ratio >= LEAST_RATIO;
  return kept ? [] : [`concurrency: 8 requests at once are ${ratio.toFixed(2)} times as fast as one, not ${LEAST_RATIO}`];
}

/** Seconds for the messages of a database, whose parents are there already. */
async function migrateMessages(cluster, { name, messages }, convex, concurrency) {
  await convex.control("reset", {});
  await pointAt(cluster, name, convex, { concurrency });
  const client = await cluster.connect({ database: name });
  await client.query(MIGRATE_PARENTS);
  const { seconds, rows } = await timed(client, MIGRATE_MESSAGES);
  reportOf(rows, "messages", messages);
  await client.end();
  return seconds;
}
