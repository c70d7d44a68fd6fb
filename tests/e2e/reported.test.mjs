/**
 * What people and real databases brought, together in one: each kind of row and
 * name arrives as it should, and the check says beforehand what will not. What
 * each of them looks like in detail is in the tests of its part.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openGenerated, startCluster } from "../harness/index.mjs";
import { differentForeseen } from "../harness/foreseen.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const sql = `
  -- keys of JSON that Convex does not have, each for a reason of its own
  CREATE TABLE clicks (id int PRIMARY KEY, details jsonb);
  INSERT INTO clicks VALUES (1, '{"plan": "pro"}'), (2, '{"$model": 1}'), (3, '{"a": [{"$set": 1}]}'), (4, '{"": 1}'), (5, '{"_id": 1, "a.b c": 2}'),
    (6, '{"größe": 1}'), (7, '"text"'), (8, 'null'), (9, NULL), (10, '{"a\\tb": 1}'), (11, '{"__proto__": 1}');

  -- references of two columns, of which one may be NULL; columns that several of them have
  CREATE TABLE firms (id int PRIMARY KEY);
  CREATE TABLE staff (firm_id int REFERENCES firms, id int, PRIMARY KEY (firm_id, id));
  CREATE TABLE jobs (firm_id int NOT NULL REFERENCES firms, id int, made_by int NOT NULL, changed_by int, PRIMARY KEY (firm_id, id),
    FOREIGN KEY (firm_id, made_by) REFERENCES staff, FOREIGN KEY (firm_id, changed_by) REFERENCES staff);
  CREATE TABLE loose (id int PRIMARY KEY, f int, s int, FOREIGN KEY (f, s) REFERENCES staff);
  INSERT INTO firms VALUES (1), (2); INSERT INTO staff VALUES (1, 1), (1, 2), (2, 1);
  INSERT INTO jobs VALUES (1, 10, 1, 2), (1, 11, 2, NULL), (2, 10, 1, NULL);
  INSERT INTO loose VALUES (1, 1, 2), (2, 99, NULL), (3, NULL, 7);

  -- a table whose key is a value of an enum to the app
  CREATE TABLE states (value text PRIMARY KEY, comment text); INSERT INTO states VALUES ('OPEN', 'new'), ('CLOSED', 'done');
  CREATE TABLE cases (id int PRIMARY KEY, state text NOT NULL REFERENCES states); INSERT INTO cases VALUES (1, 'OPEN'), (2, 'CLOSED');

  -- other scripts, capitals, an "id" that is not the key, the name of the field with the key
  CREATE TABLE "лица" ("имя" text PRIMARY KEY, "氏名" text); INSERT INTO "лица" VALUES ('Анна', 'x');
  CREATE TABLE "ORDER_LINES" ("ID" int PRIMARY KEY, "APIKey" text); INSERT INTO "ORDER_LINES" VALUES (1, 'k');
  CREATE TABLE codes (code text PRIMARY KEY, id int UNIQUE); CREATE TABLE uses (id int PRIMARY KEY, code_id int REFERENCES codes (id));
  INSERT INTO codes VALUES ('x', 7); INSERT INTO uses VALUES (1, 7);
  CREATE TABLE members (id text PRIMARY KEY, "supabaseId" text NOT NULL UNIQUE); CREATE TABLE letters (id int PRIMARY KEY, to_id text REFERENCES members ("supabaseId"));
  INSERT INTO members VALUES ('m1', 's1'); INSERT INTO letters VALUES (1, 's1');

  -- lists of numbers that no double holds, amounts, arrays with NULLs and dimensions
  CREATE TABLE flags (id int PRIMARY KEY, bits bigint CHECK (bits IN (4611686018427387905)), small bigint CHECK (small IN (1, 2)));
  INSERT INTO flags VALUES (1, NULL, 2), (2, 4611686018427387905, 1);
  CREATE TABLE sums (id int PRIMARY KEY, net numeric NOT NULL, tax numeric(10, 2)); INSERT INTO sums VALUES (1, 20565.6206, 12.50);
  CREATE TABLE boards (id int PRIMARY KEY, cells int[], marks text[]); INSERT INTO boards VALUES (1, '{{1,0},{0,1}}', '{a}'), (2, NULL, '{a,NULL}'), (3, '{1}', '{}');

  -- an index on a function that names others without a schema; the same foreign key twice
  CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
  CREATE FUNCTION area(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT twice($1) * twice($2)';
  CREATE TABLE lots (id int PRIMARY KEY, w int, h int); CREATE INDEX ON lots (area(w, h)); INSERT INTO lots VALUES (1, 2, 3);
  CREATE TABLE owners (id int PRIMARY KEY, lot int REFERENCES lots, CONSTRAINT again FOREIGN KEY (lot) REFERENCES lots); INSERT INTO owners VALUES (1, 1);

  -- of a framework
  CREATE TABLE schema_migrations (version text PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1');`;

const choices = "INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'cases', 'state', 'string')";

test("all that was reported, in one database", async (t) => {
  const { client, convex, rejects, deployGenerated } = await openGenerated(t, cluster, { sql });
  await client.query(choices);
  await deployGenerated();
  const { rows: [total] } = await client.query("SELECT orphans::int, failed::int, migrated::int FROM convex_migrate() WHERE source IS NULL");
  assert.equal(await differentForeseen(client, total), null);
  const reasons = (await rejects()).map(({ source, key, reason }) => `${source} ${key} ${reason.split(": ")[0]}`);
  assert.deepEqual(reasons, [
    "boards 1 array_dimensions", "boards 2 null_element",
    ...[2, 3, 6, 10, 11].map((key) => `clicks ${key} illegal_key`), "flags 2 number_not_exact",
  ]);

  const rows = async (table) => (await convex.tableData(table)).sort((a, b) => (a.supabaseId < b.supabaseId ? -1 : 1))
    .map(({ _id, _creationTime, ...document }) => document);
  const id = async (table, key) => (await convex.tableData(table)).find(({ supabaseId }) => supabaseId === key)._id;
  assert.deepEqual(await rows("cases"), [{ supabaseId: "1", state: "OPEN" }, { supabaseId: "2", state: "CLOSED" }]);
  assert.deepEqual((await rows("jobs"))[0], {
    supabaseId: '["1","10"]', firm_id: await id("firms", "1"), id: 10,
    made_by: await id("staff", '["1","1"]'), changed_by: await id("staff", '["1","2"]'),
  });
  assert.deepEqual((await rows("loose")).map(({ staff_id: staff }) => staff), [await id("staff", '["1","2"]'), undefined, undefined]);
  assert.deepEqual(await rows("litsa"), [{ supabaseId: "Анна", imya: "Анна", u6c0fu540d: "x" }]);
  assert.deepEqual(await rows("orderLines"), [{ supabaseId: "1", ID: 1, APIKey: "k" }]);
  assert.deepEqual(await rows("codes"), [{ supabaseId: "x", code: "x", id: 7 }]);
  assert.deepEqual(await rows("uses"), [{ supabaseId: "1", code_id: await id("codes", "x") }]);
  assert.deepEqual(await rows("members"), [{ supabaseId: "m1", supabaseId_2: "s1" }]);
  assert.deepEqual(await rows("letters"), [{ supabaseId: "1", to_id: await id("members", "m1") }]);
  assert.deepEqual(await rows("flags"), [{ supabaseId: "1", small: 2 }]);
  assert.deepEqual(await rows("sums"), [{ supabaseId: "1", net: "20565.6206", tax: 12.5 }]);
  assert.deepEqual(await rows("owners"), [{ supabaseId: "1", lot: await id("lots", "1") }]);
  assert.ok(!(await client.query("SELECT target FROM convex_plan()")).rows.some(({ target }) => target === "schemaMigrations"));

  // and what the check says of it, each with what mends it
  const { rows: lines } = await client.query("SELECT source::text, source_column AS column, problem, hint FROM convex_check() WHERE problem <> 'renamed'");
  const hint = (problem, source) => lines.find((line) => line.problem === problem && (source === undefined || line.source === source))?.hint;
  assert.match(hint("null_element"), /'marks', 'array_nullable'\);$/);
  assert.match(hint("array_dimensions"), /'cells', 'any'\);$/);
  assert.equal(lines.filter(({ problem }) => problem === "illegal_key").length, 3);
  assert.match(hint("numeric_string", "sums"), /'net', 'number'\);/);
  assert.match(hint("key_field_taken"), /ALTER SERVER convex OPTIONS \(ADD key_field 'postgresId'\);$/);
  assert.match(hint("bookkeeping"), /public\.schema_migrations/);
  assert.ok(lines.every(({ hint: text }) => text.length < 500), "hints are short");
});

test("the statements that the check gives let all rows go", async (t) => {
  const { client, migrate, rejects, deployGenerated } = await openGenerated(t, cluster, { sql });
  for (;;) {
    const { rows: [line] } = await client.query("SELECT substring(hint FROM 'To send such rows: (.*)') AS statement FROM convex_check() WHERE severity = 'error' LIMIT 1");
    if (line === undefined) break;
    await client.query(line.statement);
  }
  await deployGenerated();
  assert.equal((await migrate()).at(-1).failed, 0);
  assert.deepEqual(await rejects(), []);
});
