/**
 * Compares what convex_check() announces with what a run of the same tables has
 * rejected: row by row it is the same, unless Convex itself refused a row.
 */
import { inspect } from "node:util";

/** Bytes of a reason in convex_rejects; longer ones are cut. */
const LONGEST_REASON = 500;

/** Codes of rejects that only Convex can know. */
const OF_CONVEX = ["refused", "argument_validation", "function_error", "transaction_limit", "request_too_large"];

/**
 * @param {import("pg").Client} client after a run, with the settings of the run
 * @param {{ orphans: number }} total the last row of the report of the run
 * @returns {Promise<string | null>} what is different
 */
export async function differentForeseen(client, { orphans }) {
  const { rows: problems } = await client.query(`
    SELECT source::text, problem, severity, sum(rows)::int AS rows FROM public.convex_check() WHERE rows IS NOT NULL
      GROUP BY 1, 2, 3 ORDER BY 1, 2`);
  const { rows: rejects } = await client.query(`
    SELECT source::text, split_part(reason, ':', 1) AS problem, count(*)::int AS rows FROM public.convex_rejects
      WHERE split_part(reason, ':', 1) <> ALL ($1) AND EXISTS (SELECT FROM pg_class c WHERE c.oid = source) GROUP BY 1, 2 ORDER BY 1, 2`, [OF_CONVEX]);
  const foreseen = problems.filter(({ severity }) => severity === "error")
    .map(({ source, problem, rows }) => ({ source, problem, rows }));
  if (inspect(foreseen) !== inspect(rejects)) return `announced: ${inspect(foreseen)}, rejected: ${inspect(rejects)}`;
  const texts = await differentTexts(client);
  if (texts.length > 0) return `other texts than in the check: ${inspect(texts)}`;
  const lost = problems.filter(({ severity, problem }) => severity === "warning" && problem === "orphan")
    .reduce((sum, { rows }) => sum + rows, 0);
  return lost === orphans ? null : `references that will be lost: ${lost}, that were lost: ${orphans}`;
}

/** Rows that the check shows as examples, and of which convex_rejects says something else. */
async function differentTexts(client) {
  const { rows } = await client.query(`
    SELECT c.source::text, c.example, c.hint, r.reason, r.hint AS remedy FROM public.convex_check() c
      LEFT JOIN public.convex_rejects r ON r.source = c.source AND r.key = c.example AND split_part(r.reason, ':', 1) = c.problem
      WHERE c.severity = 'error' AND c.rows IS NOT NULL`);
  return rows.filter(({ hint, reason, remedy }) => {
    const text = reason?.slice(reason.indexOf(": ") + 2);
    const wanted = `These rows become rejects: ${text}.${remedy === null ? "" : ` ${remedy}`}`;
    return Buffer.byteLength(reason ?? "") < LONGEST_REASON && hint !== wanted;
  });
}
