/**
 * What the comparison takes for right, case by case: rows made here must become
 * exactly the documents written here. Needs no Convex.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { compareDocuments, startCluster } from "../index.mjs";

let cluster, client;

before(async () => {
  cluster = await startCluster();
  client = await cluster.connect();
});

after(() => cluster?.stop());

beforeEach(() => client.query("DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop"));

/** The differences between the rows of schema "shop" and the given documents by table. */
async function differences(documents, options) {
  const convex = { tableData: async (table) => structuredClone(documents[table]) };
  return (await compareDocuments(client, convex, { schemas: ["shop"], ...options })).differences;
}

/** Makes a table of one value of a type; it must become the given one. */
async function assertBecomes(type, literal, value, options) {
  await client.query(`DROP TABLE IF EXISTS shop.one; CREATE TABLE shop.one (id int PRIMARY KEY, value ${type});
    INSERT INTO shop.one VALUES (1, ${literal})`);
  const document = { _id: "d1", supabaseId: "1" };
  if (value !== undefined) document.value = value;
  assert.deepEqual(await differences({ one: [document] }, options), [], `${type} ${literal}`);
}

test("types", async () => {
  await client.query(`CREATE TYPE shop.mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN shop.cents AS int8; CREATE DOMAIN shop.price AS numeric(10,2)`);
  for (const [type, literal, value] of [
    ["bool", "true", true],
    ["int2", "-32768", -32768],
    ["float4", "0.1", 0.1],
    ["float8", "'-0'", -0],
    ["float8", "'NaN'", NaN],
    ["int8", "9007199254740991", 9007199254740991],
    ["shop.cents", "7", 7],
    ["numeric(15,2)", "1234567890123.45", 1234567890123.45],
    ["numeric(16,2)", "1.50", "1.50"],
    ["numeric", "1.50", "1.50"],
    ["shop.price", "1.50", 1.5],
    ["text", "''", ""],
    ["char(3)", "'a'", "a  "],
    ["shop.mood", "'happy'", "happy"],
    ["date", "'2024-02-29'", "2024-02-29"],
    ["interval", "'1 year 2 days 3.5 s'", "P1Y2DT3.5S"],
    ["inet", "'10.0.0.1/8'", "10.0.0.1/8"],
    ["bytea", "'\\x00ff'", new Uint8Array([0, 255]).buffer],
    ["jsonb", "'{\"a\": [1, null]}'", { a: [1, null] }],
    ["jsonb", "'null'", null],
    ["jsonb", "NULL", undefined],
    ["text[]", "ARRAY['a\"b', '', 'NULL', 'c,d']", ["a\"b", "", "NULL", "c,d"]],
    ["int8[]", "'{1,2}'", [1, 2]],
    ["shop.price[]", "'{1.50}'", [1.5]],
    ["text[]", "'{}'", []],
    ["text", "NULL", undefined],
  ]) {
    await assertBecomes(type, literal, value);
  }
});

test("times are the nearest Float64 of milliseconds, whatever the year", async () => {
  for (const [literal, value] of [
    ["1970-01-01 00:00:00.000001+00", 0.001],
    ["1969-12-31 23:59:59.999999+00", -0.001],
    ["2024-01-01 01:00:00.123456+01", 1704067200123.456],
    ["0099-01-01 00:00:00+00", -59042995200000],
    ["0044-03-15 00:00:00+00 BC", -63517824000000],
    ["infinity", Infinity],
    ["-infinity", -Infinity],
  ]) {
    await assertBecomes("timestamptz", `'${literal}'`, value);
  }
  await assertBecomes("timestamp", "'2024-01-01 00:00:00.5'", 1704067200500);
  await assertBecomes("timestamptz", "'2024-01-01 01:00:00.123456+01'", "2024-01-01T00:00:00.123456Z", { timestamps: "iso" });
});

test("the server's options", async () => {
  await assertBecomes("int8", "9223372036854775807", 9223372036854775807n, { int8: "int64" });
  await assertBecomes("int8", "9223372036854775807", "9223372036854775807", { int8: "string" });
  await assertBecomes("int8[]", "'{1}'", [1n], { int8: "int64" });
  await assertBecomes("numeric(5,2)", "1.50", "1.50", { numeric: "string" });
  await assertBecomes("numeric", "1.50", 1.5, { numeric: "number" });
  await assertBecomes("text", "NULL", null, { nulls: "null" });
});

