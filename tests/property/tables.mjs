/**
 * Random tables with rows, in families whose tables refer to each other. Plain
 * data, so that shrink.mjs can take things away.
 *
 * @typedef {{ n: number, cells: string[] }} Row the number of the row's content, the first column of every table (equal
 *   rows have equal numbers); an SQL expression for each of the other columns
 * @typedef {{ name: string, sql: string, choice: string | null }} Column `choice`: convex_columns.type
 * @typedef {{ columns: string[], parent: string, parentColumns: string[] }} Reference
 * @typedef {{ name: string, columns: Column[], key: string[], references: Reference[], rows: Row[] }} Table
 */
import { bool } from "./scalars.mjs";
import { KEY_TYPES } from "./types.mjs";

/** Legal names that programs trip over: of SQL, of JavaScript's objects, of records. */
const COLUMN_NAMES = [
  "name", "select", "order", "userId", "UserID", "constructor", "toString", "hasOwnProperty", "valueOf", "length",
  "then", "toJSON", "a", "b", "c", "convexId", "error", "key", "x".repeat(63), "created_at", "createdAt", "fields",
  "table", "value", "number", "records", "p", "r", "k", "pending_",
];

/** How often a row may have what Convex cannot. */
const BAD_ROWS = 0.3;

/** How likely a table refers to an earlier one of its family, to itself, to a later one: the last two make circles; and
 * once more to the same. */
const REFERENCES = { earlier: 0.45, itself: 0.25, later: 0.12, again: 0.25 };

/** Around the 1,024 fields that Convex takes, of which a document has four others. */
const WIDE = { from: 1018, to: 1023, rows: 5, chance: 0.01 };

/**
 * @param {import("./random.mjs").Random} random
 * @param {{ names: string[], rows: number, types: import("./type.mjs").Type[] }} family its tables' names, the rows of
 *   all of them, types of columns
 * @returns {Table[]} no table refers to one of another family
 */
export function randomFamily(random, { names, rows, types }) {
  const tables = names.map((name) => randomTable(random, name, types, Math.max(1, Math.round(rows / names.length))));
  tables.forEach((table, i) => {
    tables.forEach((parent, j) => {
      const likely = j < i ? REFERENCES.earlier : j === i ? REFERENCES.itself : REFERENCES.later;
      if (parent.keyTypes.length === 0 || !random.chance(likely)) return;
      addReference(random, table, parent);
      if (random.chance(REFERENCES.again)) addReference(random, table, parent);
    });
  });
  return tables.map(({ name, columns, keyTypes, references, rows: all }) => ({
    name,
    columns,
    key: columns.slice(0, keyTypes.length).map((column) => column.name),
    references,
    rows: all,
  }));
}

/** A table without references, with the types of its key: those are its first columns. */
function randomTable(random, name, types, rowCount) {
  const freshName = freshNames(random);
  const keyTypes = random.times(random.pick([0, 1, 1, 1, 1, 2, 2, 3]), () => random.pick(KEY_TYPES));
  const wide = random.chance(WIDE.chance);
  const valueTypes = wide
    ? random.times(random.between(WIDE.from, WIDE.to) - keyTypes.length, () => bool)
    : random.times(random.below(9), () => random.pick(types));
  const columns = [...keyTypes, ...valueTypes].map((type, i) => ({
    name: wide && i >= keyTypes.length ? `w${i}` : freshName(),
    sql: type.sql,
    choice: random.chance(wide ? 0 : 0.25) ? random.pick(type.choices) : null,
  }));
  if (keyTypes.length > 0 && random.chance(0.5)) {
    columns[0].name = "id";
    // Such a key is no field, so there is nothing to choose.
    if (keyTypes.length === 1) columns[0].choice = null;
  }

  const rows = [];
  const count = wide ? WIDE.rows : random.chance(0.03) ? 0 : rowCount;
  while (rows.length < count) {
    const row = randomRow(random, rows.length, keyTypes, valueTypes, columns, wide);
    rows.push(row);
    // Without a key equal rows are as many documents.
    if (keyTypes.length === 0 && random.chance(0.1)) rows.push({ ...row, cells: [...row.cells] });
  }
  return { name, columns, keyTypes, references: [], rows, freshName };
}

/** Names that a table does not have yet. */
function freshNames(random) {
  const names = new Set();
  return () => {
    for (;;) {
      const candidate = random.pick(COLUMN_NAMES);
      const chosen = names.has(candidate) ? `${candidate.slice(0, 50)}${names.size}` : candidate;
      if (names.has(chosen)) continue;
      names.add(chosen);
      return chosen;
    }
  };
}

function randomRow(random, n, keyTypes, valueTypes, columns, wide) {
  const nulls = wide ? 0.001 : random.chance(0.03) ? 1 : 0.12;
  // In one cell: problems hide each other.
  const bad = random.chance(BAD_ROWS) ? random.below(columns.length) : undefined;
  const measured = columns.every(({ choice }) => choice !== "json");
  const cells = [...keyTypes, ...valueTypes].map((type, i) => {
    if (i >= keyTypes.length && random.chance(nulls)) return "NULL";
    return type.value(random, { bad: i === bad, whole: true, measured, choice: columns[i].choice });
  });
  return { n, cells };
}

/** Columns that point to rows of the parent, or to nothing. */
function addReference(random, table, parent) {
  const varied = random.chance(0.3);
  const whole = random.chance(0.3) && parent.rows.length > 0;
  const columns = parent.keyTypes.map((type) => ({
    name: table.freshName(),
    sql: varied ? (type.variantType ?? type.sql) : type.sql,
    choice: null,
  }));
  const key = parent.keyTypes.map((_, i) => parent.columns[i].name);
  table.references.push({ columns: columns.map(({ name }) => name), parent: parent.name, parentColumns: key });
  // Of the key as it was made: the row that is looked at may be this table's own.
  const keys = parent.rows.map(({ cells }) => cells.slice(0, key.length));
  for (const [i, row] of table.rows.entries()) {
    const equal = table.rows[i - 1];
    if (row.n === equal?.n) {
      row.cells.push(...equal.cells.slice(-parent.keyTypes.length));
      continue;
    }
    const to = keys.length === 0 || (!whole && random.chance(0.1)) ? undefined : random.pick(keys);
    row.cells.push(
      ...parent.keyTypes.map(({ variant }, k) => {
        if (to === undefined || (!whole && random.chance(0.03))) return "NULL";
        return varied && variant !== undefined ? variant(to[k]) : to[k];
      }),
    );
  }
  table.columns.push(...columns);
}
