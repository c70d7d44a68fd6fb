/**
 * Compares convex_rejects with the rows that cannot go: each of them must be
 * there, no other, and with one of the reasons that the comparison found.
 */
import { inspect } from "node:util";

/** The longest text of a reason (convex_rejects.reason). */
const MAX_REASON_BYTES = 500;

/**
 * @param {import("pg").Client} client
 * @param {string} schema of the tables
 * @param {{ name: string, key: string[] }[]} tables
 * @param {import("../harness/compare.mjs").Refusal[]} refusals
 * @returns {Promise<string | null>} what is wrong
 */
export async function differentRejects(client, schema, tables, refusals) {
  const { rows: rejects } = await client.query(`
    SELECT c.relname AS table, r.key, r.reason FROM convex_rejects r JOIN pg_class c ON c.oid = r.source
      WHERE c.relnamespace = $1::regnamespace`, [schema]);
  for (const { name, key } of tables) {
    const difference = differenceOf(
      rejects.filter(({ table }) => table === name),
      refusals.filter(({ table }) => table === name),
      key.length > 0,
    );
    if (difference !== null) return `${name}: ${difference}`;
  }
  return null;
}

function differenceOf(rejects, refusals, keyed) {
  const candidates = rejects.map(({ key }) => refusals.filter((refusal) => !keyed || refusal.key === key));
  const fitting = rejects.map(({ reason }, i) =>
    candidates[i].filter(({ problems }) => problems.some((problem) => says(reason, problem))),
  );
  const pairs = matching(fitting);
  for (const [i, { key, reason }] of rejects.entries()) {
    if (candidates[i].length === 0) return `the row ${inspect(key)} was rejected, but can go: ${reason}`;
    if (![...pairs.values()].includes(i))
      return `the row ${inspect(key)} was rejected for another reason than ${shown(candidates[i])}: ${reason}`;
  }
  const missing = refusals.filter((refusal) => !pairs.has(refusal));
  return missing.length === 0 ? null : `rows that cannot go are not in convex_rejects: ${shown(missing)}`;
}

function shown(refusals) {
  return inspect(refusals.slice(0, 5), { depth: 5, maxStringLength: 500 });
}

/**
 * Gives as many as possible one of what fits them, each to one only: without a key a reject fits several rows.
 * @template T @param {T[][]} fitting @returns {Map<T, number>} who has it
 */
function matching(fitting) {
  const owners = new Map();
  const assign = (i, tried) =>
    fitting[i].some((candidate) => {
      if (tried.has(candidate)) return false;
      tried.add(candidate);
      if (owners.has(candidate) && !assign(owners.get(candidate), tried)) return false;
      owners.set(candidate, i);
      return true;
    });
  fitting.forEach((_, i) => assign(i, new Set()));
  return owners;
}

/** Whether the reason names the problem: its code, its path and its figures. */
function says(reason, { code, path, figures }) {
  const beginning = path === null ? `${code}: ` : `${code}: ${path}: `;
  const cut = Buffer.byteLength(reason) >= MAX_REASON_BYTES - 3;
  if (cut && beginning.startsWith(reason.slice(0, beginning.length))) return true;
  return (
    reason.startsWith(beginning) && (cut || figures.every((figure) => reason.includes(figure.toLocaleString("en-US"))))
  );
}
