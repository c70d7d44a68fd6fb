/**
 * Rounds of random tables: families of them that are migrated in one run, with
 * random options of the server and settings of the session; and their SQL.
 *
 * @typedef {{ options: Partial<typeof DEFAULTS>, session: string[], tables: import("./tables.mjs").Table[] }} Round
 */
import pg from "pg";
import { randomFamily } from "./tables.mjs";
import { typesOf } from "./types.mjs";

/** Options of the server that a round may change. */
export const DEFAULTS = {
  int8: "number",
  numeric: "auto",
  timestamps: "ms",
  nulls: "omit",
  orphans: "reject",
  batch_rows: 100,
  batch_bytes: "1MB",
  concurrency: 8,
};

const HOSTILE_SETTINGS = [
  "SET DateStyle = 'SQL, DMY'", "SET IntervalStyle = sql_standard", "SET TimeZone = 'Pacific/Chatham'",
  "SET extra_float_digits = -15", "SET bytea_output = escape", "SET search_path = ''",
  "SET standard_conforming_strings = off", "SET xmlbinary = hex",
];

/**
 * @param {import("./random.mjs").Random} random
 * @param {{ families: number, rows: number, tables: number, types: import("./type.mjs").Type[] }} size rows of a family,
 *   the most tables in all, types of columns
 * @returns {Round}
 */
export function randomRound(random, { families, rows, tables: most, types }) {
  const options = {
    int8: random.pick(["number", "number", "int64", "string"]),
    numeric: random.pick(["auto", "auto", "number", "string"]),
    timestamps: random.pick(["ms", "ms", "iso"]),
    nulls: random.pick(["omit", "null"]),
    orphans: random.pick(["reject", "reject", "null", "keep"]),
    batch_rows: random.pick([1, 7, 100, 1000]),
    batch_bytes: random.pick(["1kB", "100kB", "1MB", "4MB"]),
    concurrency: random.pick([1, 8]),
  };
  const session = HOSTILE_SETTINGS.filter(() => random.chance(0.3));
  const tables = [];
  for (let family = 0; family < families; family++) {
    const count = Math.min(random.between(1, 4), most - tables.length - (families - family - 1));
    const names = Array.from({ length: count }, (_, i) => `t${tables.length + i}`);
    tables.push(...randomFamily(random, { names, rows, types }));
  }
  return { options, session, tables };
}

/**
 * The statements that make the tables and fill them; a row whose key there is already is left out.
 * @param {Round} round
 */
export function sqlOf({ tables }) {
  const filled = tables.flatMap((table) => [tableSql(table), ...rowsSql(table)]);
  const { creations, changes } = typesOf(filled.join("\n"));
  return [
    "DROP SCHEMA IF EXISTS property CASCADE;", "CREATE SCHEMA property;", ...creations, ...filled, ...changes,
    ...tables.flatMap(({ name, references }) => references.map((reference) => referenceSql(name, reference))),
    ...tables.flatMap(({ name, columns }) =>
      columns.filter(({ choice }) => choice !== null).map((column) => choiceSql(name, column)),
    ),
  ].join("\n");
}

function quoted(names) {
  return names.map(pg.escapeIdentifier).join(", ");
}

function tableSql({ name, columns, key }) {
  const parts = [
    "n int",
    ...columns.map((column) => `${pg.escapeIdentifier(column.name)} ${column.sql}`),
    ...(key.length > 0 ? [`PRIMARY KEY (${quoted(key)})`] : []),
  ];
  return `CREATE TABLE property.${name} (${parts.join(", ")});`;
}

/** Rows of one statement: the server answers errors by statement. */
const ROWS_PER_INSERT = 100;

function rowsSql({ name, rows }) {
  const statements = [];
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) {
    const tuples = rows.slice(i, i + ROWS_PER_INSERT).map(({ n, cells }) => `(${[n, ...cells].join(", ")})`);
    statements.push(`INSERT INTO property.${name} VALUES\n  ${tuples.join(",\n  ")}\n  ON CONFLICT DO NOTHING;`);
  }
  return statements;
}

function referenceSql(name, { columns, parent, parentColumns }) {
  const to = `property.${parent} (${quoted(parentColumns)})`;
  return `ALTER TABLE property.${name} ADD FOREIGN KEY (${quoted(columns)}) REFERENCES ${to};`;
}

function choiceSql(name, column) {
  return `INSERT INTO public.convex_columns (server, source, source_column, type)
  VALUES ('convex', 'property.${name}', ${pg.escapeLiteral(column.name)}, '${column.choice}');`;
}
