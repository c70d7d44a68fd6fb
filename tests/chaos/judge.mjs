/**
 * Is what a run left, and what it said, the truth? Nothing of the extension is
 * used to find out but convex_plan(), which says what had to wait.
 */
import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import { compareDocuments, deferredByPlan, textsOf } from "../harness/index.mjs";
import { differentRejects } from "../property/rejects.mjs";
import { SCHEMA } from "./tables.mjs";

/** What rows begin with that the functions refuse, and the code in convex_rejects. */
const REFUSED_NOTES = { refused: "refused", thrown: "function_error" };
const refusalOf = (note) => REFUSED_NOTES[note?.split(" ")[0]];

/**
 * A run that completed: documents, report and rejects are as the rows of PostgreSQL want them.
 * @param {pg.Client} client
 * @param {{ tableData(table: string): Promise<object[]> }} convex
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {object[]} report
 * @returns {Promise<{ documents: number, rejects: number }>}
 * @throws {assert.AssertionError}
 */
export async function assertComplete(client, convex, { tables, options }, report) {
  const documents = new Map();
  const unwelcome = [];
  const reader = {
    async tableData(table) {
      const found = await convex.tableData(table);
      documents.set(table, found.length);
      unwelcome.push(...found.filter(({ note }) => refusalOf(note) !== undefined));
      return found;
    },
  };
  const compared = await compareDocuments(client, reader, {
    schemas: [SCHEMA], mayRefuse: true, nulls: options.nulls, orphans: options.orphans,
    deferred: await deferredByPlan(client),
  });
  const { refusals, differences } = withRefusedByFunctions(compared);
  const some = inspect([...unwelcome, ...differences].slice(0, 3), { depth: 4, maxStringLength: 200 });
  assert.equal(differences.length + unwelcome.length, 0, `documents differ: ${some}`);
  const wrongRejects = await differentRejects(client, SCHEMA, tables.map(withKey), refusals);
  assert.equal(wrongRejects, null, `convex_rejects is wrong: ${wrongRejects}`);
  const [found, expected] = [sorted(report), await expectedReport(client, tables, documents, refusals)];
  assert.ok(isDeepStrictEqual(found, expected), `the report is wrong: ${inspect({ found, expected }, { depth: 4 })}`);
  return { documents: compared.documents, rejects: refusals.length };
}

/** The columns of a key count for rejects: there are some, or none. */
function withKey({ name, key }) {
  return { name, key: key === "none" ? [] : [key] };
}

/** A row that a function refuses has no document: that is no difference. */
function withRefusedByFunctions({ refusals, differences }) {
  const kept = [];
  const all = [...refusals];
  for (const difference of differences) {
    const { table, key, field, expected, found } = difference;
    const code = field === null && found === undefined ? refusalOf(expected.note) : undefined;
    if (code === undefined) {
      kept.push(difference);
      continue;
    }
    const inPart = all.findIndex((refusal) => refusal.table === table && refusal.key === key);
    const others = inPart >= 0 ? all.splice(inPart, 1)[0].problems : [];
    all.push({ table, key, problems: [{ code, path: null, figures: [] }, ...others], inPart: false });
  }
  return { refusals: all, differences: kept };
}

/** The report's rows by table, the total last. */
function sorted(report) {
  const rows = report.map(({ target, rows_read: read, migrated, failed, status }) => ({ target, read, migrated, failed, status }));
  return rows.sort((a, b) => (a.target === null) - (b.target === null) || (a.target < b.target ? -1 : 1));
}

/** A document that lacks a reference counts as a row that failed. */
async function expectedReport(client, tables, documents, refusals) {
  const rows = [];
  for (const { name } of tables) {
    const own = refusals.filter(({ table }) => table === name);
    const { rows: [{ read }] } = await client.query(`SELECT count(*)::int AS read FROM ${SCHEMA}.${name}`);
    rows.push(row(name, read, documents.get(name) - own.filter(({ inPart }) => inPart).length, own.length));
  }
  const sum = (column) => rows.reduce((total, counted) => total + counted[column], 0);
  return [...rows, row(null, sum("read"), sum("migrated"), sum("failed"))];
}

function row(target, read, migrated, failed) {
  return { target, read, migrated, failed, status: failed > 0 ? "incomplete" : "complete" };
}

/** How the texts of a run give a table's figures. */
const FIGURES = [
  /^(?<table>\w+): (?:done, )?(?<migrated>[\d,]+)(?: of about [\d,]+)? migrated(?: so far)?(?:, (?<failed>[\d,]+) failed)?$/gm,
  /reading table "(?<table>\w+)", (?<migrated>[\d,]+) of its rows are in Convex/g,
];

/** @returns {{ text: string, table: string, migrated: number, failed: number }[]} */
function claimsOf(messages) {
  const matches = messages.map(textsOf).flatMap((text) => FIGURES.flatMap((pattern) => [...text.matchAll(pattern)]));
  return matches.map(({ 0: text, groups: { table, migrated, failed = "0" } }) => (
    { text, table, migrated: number(migrated), failed: number(failed) }));
}

function number(text) {
  return Number(text.replaceAll(",", ""));
}

/**
 * A run that failed has claimed no more than is there.
 * @param {{ tableData(table: string): Promise<object[]> }} convex
 * @param {object[]} messages its notices and its error
 * @returns {Promise<number>} how many claims there were
 * @throws {assert.AssertionError}
 */
export async function assertModest(convex, messages) {
  const claims = claimsOf(messages);
  const documents = new Map();
  for (const { text, table, migrated } of claims) {
    if (!documents.has(table)) documents.set(table, (await convex.tableData(table)).length);
    const there = documents.get(table);
    assert.ok(migrated <= there, `the run said "${text}", but there are ${there} documents`);
  }
  return claims.length;
}

/** Calls beside those in flight whose answers a fault may have kept from the run. */
const LOST_ANSWERS = 4;

/**
 * The error of the first run into an empty deployment says of all that is there, but for calls whose answers never came.
 * @param {{ tableData(table: string): Promise<object[]> }} convex
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {pg.DatabaseError} error
 * @throws {assert.AssertionError}
 */
export async function assertFrank(convex, { tables, options: { concurrency, batch_rows: rows } }, error) {
  const claims = claimsOf([error]);
  for (const { name } of tables) {
    const said = Math.max(0, ...claims.filter(({ table }) => table === name).map(({ migrated, failed }) => migrated + failed));
    const there = (await convex.tableData(name)).length;
    const unknown = (concurrency + LOST_ANSWERS) * rows;
    assert.ok(there - unknown <= said, `${there} documents of ${name}, but the error said: ${textsOf(error)}`);
  }
}
