/**
 * convex_export() of the messages of the large database, beside COPY of the same rows as JSON to /dev/null, by turns.
 * The export computes three ids a row, looks for two parents, and writes a file.
 *
 * Promise: without compression it takes at most half of the CPU time of COPY; where constraints are trusted, at most
 * half of the time as well.
 */
import { unlinkSync } from "node:fs";
import { COPY } from "./speed.mjs";
import { grouped, median, megabytes, printTable, timed } from "./measure.mjs";
import { exportFolder } from "../harness/exported.mjs";

const LEAST_RATIO = 2;

/** By name, options of the server; null: not an export. */
const CONTESTANTS = {
  "COPY of row_to_json to /dev/null": null,
  "not compressed": { compression: "none", trust_constraints: "off" },
  "not compressed, constraints trusted": { compression: "none", trust_constraints: "on" },
  deflate: { compression: "deflate", trust_constraints: "off" },
  zstd: { compression: "zstd", trust_constraints: "off" },
};

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchExport({ cluster, databases: [, { name, messages }], runs }) {
  const path = `${exportFolder()}/bench.zip`;
  const client = await cluster.connect({ database: name });
  await client.query(`
    SET client_min_messages = error;
    DROP EXTENSION IF EXISTS convex_migrate CASCADE;
    CREATE EXTENSION convex_migrate;
    CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
      OPTIONS (url 'http://127.0.0.1:1', compression 'none', trust_constraints 'off')`);
  const results = Object.entries(CONTESTANTS).map(([label, options]) => ({ label, options, all: [], size: 0 }));
  for (let run = 0; run < runs; run++) {
    for (const result of results) await measure(client, path, result);
  }
  await client.end();
  unlinkSync(path);
  return judge(results, messages, runs);
}

async function measure(client, path, result) {
  if (result.options === null) {
    result.all.push(await timed(client, COPY));
    return;
  }
  for (const [option, value] of Object.entries(result.options)) {
    await client.query(`ALTER SERVER convex OPTIONS (SET ${option} '${value}')`);
  }
  result.all.push(await timed(client, `SELECT FROM convex_export('${path}', tables => '{messages}')`));
  const { rows: [{ size }] } = await client.query("SELECT size::float8 FROM pg_stat_file($1)", [path]);
  result.size = size;
}

function judge(results, messages, runs) {
  const of = ({ all }, figure) => median(all.map((one) => one[figure]));
  const [copy, plain, trusting] = results;
  printTable(`Export: ${grouped(messages)} messages, median of ${runs}`,
    ["", "seconds", "CPU s", "rows/s", "ratio", "CPU ratio", "file"],
    results.map((result) => [
      result.label, of(result, "seconds").toFixed(2), of(result, "cpu").toFixed(2),
      grouped(messages / of(result, "seconds")), (of(copy, "seconds") / of(result, "seconds")).toFixed(2),
      (of(copy, "cpu") / of(result, "cpu")).toFixed(2), result.size === 0 ? "" : megabytes(result.size),
    ]));
  const ratio = (result, figure) => of(copy, figure) / of(result, figure);
  const least = Math.min(ratio(plain, "cpu"), ratio(trusting, "cpu"), ratio(trusting, "seconds"));
  return least >= LEAST_RATIO ? [] : [`export: ${least.toFixed(2)} times as fast as row_to_json, not ${LEAST_RATIO}`];
}
