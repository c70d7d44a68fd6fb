/**
 * What is generated for every type and every choice takes what the encoder sends for it, by each combination of
 * options: all rows arrive as they are and none is refused, of which convex_check() says nothing before.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkTypeScript } from "../codegen/check.mjs";
import { compareDocuments, openGenerated, startCluster } from "../harness/index.mjs";

/** Columns of each type with two values, one per row; a third row is all NULL. */
const TYPES = {
  bool: ["true", "false"],
  int2: ["1", "-1"],
  int4: ["1", "-2147483648"],
  int8: ["1", "9007199254740992"],
  float4: ["0.1", "'-Infinity'"],
  float8: ["'NaN'", "'-0'"],
  "numeric(10, 2)": ["1.50", "'NaN'"],
  "numeric(20, 2)": ["1.50", "3.25"],
  numeric: ["1.5", "'Infinity'"],
  text: ["'größe'", "''"],
  "varchar(9)": ["'a'", "'b'"],
  "char(3)": ["'a'", "'b'"],
  name: ["'a'", "'b'"],
  '"char"': ["'a'", "'b'"],
  uuid: ["'01234567-89ab-cdef-0123-456789abcdef'", "'00000000-0000-0000-0000-000000000000'"],
  bytea: ["'\\x00ff'", "''"],
  timestamptz: ["'2026-11-23 12:34:56.789012+00'", "'infinity'"],
  timestamp: ["'2026-11-23 12:34:56'", "'-infinity'"],
  date: ["'2026-11-23'", "'infinity'"],
  time: ["'12:34:56.789'", "'24:00'"],
  timetz: ["'12:34:56+02'", "'00:00+00'"],
  interval: ["'1 day -2 hours'", "'0'"],
  json: ["'{\"a\" : [1, null]}'", "'null'"],
  jsonb: ["'{\"a\" : [1, null]}'", "'\"x\"'"],
  mood: ["'größer'", "'it''s \"fine\"'"],
  moods: ["'only'", "'only'"],
  size: ["'s'", "'größer'"],
  score: ["7", "8"],
  pair: ["ROW(1, 'x', 'größer')", "ROW(NULL, NULL, NULL)"],
  nest: ["ROW(ROW(1, 'x', NULL), ARRAY[ROW(2, NULL, NULL)]::pair[])", "ROW(NULL, '{}')"],
  hstore: ["'a=>1, _x=>2, \"\"=>NULL'", "'\" b-c \"=>\"größe\"'"],
  int4range: ["'[1,5)'", "'empty'"],
  int4multirange: ["'{[1,5)}'", "'{}'"],
  inet: ["'10.0.0.1'", "'::1/64'"],
  cidr: ["'10.0.0.0/8'", "'::/0'"],
  macaddr: ["'08:00:2b:01:02:03'", "'00:00:00:00:00:00'"],
  "bit(3)": ["B'101'", "B'000'"],
  "varbit": ["B'1'", "B''"],
  money: ["12.5::numeric::money", "0::numeric::money"],
  xml: ["'<a/>'", "'x'"],
  point: ["'(1,2)'", "'(0,0)'"],
  tsvector: ["'a b'", "''"],
  tsquery: ["'a & b'", "'a'"],
  regclass: ["'pg_class'", "'pg_type'"],
  oid: ["1", "4294967295"],
  "int4[]": ["'{1,2}'", "'{}'"],
  "int8[]": ["'{1}'", "'{2}'"],
  "text[]": ["'{a,größe}'", "'{}'"],
  "bytea[]": ["ARRAY['\\x00'::bytea]", "'{}'"],
  "mood[]": ["'{größer}'", "'{}'"],
  "size[]": ["'{s}'", "'{}'"],
  "jsonb[]": ["ARRAY['{\"a\":1}'::jsonb]", "'{}'"],
  "timestamptz[]": ["'{2026-11-23 12:00+00}'", "'{}'"],
  "hstore[]": ["ARRAY['a=>1'::hstore]", "'{}'"],
};

/** Types that each choice of convex_columns.type is for, of those above. */
const CHOICES = {
  string: Object.keys(TYPES),
  any: Object.keys(TYPES),
  json: Object.keys(TYPES),
  number: ["int2", "int4", "int8", "float4", "float8", "numeric(10, 2)", "numeric(20, 2)", "numeric", "score", "int4[]", "int8[]"],
  int64: ["int2", "int4", "int8", "score", "int4[]", "int8[]"],
  boolean: ["bool"],
  bytes: ["text", "varchar(9)", "char(3)", "uuid", "bytea", "size", "text[]", "bytea[]"],
  iso: ["timestamptz", "timestamp", "date", "timestamptz[]"],
  ms: ["timestamptz", "timestamp", "date", "timestamptz[]"],
  array_nullable: Object.keys(TYPES).filter((type) => type.endsWith("[]")),
};

const OPTIONS = [
  {},
  { nulls: "null", int8: "int64", numeric: "number", timestamps: "iso", orphans: "keep" },
  { nulls: "null", int8: "string", numeric: "string", orphans: "null" },
  { int8: "int64", timestamps: "iso", orphans: "null", key_field: "legacyId" },
];

/** A table of these types: columns that may be NULL, and the same NOT NULL. */
function table(name, types) {
  const columns = types.map((type, i) => `c${i} ${type}, r${i} ${type} NOT NULL`);
  const row = (n) => types.map((type) => [0, 1].map((which) => (n === 2 && which === 0 ? "NULL" : TYPES[type][n % 2])));
  const rows = [0, 1, 2].map((n) => `(${[n, ...row(n).flat()].join(", ")})`);
  // by assignments one by one, since VALUES would want one type for a column
  return `CREATE TABLE ${name} (id int PRIMARY KEY, ${columns.join(", ")});
    ${rows.map((values) => `INSERT INTO ${name} VALUES ${values};`).join("\n")}`;
}

