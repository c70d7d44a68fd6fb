/**
 * One database and one local Convex in which rounds of random tables are
 * migrated, and the judgement of each.
 *
 *   const world = await openWorld(t, cluster);
 *   const problem = await world.problemOf(round);     // null: all as it must be
 *
 * @typedef {{ kind: string, text: string }} Problem what is wrong: in general, and what exactly
 */
import { inspect } from "node:util";
import pg from "pg";
import { compareDocuments, openScenario, textsOf, upsertsInto } from "../harness/index.mjs";
import { refusalsOf, sqlOf } from "./schemas.mjs";

/** The most tables of a round: each has a Convex function of its own. */
export const MOST_TABLES = 32;

/**
 * @param {import("node:test").TestContext} t
 * @param {import("../harness/cluster.mjs").Cluster} cluster
 */
export async function openWorld(t, cluster) {
  const targets = Array.from({ length: MOST_TABLES }, (_, i) => `t${i}`);
  const { convex, connect } = await openScenario(t, cluster, { functions: upsertsInto(targets), options: { schemas: "property" } });

  /**
   * Makes the tables, migrates them and compares.
   * @param {import("./schemas.mjs").Round} round
   * @returns {Promise<Problem | null>} what is wrong
   */
  async function problemOf(round) {
    const client = await connect();
    try {
      await convex.control("reset", {});
      try {
        await client.query(sqlOf(round));
      } catch (error) {
        return { kind: "the tables cannot be made", text: textsOf(error) };
      }
      return await runAndCompare(client, convex, round);
    } finally {
      await client.end();
    }
  }

  return { problemOf };
}

/** @returns {Promise<Problem | null>} */
async function runAndCompare(client, convex, round) {
  const { options, session, tables } = round;
  const refused = await refusedRows(client, round);
  await setOptions(client, options);
  await client.query(`${session.join("; ")};`);
  let report;
  try {
    ({ rows: report } = await client.query("SELECT source::text, rows_read::int, migrated::int, failed::int, status FROM public.convex_migrate()"));
  } catch (error) {
    return { kind: "convex_migrate() failed", text: textsOf(error) };
  }
  await client.query("RESET ALL");
  const wrongRejects = await differentRejects(client, tables, refused);
  if (wrongRejects !== null) return { kind: "convex_rejects is wrong", text: wrongRejects };

  const { int8, numeric, timestamps, nulls, orphans } = options;
  const rows = Object.fromEntries(tables.map(({ name }) => [`property.${name}`, `r.n <> ALL ('{${[...refused.get(name).keys()].join(",")}}'::int[])`]));
  const keys = Object.fromEntries(tables.map(({ name, key }) => [`property.${name}`, key]));
  const { documents, differences } = await compareDocuments(client, convex, { schemas: ["property"], int8, numeric, timestamps, nulls, orphans, rows, keys });
  if (differences.length > 0) {
    return { kind: "documents differ", text: `${differences.length}, such as ${inspect(differences.slice(0, 2), { depth: 6, maxStringLength: 2000 })}` };
  }
  const total = report[report.length - 1];
  if (total.migrated === documents) return null;
  return { kind: "the report is wrong", text: `it says ${total.migrated} migrated, there are ${documents} documents` };
}

async function setOptions(client, options) {
  const { rows } = await client.query("SELECT option_name FROM pg_options_to_table((SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'convex'))");
  const known = rows.map(({ option_name: name }) => name);
  const changes = Object.entries(options).map(([name, value]) => `${known.includes(name) ? "SET" : "ADD"} ${name} ${pg.escapeLiteral(String(value))}`);
  await client.query(`ALTER SERVER convex OPTIONS (${changes.join(", ")})`);
}

/**
 * Rows that must not arrive, by table and number, with the codes that the
 * reason may have: those with a value that cannot go and, as orphans are
 * rejected, all that point to such a row.
 * @returns {Promise<Map<string, Map<number, string[]>>>}
 */
async function refusedRows(client, { options, tables }) {
  const refused = new Map();
  for (const table of tables) {
    const numbers = new Map();
    for (const row of table.rows) {
      const codes = refusalsOf(table, row);
      if (codes.length > 0) numbers.set(row.n, codes);
    }
    for (const { columns, parent, parentColumns } of options.orphans === "reject" ? table.references : []) {
      const joined = columns.map((name, i) => `c.${pg.escapeIdentifier(name)} = p.${pg.escapeIdentifier(parentColumns[i])}`).join(" AND ");
      const { rows } = await client.query(
        `SELECT c.n FROM property.${table.name} c JOIN property.${parent} p ON ${joined} WHERE p.n = ANY ($1)`, [[...refused.get(parent).keys()]]);
      for (const { n } of rows) numbers.set(n, [...(numbers.get(n) ?? []), "orphan"]);
    }
    refused.set(table.name, numbers);
  }
  return refused;
}

/** Compares convex_rejects with what must be in it, key by key. @returns {Promise<string | null>} */
async function differentRejects(client, tables, refused) {
  const { rows: rejects } = await client.query(`
    SELECT c.relname AS table, r.key, r.reason FROM convex_rejects r JOIN pg_class c ON c.oid = r.source
      WHERE c.relnamespace = 'property'::regnamespace`);
  for (const { name, key } of tables) {
    const found = rejects.filter(({ table }) => table === name);
    const expected = await refusedKeys(client, name, key, refused.get(name));
    if (key.length === 0) {
      if (found.length !== expected.length) return `${name}: ${found.length} rows rejected, must be ${expected.length}: ${inspect(found.slice(0, 5))}`;
      continue;
    }
    for (const { key: rejected, reason } of found) {
      const codes = expected.find(({ text }) => text === rejected)?.codes;
      if (codes === undefined) return `${name}: the row ${inspect(rejected)} was rejected, but can go: ${reason}`;
      if (!codes.includes(reason.split(":")[0])) return `${name}: the row ${inspect(rejected)} was rejected for another reason than ${codes}: ${reason}`;
    }
    const missing = expected.find(({ text }) => !found.some(({ key: rejected }) => rejected === text));
    if (missing !== undefined) return `${name}: the row ${inspect(missing.text)} is not in convex_rejects, must be: ${missing.codes}`;
  }
  return null;
}

/** The keys of refused rows that the table really has. @returns {Promise<{ text: string, codes: string[] }[]>} */
async function refusedKeys(client, name, key, numbers) {
  const texts = key.map((column) => `${pg.escapeIdentifier(column)}::text`);
  const text = texts.length === 0 ? "''" : texts.length === 1 ? texts[0] : `jsonb_build_array(${texts.join(", ")})::text`;
  await client.query("SET TimeZone = 'UTC'; SET IntervalStyle = iso_8601; SET DateStyle = 'ISO, YMD'");
  const { rows } = await client.query(`SELECT n, ${text} AS key FROM property.${name} WHERE n = ANY ($1)`, [[...numbers.keys()]]);
  await client.query("RESET ALL");
  return rows.map((row) => ({ text: row.key, codes: numbers.get(row.n) }));
}
