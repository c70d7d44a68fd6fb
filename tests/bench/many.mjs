/**
 * What 1,000 tables cost: of the functions that look at all of them, and of one
 * call of the generated functions, whose modules Convex evaluates anew
 * (evaluation.mjs). CPU time of that, since other work on the machine is not what
 * is measured; it is compared with 6 tables.
 */
import { fileURLToPath } from "node:url";
import { generate, prepareDatabase, run } from "../harness/index.mjs";
import { median, printTable, timed } from "./measure.mjs";

const TABLES = 1000;
const FEW_TABLES = 6;

/** Seconds for each of the functions below. */
const MOST_SECONDS = 3;
/** Milliseconds that a call may take longer. */
const MOST_DIFFERENCE = 5;

const FUNCTIONS = ["convex_plan()", "convex_check()", "convex_schema()", "convex_functions()"];

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchMany({ cluster, runs }) {
  const few = await makeDatabase(cluster, "many_few", FEW_TABLES);
  const many = await makeDatabase(cluster, "many_many", TABLES);
  const broken = [...await benchFunctions(many, runs), ...await benchCalls(few, many)];
  await few.end();
  await many.end();
  return broken;
}

/** Empty tables of 20 columns with two references, an index, a unique one and a list of values. */
async function makeDatabase(cluster, database, tables) {
  const admin = await cluster.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const client = await cluster.connect({ database });
  await client.query("SET client_min_messages = warning");
  for (let first = 1; first <= tables; first += 100) {
    await client.query(`DO $$ BEGIN FOR n IN ${first}..${Math.min(first + 99, tables)} LOOP
      EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, owner_id bigint REFERENCES t%s, parent_id bigint REFERENCES t%s,
        status text CHECK (status IN (''open'', ''closed'')), name text NOT NULL, email text UNIQUE, a int, b int,
        price numeric(10, 2), data jsonb, seen_at timestamptz, done bool, tags text[], code uuid, day date,
        created_at timestamptz, c text, d text, e int, f int)', n, greatest(1, n / 2), greatest(1, n / 10));
      EXECUTE format('CREATE INDEX ON t%s (owner_id, day)', n); END LOOP; END $$`);
  }
  await prepareDatabase(client, { url: "http://127.0.0.1:1", deployKey: "dev:nobody|x" });
  return client;
}

async function benchFunctions(client, runs) {
  const results = [];
  for (const name of FUNCTIONS) {
    const all = [];
    for (let run = 0; run < runs; run++) all.push(await timed(client, `SELECT * FROM ${name}`));
    results.push({ name, seconds: median(all.map(({ seconds }) => seconds)), cpu: median(all.map(({ cpu }) => cpu)) });
  }
  printTable(`Many tables: ${TABLES} empty ones of 20 columns, median of ${runs}`, ["", "seconds", "CPU s"],
    results.map(({ name, seconds, cpu }) => [name, seconds.toFixed(2), cpu.toFixed(2)]));
  return results.filter(({ seconds }) => seconds >= MOST_SECONDS)
    .map(({ name, seconds }) => `many tables: ${name} takes ${seconds.toFixed(2)} s, not ${MOST_SECONDS}`);
}

async function benchCalls(few, many) {
  const took = { few: await timeOfEvaluation(few), many: await timeOfEvaluation(many) };
  const difference = took.many - took.few;
  printTable("What a call spends on evaluating the generated modules, CPU time", ["tables", "ms"], [
    [String(FEW_TABLES), took.few.toFixed(1)],
    [String(TABLES), took.many.toFixed(1)],
  ]);
  return difference <= MOST_DIFFERENCE ? []
    : [`many tables: a call takes ${difference.toFixed(1)} ms more with ${TABLES} tables than with ${FEW_TABLES}, not ${MOST_DIFFERENCE}`];
}

/** Milliseconds of CPU time, for the functions that are generated for the database. */
async function timeOfEvaluation(client) {
  const script = fileURLToPath(new URL("evaluation.mjs", import.meta.url));
  const { stdout } = await run(process.execPath, ["--no-warnings", "--experimental-vm-modules", script, await generate(client)]);
  return Number(stdout);
}