const SQL = `
  CREATE EXTENSION hstore;
  CREATE TYPE mood AS ENUM ('größer', 'it''s "fine"', E'two\\nlines');
  CREATE TYPE moods AS ENUM ('only');
  CREATE DOMAIN size AS text CHECK (VALUE IN ('s', 'größer'));
  CREATE DOMAIN score AS int;
  CREATE TYPE pair AS (a int, "the b" text, mood mood);
  CREATE TYPE nest AS (first pair, rest pair[]);
  ${table("plain", Object.keys(TYPES))}
  ${Object.entries(CHOICES).map(([choice, types]) => table(`as_${choice}`, types)).join("\n")}
  CREATE TABLE parents (id int PRIMARY KEY);
  CREATE TABLE children (id int PRIMARY KEY, parent int, required int NOT NULL REFERENCES parents, self int REFERENCES children,
    FOREIGN KEY (parent) REFERENCES parents NOT VALID);
  INSERT INTO parents VALUES (1);
  INSERT INTO children VALUES (1, 1, 1, NULL), (2, NULL, 1, 1), (3, 1, 1, 3);
  CREATE TABLE nullable_ints (id int PRIMARY KEY, ints int[], texts text[] NOT NULL);
  INSERT INTO nullable_ints VALUES (1, '{1,NULL}', '{NULL}'), (2, NULL, '{}');`;

const SETTINGS = `
  INSERT INTO convex_columns (server, source, source_column, type)
    SELECT 'convex', c.oid, a.attname, substr(relname, 4)
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE relname LIKE 'as\\_%' AND relkind = 'r' AND attnum > 1;
  INSERT INTO convex_columns (server, source, source_column, type) VALUES
    ('convex', 'nullable_ints', 'ints', 'array_nullable'), ('convex', 'nullable_ints', 'texts', 'any');`;

/** What SETTINGS chooses, as the comparison wants it. */
function choicesByTable() {
  const byTable = Object.entries(CHOICES).map(([choice, types]) => {
    const columns = types.flatMap((_, i) => [`c${i}`, `r${i}`]);
    return [`public.as_${choice}`, Object.fromEntries(columns.map((column) => [column, choice]))];
  });
  return { ...Object.fromEntries(byTable), "public.nullable_ints": { ints: "array_nullable", texts: "any" } };
}

let cluster;
const folders = {};

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

for (const options of OPTIONS) {
  const name = JSON.stringify(options);
  test(`every type and choice with ${name}`, async (t) => {
    const scenario = await openGenerated(t, cluster, { sql: SQL, options });
    const { client, connect, convex, deployGenerated, folder, migrate, rejects } = scenario;
    await client.query(SETTINGS);
    await deployGenerated();
    folders[name] = folder;
    const { rows: announced } = await client.query("SELECT * FROM convex_check() WHERE severity = 'error'");
    assert.deepEqual(announced, []);
    const report = await migrate();
    assert.deepEqual(await rejects(), []);
    const { migrated, rows_read: read } = report.at(-1);
    assert.equal(migrated, read);
    assert.equal(migrated, 3 * (1 + Object.keys(CHOICES).length) + 1 + 3 + 2);
    const written = await convex.documentsWritten();
    assert.equal(written.inserted, migrated);
    const { key_field: keyField = "supabaseId", ...others } = options;
    const { differences } = await compareDocuments(client, convex, { ...others, keyField, choices: choicesByTable() });
    assert.deepEqual(differences.slice(0, 5), []);
    assert.deepEqual(await migrate("", await connect()), report);
    assert.deepEqual(await convex.documentsWritten(), written);
  });
}

test("rows that cannot go: those that convex_check() announces, and the others arrive", async (t) => {
  const { client, migrate, rejects } = await openGenerated(t, cluster, {
    sql: `
      CREATE EXTENSION hstore;
      CREATE TABLE items (id int PRIMARY KEY, pairs hstore, big int8, ints int[], data jsonb, exact numeric);
      INSERT INTO items (id, pairs) VALUES (1, '_x=>1, ""=>2, " a.b "=>3'), (2, '$x=>1'), (3, '"größe"=>1'), (4, '__proto__=>1');
      INSERT INTO items (id, big) VALUES (5, 9007199254740993), (6, -9007199254740992);
      INSERT INTO items (id, ints) VALUES (7, '{1,NULL}'), (8, '{{1},{2}}'), (9, '{}');
      INSERT INTO items (id, data) VALUES (10, '{"_x": {"": 1}}'), (11, '{"$x": 1}'), (12, '[{"größe": 1}]');`,
  });
  const { rows: announced } = await client.query(`
    SELECT problem, sum(rows)::int AS rows FROM convex_check() WHERE severity = 'error' GROUP BY problem ORDER BY problem`);
  const { migrated } = (await migrate()).at(-1);
  const found = await rejects();
  assert.deepEqual(found.map(({ key }) => Number(key)), [2, 3, 4, 5, 7, 8, 11, 12]);
  assert.equal(migrated, 4);
  const counts = new Map();
  for (const { reason } of found) {
    const [problem] = reason.split(":");
    counts.set(problem, (counts.get(problem) ?? 0) + 1);
  }
  assert.deepEqual(announced, [...counts].sort().map(([problem, rows]) => ({ problem, rows })));
});

test("type checker, linter and formatter find nothing in all that was generated", async () => {
  assert.deepEqual(await checkTypeScript(folders), {});
});
