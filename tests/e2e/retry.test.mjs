/**
 * convex_retry(): rows that were rejected are sent again once they can go, with those that point to them, and no others.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compareDocuments, insertsInto, openGenerated, openScenario, startCluster } from "../harness/index.mjs";
import { errorOf, textsOf } from "../harness/scenario.mjs";

/** Larger than a document may be. */
const TOO_LARGE = "repeat('x', 2000000)";

/**
 * References of every form to rows that do not go at first: to the table itself, in a circle, by a key of several
 * columns, by another key than the primary one, between types that print differently, in an array; and a table without
 * a key, whose rows are equal.
 */
const sql = `
  CREATE TABLE authors (id int PRIMARY KEY, rate numeric NOT NULL UNIQUE, name text NOT NULL, mentor int REFERENCES authors);
  CREATE TABLE books (id uuid PRIMARY KEY, author int REFERENCES authors, cover int, rate numeric REFERENCES authors (rate), readers int[]);
  CREATE TABLE covers (id int PRIMARY KEY, book uuid REFERENCES books, art text);
  ALTER TABLE books ADD FOREIGN KEY (cover) REFERENCES covers;
  CREATE TABLE editions (book uuid REFERENCES books, "no" int, note text, PRIMARY KEY (book, "no"));
  CREATE TABLE loans (id bigint PRIMARY KEY, book uuid, "no" int, FOREIGN KEY (book, "no") REFERENCES editions);
  CREATE TABLE notes (body text, author int REFERENCES authors);
  CREATE TABLE places (id int PRIMARY KEY);
  INSERT INTO authors SELECT i, i + 0.5, 'author ' || i, nullif(i - 1, 0) FROM generate_series(1, 40) AS i;
  INSERT INTO books SELECT md5(i::text)::uuid, i, NULL, i + 0.50, ARRAY[i, 1] FROM generate_series(1, 40) AS i;
  INSERT INTO covers SELECT i, md5(i::text)::uuid, 'art ' || i FROM generate_series(1, 40) AS i;
  UPDATE books SET cover = author;
  INSERT INTO editions SELECT id, n, NULL FROM books, generate_series(1, 2) AS n;
  INSERT INTO loans SELECT row_number() OVER (ORDER BY book, "no"), book, "no" FROM editions;
  INSERT INTO notes SELECT 'note', 7 FROM generate_series(1, 3);
  INSERT INTO notes VALUES ('other', 8);
  INSERT INTO places VALUES (1);
  UPDATE authors SET name = ${TOO_LARGE} WHERE id = 7;
  UPDATE covers SET art = ${TOO_LARGE} WHERE id = 9;
  UPDATE editions SET note = ${TOO_LARGE} WHERE book = md5('11')::uuid AND "no" = 2;`;

/** Lets all rows go. */
const MEND = `
  UPDATE authors SET name = 'author 7' WHERE id = 7;
  UPDATE covers SET art = 'art 9' WHERE id = 9;
  UPDATE editions SET note = NULL WHERE note IS NOT NULL;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

async function open(t, options) {
  const scenario = await openGenerated(t, cluster, { sql, options: { batch_rows: 10, ...options } });
  await scenario.client.query(`
    INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('books', 'readers', 'public.authors(id)')`);
  await scenario.deployGenerated();
  return scenario;
}

/** All documents are what the rows are, and references lead to the right ones. */
async function assertEqual(client, convex) {
  const { differences } = await compareDocuments(client, convex);
  // declared references are compared by themselves
  assert.deepEqual(differences.filter(({ field }) => field !== "readers").slice(0, 5), []);
  const authors = new Map((await convex.tableData("authors")).map(({ _id, supabaseId }) => [_id, Number(supabaseId)]));
  for (const { author, readers } of await convex.tableData("books")) {
    assert.deepEqual(readers.map((id) => authors.get(id)), [authors.get(author), 1]);
  }
}

async function retry(client, parameters = "") {
  const { rows } = await client.query(`
    SELECT source::text, rows_read::int, migrated::int, failed::int, status FROM convex_retry(${parameters})`);
  return rows;
}

const total = (report) => report.find(({ source }) => source === null);

for (const orphans of ["null", "keep", "reject"]) {
  describe(`orphans '${orphans}'`, () => {
    test("in a new session, rows that can go now leave convex_rejects, with what points to them", async (t) => {
      const { client, connect, convex, migrate, rejects } = await open(t, { orphans });
      const first = await migrate();
      const before = await rejects();
      assert.ok(before.length >= 3);
      const other = await connect();
      t.after(() => other.end());
      await other.query(MEND);
      const report = await retry(other);
      assert.equal(total(report).status, "complete");
      assert.ok(total(report).rows_read < total(first).rows_read / 2, "most rows are not sent again");
      assert.deepEqual(await rejects(), []);
      await assertEqual(client, convex);
      const { rows: modes } = await client.query("SELECT mode FROM convex_runs WHERE source IS NULL ORDER BY run");
      assert.deepEqual(modes, [{ mode: null }, { mode: "retry" }]);
    });
  });
}

test("rows that still cannot go stay; those that are gone leave, with a NOTICE; others are not touched", async (t) => {
  const { client, migrate, rejects } = await open(t, { orphans: "null" });
  await migrate();
  const before = await rejects();
  await client.query(`DELETE FROM loans WHERE book = md5('11')::uuid; DELETE FROM editions WHERE note IS NOT NULL`);
  const notices = [];
  client.on("notice", ({ message }) => notices.push(message));
  const report = await retry(client, "tables => '{authors,editions}'");
  assert.deepEqual(report.map(({ source, failed }) => [source, failed]), [["authors", 1], ["editions", 0], [null, 1]]);
  assert.ok(notices.includes("editions: 1 of the rows in convex_rejects are not there any more"));
  assert.deepEqual(await rejects(), before.filter(({ source }) => source !== "editions"));
});

test("without rejects nothing is asked of the deployment", async (t) => {
  const { client, convex } = await open(t);
  const { requests } = await convex.control("stats");
  assert.deepEqual(await retry(client), [{ source: null, rows_read: 0, migrated: 0, failed: 0, status: "complete" }]);
  assert.deepEqual((await convex.control("stats")).requests, requests);
});

test("functions that were not generated are not called", async (t) => {
  const { client, migrate, keys } = await openScenario(t, cluster, {
    functions: insertsInto(["items"]),
    sql: `CREATE TABLE items (id int PRIMARY KEY, label text); INSERT INTO items VALUES (1, 'a'), (2, ${TOO_LARGE})`,
  });
  await migrate();
  const error = await errorOf(retry(client));
  assert.match(textsOf(error), /convex_retry\(\) needs the functions of convex_functions\(\)/);
  assert.deepEqual(await keys("items"), ["1"]);
});
