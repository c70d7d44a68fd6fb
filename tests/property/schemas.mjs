/**
 * Random tables with rows, in families whose tables refer to each other, and
 * their SQL. Plain data, so that shrink.mjs can take things away.
 *
 * @typedef {{ n: number, cells: import("./values.mjs").Cell[] }} Row
 *   n: number of the row's content, the first column of every table; equal rows have equal numbers
 * @typedef {{ columns: string[], parent: string, parentColumns: string[] }} Reference
 * @typedef {{ name: string, columns: { name: string, sql: string }[], key: string[], references: Reference[], rows: Row[] }} Table
 * @typedef {{ options: object, session: string[], tables: Table[] }} Round the tables of one run, parents before children
 */
import pg from "pg";
import { TYPES_SQL, COLUMN_TYPES, KEY_TYPES } from "./values.mjs";

const NULL = { sql: "NULL", refusals: [] };

/** Legal names that programs trip over: of SQL, of JavaScript's objects, of records. */
const COLUMN_NAMES = [
  "name", "select", "order", "userId", "UserID", "constructor", "toString", "hasOwnProperty", "valueOf", "length", "then", "toJSON", "a", "b", "c",
  "convexId", "error", "key", "x".repeat(63), "created_at", "createdAt", "fields", "table", "value", "number", "records", "p", "r", "k", "pending_",
];

const HOSTILE_SETTINGS = [
  "SET DateStyle = 'SQL, DMY'", "SET IntervalStyle = sql_standard", "SET TimeZone = 'Pacific/Chatham'", "SET extra_float_digits = -15",
  "SET bytea_output = escape", "SET search_path = ''", "SET standard_conforming_strings = off", "SET xmlbinary = hex",
];

/**
 * @param {import("./random.mjs").Random} random
 * @param {{ families: number, rows: number, tables: number }} size rows of a family, and the most tables in all
 * @returns {Round}
 */
export function randomRound(random, { families, rows, tables: most }) {
  const options = {
    int8: random.pick(["number", "number", "int64", "string"]), numeric: random.pick(["auto", "auto", "number", "string"]),
    timestamps: random.pick(["ms", "ms", "iso"]), nulls: random.pick(["omit", "null"]), orphans: random.pick(["reject", "reject", "null", "keep"]),
    batch_rows: random.pick([1, 7, 100, 1000]), batch_bytes: random.pick(["1kB", "100kB", "1MB", "4MB"]), concurrency: random.pick([1, 8]),
  };
  const session = HOSTILE_SETTINGS.filter(() => random.chance(0.3));
  const tables = [];
  for (let family = 0; family < families; family++) {
    const parents = [];
    const count = Math.min(random.between(1, 4), most - tables.length - (families - family - 1));
    const perTable = Math.max(1, Math.round(rows / count));
    for (let i = 0; i < count; i++) {
      const table = randomTable(random, `t${tables.length}`, parents, options, perTable);
      tables.push(table);
      if (table.key.length > 0) parents.push(table);
    }
  }
  return { options, session, tables };
}

