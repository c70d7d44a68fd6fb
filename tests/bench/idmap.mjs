/**
 * Promise: rows do not get slower with what was moved before them. Children that
 * refer to their parents, as many of both, in a database of 500,000 and in one of
 * 5,000,000: the ids of the parents do not fit into temp_buffers, and a row still
 * takes no more than 15 % longer. Measured by itself only: it takes minutes.
 */
import { migrate, reportOf } from "./migration.mjs";
import { grouped, median, megabytes, printTable, timed } from "./measure.mjs";
import { pointAt, startSink } from "./receivers.mjs";

const SIZES = [500_000, 5_000_000];
const MOST_RATIO = 1.15;

/** @param {import("./bench.mjs").Bench} bench @returns {Promise<string[]>} promises that were not kept */
export async function benchIdMap({ cluster, runs }) {
  const sink = await startSink({ functions: ["migrate:migrateParents", "migrate:migrateChildren"] });
  for (const rows of SIZES) await makeTables(cluster, rows);
  const results = SIZES.map((rows) => ({ rows, all: [] }));
  for (let run = 0; run < runs; run++) {
    for (const { rows, all } of results) all.push(await migrateBoth(cluster, sink, rows));
  }
  await sink.stop();
  const figures = results.map(({ rows, all }) => {
    const of = (figure) => median(all.map((one) => one[figure]));
    return { rows, seconds: of("seconds"), cpu: of("cpu"), anonymous: of("anonymous"), file: of("file") };
  });
  const micro = (seconds, rows) => (seconds / rows) * 1e6;
  printTable(`Id map: rows that refer to as many parents; sink, latency 0 ms, temp_buffers 8MB, median of ${runs}`,
    ["rows", "seconds", "µs/row", "CPU µs/row", "private memory", "temporary files"],
    figures.map(({ rows, seconds, cpu, anonymous, file }) => [
      grouped(rows), seconds.toFixed(2), micro(seconds, rows).toFixed(2), micro(cpu, rows).toFixed(2),
      megabytes(anonymous), megabytes(file)]));
  const [few, many] = figures.map(({ rows, seconds }) => micro(seconds, rows));
  return many / few <= MOST_RATIO ? []
    : [`id map: a row takes ${(many / few).toFixed(2)} times as long with ${grouped(SIZES[1])} rows, not ${MOST_RATIO}`];
}

async function makeTables(cluster, rows) {
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${databaseOf(rows)}`);
  await administrator.end();
  const client = await cluster.connect({ database: databaseOf(rows) });
  await client.query(`
    CREATE TABLE parents (id uuid PRIMARY KEY, label text NOT NULL);
    CREATE TABLE children (id int PRIMARY KEY, parent_id uuid NOT NULL, label text NOT NULL);
    INSERT INTO parents SELECT md5(n::text)::uuid, 'parent ' || n FROM generate_series(1, ${rows}) AS n;
    INSERT INTO children SELECT n, md5((1 + n * 7919::int8 % ${rows})::text)::uuid, 'child ' || n
      FROM generate_series(1, ${rows}) AS n;
    ALTER TABLE children ADD FOREIGN KEY (parent_id) REFERENCES parents;
    ANALYZE`);
  await client.query("VACUUM");
  await client.end();
}

const databaseOf = (rows) => `idmap_${rows}`;

/** Figures of the children, in a session that has just moved their parents; `file`: size of what it keeps of them. */
async function migrateBoth(cluster, sink, rows) {
  await pointAt(cluster, databaseOf(rows), sink);
  const client = await cluster.connect({ database: databaseOf(rows) });
  await client.query(migrate("'{parents}'"));
  const { rows: [{ file }] } = await client.query(`
    SELECT sum(pg_total_relation_size(oid))::float8 AS file FROM pg_class
     WHERE relpersistence = 't' AND relkind = 'r'`);
  const { rows: report, ...figures } = await timed(client, migrate("'{children}'"));
  reportOf(report, "children", rows);
  await client.end();
  return { ...figures, file };
}
