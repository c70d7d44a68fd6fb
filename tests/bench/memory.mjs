/**
 * Promise: the backend's memory does not grow with the number of rows. A
 * migration of the large database may raise its peak by less than 64 MB over
 * that of the small one. Both go into the sink, each in a connection of its own.
 */
import { MIGRATE_ALL, reportOf } from "./migration.mjs";
import { grouped, megabytes, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const MOST_GROWTH = 64 * 1024 * 1024;

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchMemory({ cluster, databases: [smallOne, largeOne] }) {
  const sink = await startSink();
  const peaks = [];
  for (const { name, messages } of [smallOne, largeOne]) {
    await pointAt(cluster, name, sink);
    const client = await cluster.connect({ database: name });
    const { rows, ...peak } = await timed(client, MIGRATE_ALL);
    peaks.push({ ...peak, messages, migrated: reportOf(rows, null, messages).migrated });
    await client.end();
  }
  await sink.stop();

  const [small, large] = peaks;
  const growth = large.anonymous - small.anonymous;
  printTable("Memory of the backend at its peak; sink, latency 0 ms, concurrency 8, fresh connections",
    ["messages", "rows in all", "private (RssAnon)", "with shared buffers (VmHWM)"],
    [
      ...peaks.map(({ messages, migrated, anonymous, resident }) =>
        [grouped(messages), grouped(migrated), megabytes(anonymous), megabytes(resident)]),
      ["difference", "", megabytes(growth), megabytes(large.resident - small.resident)],
      ["must be below", "", megabytes(MOST_GROWTH), ""],
    ]);
  return growth < MOST_GROWTH ? [] : [`memory: ${megabytes(growth)} more for ${grouped(large.messages)} messages than for ${grouped(small.messages)}`];
}
