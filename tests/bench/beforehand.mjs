/**
 * What happens before anything is sent: convex_check() over the messages of the
 * large database against COPY of the same rows as JSON, and convex_plan() for a
 * schema of 2,000 tables and 5,000 foreign keys.
 */
import { COPY } from "./speed.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { prepareDatabase } from "../harness/index.mjs";

/** Nothing is sent, so nobody has to be there. */
const NOBODY = { url: "http://127.0.0.1:1", deployKey: "dev:nobody|x" };

const MOST_PLAN_SECONDS = 2;

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchBeforehand({ cluster, databases: [, large], runs }) {
  return [...await benchCheck(cluster, large, runs), ...await benchPlan(cluster, runs)];
}

async function benchCheck(cluster, { name, messages }, runs) {
  const client = await cluster.connect({ database: name });
  await client.query("DROP EXTENSION IF EXISTS convex_migrate CASCADE");
  await prepareDatabase(client, NOBODY);
  const copies = [];
  const checks = [];
  for (let run = 0; run < runs; run++) {
    copies.push(await timed(client, COPY));
    checks.push(await timed(client, "SELECT * FROM convex_check(tables => '{messages}')"));
  }
  await client.end();
  const of = (all, figure) => median(all.map((one) => one[figure]));
  printTable(`Check: ${grouped(messages)} messages, median of ${runs}`, ["", "seconds", "CPU s"], [
    ["COPY of row_to_json to /dev/null", copies],
    ["convex_check()", checks],
  ].map(([label, all]) => [label, of(all, "seconds").toFixed(2), of(all, "cpu").toFixed(2)]));
  const kept = of(checks, "seconds") <= of(copies, "seconds") && of(checks, "cpu") <= of(copies, "cpu");
  return kept ? [] : ["check: convex_check() takes longer than COPY of row_to_json"];
}

async function benchPlan(cluster, runs) {
  const client = await cluster.connect();
  await client.query("CREATE DATABASE bench_plan");
  await client.end();
  const planner = await cluster.connect({ database: "bench_plan" });
  await makeTables(planner, 2000, 5000);
  await prepareDatabase(planner, NOBODY);
  const plans = [];
  for (let run = 0; run < runs; run++) plans.push(await timed(planner, "SELECT * FROM convex_plan()"));
  await planner.end();
  const seconds = median(plans.map((plan) => plan.seconds));
  printTable(`Plan: 2,000 tables with 5,000 foreign keys at random, median of ${runs}`, ["", "seconds"], [
    ["convex_plan()", seconds.toFixed(2)],
    ["must be below", MOST_PLAN_SECONDS.toFixed(2)],
  ]);
  return seconds < MOST_PLAN_SECONDS ? [] : [`plan: ${seconds.toFixed(2)} s, not ${MOST_PLAN_SECONDS}`];
}

/** Tables that point to each other as if at random, the same in every run. */
async function makeTables(client, tables, keys) {
  const perTable = Math.ceil(keys / tables);
  for (let first = 1; first <= tables; first += 100) {
    await client.query(`DO $$ BEGIN FOR n IN ${first}..${Math.min(first + 99, tables)} LOOP
      EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a int, b int, c int)', n); END LOOP; END $$`);
  }
  for (let first = 1; first <= tables; first += 100) {
    await client.query(`DO $$ BEGIN FOR n IN ${first}..${first + 99} LOOP FOR j IN 1..${perTable} LOOP
      EXIT WHEN (n - 1) * ${perTable} + j > ${keys};
      EXECUTE format('ALTER TABLE t%s ADD FOREIGN KEY (%s) REFERENCES t%s', n, chr(96 + j),
        1 + (n * 7919 + j * 104729) % ${tables}); END LOOP; END LOOP; END $$`);
  }
}