/** A table with its rows; it may refer to the parents. */
function randomTable(random, name, parents, options, rowCount) {
  const names = new Set();
  const freshName = () => {
    for (;;) {
      const candidate = random.pick(COLUMN_NAMES);
      const chosen = names.has(candidate) ? `${candidate.slice(0, 50)}${names.size}` : candidate;
      if (names.has(chosen)) continue;
      names.add(chosen);
      return chosen;
    }
  };
  const keyLength = random.pick([0, 1, 1, 1, 1, 2, 2, 3]);
  const keyColumns = random.times(keyLength, () => ({ name: freshName(), type: random.pick(KEY_TYPES) }));
  if (keyLength > 0 && random.chance(0.5)) keyColumns[0].name = "id";
  const values = random.times(random.below(9), () => ({ name: freshName(), type: random.pick(COLUMN_TYPES) }));
  const references = parents.filter(() => random.chance(0.5)).map((parent) => ({
    parent, varied: random.chance(0.3),
    columns: parent.key.map((parentColumn) => ({ name: freshName(), ...keyColumnOf(parent, parentColumn) })),
  }));
  const columns = [...keyColumns, ...values].map(({ name: column, type }) => ({ name: column, sql: type.sql, variant: type.variant, variantType: type.variantType }));
  for (const { columns: own, varied } of references) {
    for (const { name: column, sql, variantType } of own) columns.push({ name: column, sql: varied ? variantType ?? sql : sql });
  }

  const rows = [];
  const count = random.chance(0.05) ? 0 : rowCount;
  while (rows.length < count) {
    const row = randomRow(random, rows.length, keyColumns, values, references, options);
    rows.push(row);
    // Without a key equal rows are as many documents.
    if (keyLength === 0 && random.chance(0.1)) rows.push(row);
  }
  return {
    name, columns, rows, key: keyColumns.map((column) => column.name),
    references: references.map(({ parent, columns: own }) => ({ columns: own.map((column) => column.name), parent: parent.name, parentColumns: parent.key })),
  };
}

function keyColumnOf(parent, name) {
  const position = parent.columns.findIndex((column) => column.name === name);
  const { sql, variant, variantType } = parent.columns[position];
  return { position, sql, variant, variantType };
}

function randomRow(random, n, keyColumns, values, references, options) {
  const allNull = random.chance(0.03);
  const keys = keyColumns.map(({ type }) => type.value(random, options));
  const others = values.map(({ type }) => (allNull || random.chance(0.15) ? NULL : type.value(random, options)));
  const pointers = references.flatMap(({ parent, columns, varied }) => {
    const row = parent.rows.length === 0 || random.chance(0.1) ? undefined : random.pick(parent.rows);
    return columns.map(({ position, variant }) => {
      if (row === undefined || random.chance(0.03)) return NULL;
      const cell = row.cells[position];
      return varied && variant !== undefined ? { ...cell, sql: variant(cell.sql) } : cell;
    });
  });
  return { n, cells: [...keys, ...others, ...pointers] };
}

/** The codes for which a row itself cannot go: of all columns that are fields with values. @returns {string[]} */
export function refusalsOf(table, row) {
  const single = table.references.filter(({ columns }) => columns.length === 1).flatMap(({ columns }) => columns);
  return table.columns.flatMap(({ name }, i) => {
    const isValue = !(name === "id" && table.key.includes(name)) && !single.includes(name);
    return isValue ? row.cells[i].refusals : [];
  });
}

/** The statements that make the tables and fill them; a row whose key there is already is left out. @param {Round} round */
export function sqlOf({ tables }) {
  const statements = tables.flatMap((table) => [tableSql(table), ...rowsSql(table)]);
  return `DROP SCHEMA IF EXISTS property CASCADE;\nCREATE SCHEMA property;${TYPES_SQL}\n${statements.join("\n")}\n`;
}

function tableSql({ name, columns, key, references }) {
  const quoted = (names) => names.map(pg.escapeIdentifier).join(", ");
  const parts = [
    "n int",
    ...columns.map((column) => `${pg.escapeIdentifier(column.name)} ${column.sql}`),
    ...(key.length > 0 ? [`PRIMARY KEY (${quoted(key)})`] : []),
    ...references.map(({ columns: own, parent, parentColumns }) => `FOREIGN KEY (${quoted(own)}) REFERENCES property.${parent} (${quoted(parentColumns)})`),
  ];
  return `CREATE TABLE property.${name} (${parts.join(", ")});`;
}

/** Rows of one statement: the server answers errors by statement. */
const ROWS_PER_INSERT = 100;

function rowsSql({ name, rows }) {
  const statements = [];
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) {
    const tuples = rows.slice(i, i + ROWS_PER_INSERT).map(({ n, cells }) => `(${[n, ...cells.map(({ sql }) => sql)].join(", ")})`);
    statements.push(`INSERT INTO property.${name} VALUES\n  ${tuples.join(",\n  ")}\n  ON CONFLICT DO NOTHING;`);
  }
  return statements;
}