test("references: to a unique key, to the table itself, across several columns, from a key named id", async () => {
  await client.query(`
    CREATE TABLE shop.users (id int PRIMARY KEY, email text UNIQUE);
    CREATE TABLE shop.profiles (id int PRIMARY KEY REFERENCES shop.users, parent int REFERENCES shop.profiles);
    CREATE TABLE shop.order_lines (order_no int, line int, email text REFERENCES shop.users (email), PRIMARY KEY (order_no, line));
    CREATE TABLE shop.returns (id int PRIMARY KEY, order_no int, line int, FOREIGN KEY (order_no, line) REFERENCES shop.order_lines);
    INSERT INTO shop.users VALUES (1, 'a@example.com'), (2, 'b@example.com');
    INSERT INTO shop.profiles VALUES (1, 2), (2, NULL);
    INSERT INTO shop.order_lines VALUES (10, 1, 'b@example.com'), (10, 2, NULL);
    INSERT INTO shop.returns VALUES (5, 10, 2), (6, 10, NULL)`);
  const documents = {
    users: [
      { _id: "u1", supabaseId: "1", email: "a@example.com" },
      { _id: "u2", supabaseId: "2", email: "b@example.com" },
    ],
    profiles: [
      { _id: "p1", supabaseId: "1", users_id: "u1", parent: "p2" },
      { _id: "p2", supabaseId: "2", users_id: "u2" },
    ],
    orderLines: [
      { _id: "l1", supabaseId: '["10","1"]', order_no: 10, line: 1, email: "u2" },
      { _id: "l2", supabaseId: '["10","2"]', order_no: 10, line: 2 },
    ],
    returns: [
      { _id: "r5", supabaseId: "5", order_no: 10, line: 2, order_lines_id: "l2" },
      { _id: "r6", supabaseId: "6", order_no: 10 },
    ],
  };
  assert.deepEqual(await differences(documents), []);
  documents.returns[0].order_lines_id = "l1";
  assert.deepEqual(await differences(documents),
    [{ table: "returns", key: "5", field: "order_lines_id", expected: "l2", found: "l1" }]);
});

test("a reference to a table that is not compared keeps its value", async () => {
  await client.query(`CREATE TABLE public.outside (id uuid PRIMARY KEY);
    CREATE TABLE shop.inside (id int PRIMARY KEY, outside_id uuid REFERENCES public.outside);
    INSERT INTO public.outside VALUES ('00000000-0000-0000-0000-000000000001');
    INSERT INTO shop.inside VALUES (1, '00000000-0000-0000-0000-000000000001')`);
  const inside = [{ _id: "i1", supabaseId: "1", outside_id: "00000000-0000-0000-0000-000000000001" }];
  assert.deepEqual(await differences({ inside }), []);
});

test("targets, keys and fields can be named, tables, columns and rows left out, references declared", async () => {
  await client.query(`CREATE TABLE shop.people (no int UNIQUE NOT NULL, name text, secret text);
    CREATE TABLE shop.hidden (id int PRIMARY KEY);
    CREATE TABLE shop.pets (id int PRIMARY KEY, person text, hidden_id int REFERENCES shop.hidden);
    INSERT INTO shop.people VALUES (1, 'one', 'x'), (2, 'two', 'y');
    INSERT INTO shop.hidden VALUES (5);
    INSERT INTO shop.pets VALUES (1, 'one', 5), (2, 'two', NULL), (3, 'three', NULL), (4, NULL, NULL)`);
  const people = [{ _id: "p1", oldId: "1", no: 1, label: "one" }];
  const pets = (two, three) => [
    { _id: "x1", oldId: "1", person: "p1", hidden_id: 5 }, { _id: "x2", oldId: "2", ...two },
    { _id: "x3", oldId: "3", ...three }, { _id: "x4", oldId: "4" },
  ];
  const options = {
    keyField: "oldId", targets: { "shop.people": "persons" }, keys: { "shop.people": ["no"] }, excluded: ["shop.hidden"],
    fields: { "shop.people": { name: "label", secret: null } }, rows: { "shop.people": "r.no = 1" },
    references: { "shop.pets": [{ column: "person", parent: "shop.people", parentColumn: "name" }] },
  };
  const compared = (two, three, orphans) => differences({ persons: people, pets: pets(two, three) }, { ...options, orphans });
  assert.deepEqual(await compared({}, {}, "null"), []);
  assert.deepEqual(await compared({ person: "two" }, { person: "three" }, "keep"), []);
  assert.deepEqual((await compared({}, { person: "three" }, "reject")).map(({ key, field }) => [key, field]),
    [["2", "person"], ["3", "person"]]);
});

test("rows without a key are counted by content", async () => {
  await client.query(`CREATE TABLE shop.log (line text, n int);
    INSERT INTO shop.log VALUES ('a', 1), ('a', 1), ('b', NULL)`);
  const log = [
    { _id: "l1", supabaseId: "h1-1", n: 1, line: "a" }, { _id: "l2", supabaseId: "h1-2", line: "a", n: 1 },
    { _id: "l3", supabaseId: "h2-1", line: "b" },
  ];
  assert.deepEqual(await differences({ log }), []);
  log[2].n = 0;
  assert.deepEqual((await differences({ log })).map(({ expected, found }) => [expected, found]),
    [[{ line: "b" }, undefined], [undefined, { ...log[2] }]]);
  log.splice(1, 2);
  assert.equal((await differences({ log })).length, 2);
});

test("tables that inherit are compared without each other's rows", async () => {
  await client.query(`CREATE TABLE shop.beings (id int PRIMARY KEY); CREATE TABLE shop.cats (PRIMARY KEY (id)) INHERITS (shop.beings);
    INSERT INTO shop.beings VALUES (1); INSERT INTO shop.cats VALUES (2)`);
  const one = (key) => [{ _id: `d${key}`, supabaseId: key }];
  assert.deepEqual(await differences({ beings: one("1"), cats: one("2") }), []);
});
