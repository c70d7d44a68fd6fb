/**
 * Tables of a scenario as plain data, and their SQL. Rows come from their
 * numbers alone, so that a scenario is short to print.
 *
 * @typedef {object} Reference
 * @property {string} parent
 * @property {boolean} isEarlier whether the parent comes before the table itself; else it is part of a circle
 * @property {boolean} required NOT NULL
 * @property {number} step which rows point to which: the numbers of the parent in steps of so many
 * @property {number} nulls each so many rows point nowhere; 0: none
 * @property {number} orphans each so many rows point to a row that is not there; 0: none
 *
 * @typedef {object} Table
 * @property {string} name
 * @property {"int" | "text" | "uuid" | "pair" | "none"} key
 * @property {number} rows
 * @property {boolean} twice each row is there twice; only without a key
 * @property {number} padding characters that each row is longer by
 * @property {{ kind: keyof typeof BAD, every: number } | null} bad rows that cannot be migrated
 * @property {Reference[]} references
 */

/** The schema that holds them. */
export const SCHEMA = "chaos";

/**
 * Rows that cannot be migrated, each with what differs from an ordinary row: what the extension finds, and what functions
 * refuse (functions.mjs), one record by its answer and one by an exception for the whole call.
 */
export const BAD = {
  big: { column: "big", value: "9007199254740993" },
  doc: { column: "doc", value: `'{"$bad": 1}'` },
  tags: { column: "tags", value: "ARRAY['a', NULL]" },
  refused: { column: "note", value: "'refused ' || n" },
  thrown: { column: "note", value: "'thrown ' || n" },
};

const COLUMNS = {
  note: ["text", "CASE WHEN n % 5 <> 0 THEN 'note ' || n || E' \\u00e9\\U0001F600 \"\\\\' END"],
  amount: ["numeric(10,2)", "n * 1.25 - 40"],
  big: ["int8", "n * 1000000007::int8"],
  doc: ["jsonb", "CASE WHEN n % 3 <> 0 THEN jsonb_build_object('n', n, 'list', jsonb_build_array(n, NULL, 'x')) END"],
  at: ["timestamptz", "'2024-02-29 12:00:00.123456+00'::timestamptz + n * interval '1 hour'"],
  tags: ["text[]", "CASE WHEN n % 4 <> 0 THEN ARRAY['tag', n::text] END"],
};

/** By kind of key: its columns with their types, and their values for a row's number. */
const KEYS = {
  int: [["id", "int", (n) => n]],
  text: [["id", "text", (n) => `'k "' || ${n} || E'" \\u00fc'`]],
  uuid: [["code", "uuid", (n) => `md5((${n})::text)::uuid`]],
  pair: [["a", "int", (n) => `(${n}) % 7`], ["b", "text", (n) => `'p' || ${n}`]],
  none: [],
};

/**
 * The statements that make the tables anew and fill them.
 * @param {Table[]} tables
 */
export function creationOf(tables) {
  return [
    `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE;`, `CREATE SCHEMA ${SCHEMA};`,
    ...tables.map((table) => tableSql(tables, table)),
    ...tables.map((table) => rowsSql(tables, table, 1, table.rows)),
    ...tables.flatMap((table) => table.references.map((_, i) => foreignKeySql(tables, table, i))),
  ].join("\n");
}

/**
 * The statements that change rows between two runs, in ways after which what could be migrated still can: a document
 * stays where its row becomes one that cannot.
 * @param {Table[]} tables
 */
export function changeOf(tables) {
  const changes = tables.filter(({ key }) => key !== "none").flatMap((table) => [
    `UPDATE ${SCHEMA}.${table.name} SET note = 'changed ' || n, doc = NULL WHERE n % 3 = 1
      AND note NOT LIKE 'refused%' AND note NOT LIKE 'thrown%';`,
    ...table.references.flatMap(({ required }, i) => {
      const [column] = columnsOf(tables, table, i);
      return required ? [] : [`UPDATE ${SCHEMA}.${table.name} SET ${column.name} = NULL WHERE n % 4 = 1;`];
    }),
    rowsSql(tables, table, table.rows + 1, table.rows + 8),
  ]);
  // Orphans among the new rows are wanted.
  return ["BEGIN;", "SET LOCAL session_replication_role = replica;", ...changes, "COMMIT;"].join("\n");
}

function tableSql(tables, table) {
  const key = KEYS[table.key];
  const parts = [
    ...key.map(([name, type]) => `${name} ${type} NOT NULL`), "n int NOT NULL",
    ...Object.entries(COLUMNS).map(([name, [type]]) => `${name} ${type}`),
    ...table.references.flatMap(({ required }, i) =>
      columnsOf(tables, table, i).map(({ name, type }) => `${name} ${type}${required ? " NOT NULL" : ""}`)),
    ...(key.length > 0 ? [`PRIMARY KEY (${key.map(([name]) => name).join(", ")})`] : []),
  ];
  return `CREATE TABLE ${SCHEMA}.${table.name} (${parts.join(", ")});`;
}

/** The rows with these numbers. */
function rowsSql(tables, table, first, last) {
  const values = [
    ...KEYS[table.key].map(([, , value]) => value("n")), "n",
    ...Object.entries(COLUMNS).map(([name, [, value]]) => valueSql(table, name, value)),
    ...table.references.flatMap((_, i) => columnsOf(tables, table, i).map(({ value }) => value)),
  ];
  const number = table.twice ? "(g + 1) / 2" : "g";
  return `INSERT INTO ${SCHEMA}.${table.name} SELECT ${values.join(", ")}
    FROM (SELECT ${number} AS n FROM generate_series(${first}, ${last}) AS g) AS numbers;`;
}

function valueSql({ bad, padding }, name, value) {
  const whole = name === "note" && padding > 0 ? `${value} || repeat('x', ${padding})` : value;
  if (bad === null || BAD[bad.kind].column !== name) return whole;
  return `CASE WHEN n % ${bad.every} = 0 THEN ${BAD[bad.kind].value} ELSE ${whole} END`;
}

/** The columns of a reference: the name, the type and the value of each. */
function columnsOf(tables, table, i) {
  const { parent, required, step, nulls, orphans } = table.references[i];
  const { key, rows } = tables.find(({ name }) => name === parent);
  const nowhere = [
    ...(nulls > 0 && !required ? [`WHEN n % ${nulls} = 0 THEN NULL`] : []),
    ...(orphans > 0 ? [`WHEN n % ${orphans} = 0 THEN ${rows + 1} + n`] : []),
  ];
  const there = rows === 0 ? "NULL" : `1 + (n * ${step}) % ${rows}`;
  const number = `(CASE ${["WHEN false THEN 0", ...nowhere].join(" ")} ELSE ${there} END)`;
  return KEYS[key].map(([name, type, value]) => ({ name: `r${i}_${name}`, type, value: `${value(number)}` }));
}

function foreignKeySql(tables, table, i) {
  const { parent, orphans } = table.references[i];
  const key = KEYS[tables.find(({ name }) => name === parent).key].map(([name]) => name);
  const columns = columnsOf(tables, table, i).map(({ name }) => name);
  return `ALTER TABLE ${SCHEMA}.${table.name} ADD FOREIGN KEY (${columns.join(", ")})
    REFERENCES ${SCHEMA}.${parent} (${key.join(", ")})${orphans > 0 ? " NOT VALID" : ""};`;
}
