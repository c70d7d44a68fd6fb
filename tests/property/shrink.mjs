/**
 * From tables with which something goes wrong to the fewest tables, columns,
 * rows and settings with which it still does.
 *
 *   const small = await shrink(round, (candidate) => stillFails(candidate));
 */

/**
 * @param {import("./schemas.mjs").Round} round
 * @param {(candidate: import("./schemas.mjs").Round) => Promise<boolean>} fails
 * @param {{ attempts?: number }} [limit] candidates that are tried
 * @returns {Promise<import("./schemas.mjs").Round>}
 */
export async function shrink(round, fails, { attempts = 400 } = {}) {
  let small = round;
  let left = attempts;
  const attempt = async (candidate) => {
    if (left-- <= 0 || !(await fails(candidate))) return false;
    small = candidate;
    return true;
  };
  for (let before = null; before !== small && left > 0;) {
    before = small;
    await thin(
      () => small.tables,
      async (tables) => tables.length > 0 && attempt(withTables(small, tables)),
    );
    for (const { name } of small.tables) {
      const table = () => small.tables.find((candidate) => candidate.name === name);
      const change = (changed) =>
        attempt(
          withTables(
            small,
            small.tables.map((other) => (other.name === name ? changed : other)),
          ),
        );
      await thin(
        () => table().rows,
        (rows) => change({ ...table(), rows }),
      );
      await thin(
        () => table().columns,
        (columns) => change(withColumns(table(), columns)),
      );
      await thin(
        () => table().columns.filter(({ choice }) => choice !== null),
        (chosen) => change(withChoices(table(), chosen)),
      );
      await thin(
        () => table().references,
        (references) => change({ ...table(), references }),
      );
    }
    await thin(
      () => Object.entries(small.options),
      (options) => attempt({ ...small, options: Object.fromEntries(options) }),
    );
    await thin(
      () => small.session,
      (session) => attempt({ ...small, session }),
    );
  }
  return small;
}

/** Leaves out parts of a list, halves first, then ever smaller ones, while that succeeds. */
async function thin(list, keep) {
  for (let size = Math.ceil(list().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < list().length;) {
      const rest = [...list().slice(0, start), ...list().slice(start + size)];
      if (!(await keep(rest))) start += size;
    }
  }
}

/** The round with these tables only; references to others, and to keys that are gone, are no more. */
function withTables(round, tables) {
  const stays = ({ parent, parentColumns }) =>
    tables.find(({ name }) => name === parent)?.key.length === parentColumns.length;
  return { ...round, tables: tables.map((table) => ({ ...table, references: table.references.filter(stays) })) };
}

/** The table with these columns only; keys and references over others are no more. */
function withColumns(table, columns) {
  const kept = columns.map((column) => table.columns.indexOf(column));
  const names = columns.map(({ name }) => name);
  return {
    ...table,
    columns,
    rows: table.rows.map((row) => ({ ...row, cells: kept.map((i) => row.cells[i]) })),
    key: table.key.every((name) => names.includes(name)) ? table.key : [],
    references: table.references.filter((reference) => reference.columns.every((name) => names.includes(name))),
  };
}

/** The table with no choices but those of these columns. */
function withChoices(table, chosen) {
  return {
    ...table,
    columns: table.columns.map((column) => (chosen.includes(column) ? column : { ...column, choice: null })),
  };
}
