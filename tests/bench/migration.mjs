/**
 * The statements that are measured, and the check that they moved everything:
 * a fast run that rejected its rows is no result.
 */

/** All tables. */
export const MIGRATE_ALL = migrate("NULL");

/** First the tables that messages point to, then, in the same session, which holds their ids, messages. */
export const MIGRATE_PARENTS = migrate("'{workspaces,contacts,conversations}'");
export const MIGRATE_MESSAGES = migrate("'{messages}'");

/** All figures of a run over the tables, an SQL array, or NULL: all. */
export function migrate(tables) {
  return `SELECT source::text, migrated::int, failed::int, bytes::float8, extract(epoch FROM elapsed)::float8 AS seconds
          FROM convex_migrate(tables => ${tables})`;
}

/**
 * The row of the report for a table, or the total.
 * @param {object[]} report
 * @param {string | null} source null for the total
 * @throws {Error} when a row failed, or fewer than `atLeast` were migrated
 */
export function reportOf(report, source, atLeast) {
  const { failed } = report.find((row) => row.source === null);
  const row = report.find((row) => row.source === source);
  if (failed > 0) throw new Error(`${failed} rows failed: see convex_rejects`);
  if (row.migrated < atLeast) throw new Error(`${row.migrated} rows were migrated, not ${atLeast}`);
  return row;
}
