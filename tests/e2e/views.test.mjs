/**
 * Views, materialized views and foreign tables are sources like tables: a row of convex_tables takes one into every run
 * and names its key, which nobody enforces; references go to and from them.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrived, errorOf, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** The choices of a world, once the extension is there; then the functions for them. */
async function choose({ client, deployGenerated }, sql) {
  await client.query(sql);
  await deployGenerated();
}

test("a view with a key and a reference from and to it, and a materialized view", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: `
      CREATE TABLE raw (id int PRIMARY KEY, cents bigint, owner int);
      INSERT INTO raw VALUES (1, 1999, 1), (2, 5, 1);
      CREATE VIEW nice AS SELECT id, cents / 100.0 AS price, owner AS owner_id FROM raw;
      CREATE MATERIALIZED VIEW totals AS SELECT owner, sum(cents)::bigint AS total FROM raw GROUP BY owner;
      CREATE UNIQUE INDEX ON totals (owner);
      CREATE TABLE buyer (id int PRIMARY KEY, nice_id int);
      INSERT INTO buyer VALUES (1, 2);`,
  });
  const { client, convex, migrate } = scenario;
  const { rows: before } = await client.query("SELECT source::text FROM convex_plan()");
  assert.deepEqual(before.map(({ source }) => source), ["buyer", "raw"]);
  await choose(scenario, `
    INSERT INTO convex_tables (source, exclude) VALUES ('raw', true);
    INSERT INTO convex_tables (source, key) VALUES ('nice', '{id}'), ('totals', '{owner}');
    INSERT INTO convex_columns (source, source_column, type) VALUES ('nice', 'price', 'number');
    INSERT INTO convex_columns (source, source_column, target_reference)
      VALUES ('nice', 'owner_id', 'public.buyer(id)'), ('buyer', 'nice_id', 'public.nice(id)')`);
  const { rows: plan } = await client.query('SELECT source::text, kind, key, "references" FROM convex_plan()');
  assert.deepEqual(plan, [
    { source: "buyer", kind: "table", key: ["id"], references: ["nice_id->nice (deferred)"] },
    { source: "totals", kind: "materialized view", key: ["owner"], references: [] },
    { source: "nice", kind: "view", key: ["id"], references: ["owner_id->buyer"] },
  ]);
  const { rows: problems } = await client.query("SELECT problem, source::text FROM convex_check() WHERE severity <> 'info'");
  assert.deepEqual(problems, []);
  assert.deepEqual((await migrate()).at(-1), {
    source: null, target: null, rows_read: 4, migrated: 4, failed: 0, retries: 0, status: "complete",
  });
  assert.deepEqual(await arrived(convex, ["nice", "totals", "buyer"]), {
    nice: { 1: { price: 19.99, owner_id: "buyer:1" }, 2: { price: 0.05, owner_id: "buyer:1" } },
    totals: { 1: { owner: 1, total: 2004 } },
    buyer: { 1: { nice_id: "nice:2" } },
  });
  await client.query("UPDATE raw SET cents = 7 WHERE id = 2");
  await migrate("tables => '{nice}'");
  assert.equal((await arrived(convex, ["nice"])).nice[2].price, 0.07);
});

/** Rows of convex_check() that a run will reject. */
async function announced(client) {
  const { rows } = await client.query(
    `SELECT source::text, problem, rows::int, example FROM convex_check() WHERE severity = 'error' AND rows IS NOT NULL
       ORDER BY source::text, problem, source_column`);
  return rows;
}

test("keys that are NULL, or are there twice, are rejects and no doubles; what points there falls", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: `
      CREATE TABLE raw (id int, code text, n int);
      INSERT INTO raw VALUES (1, 'a', 1), (2, 'b', 2), (2, 'c', 3), (NULL, 'd', 4), (NULL, 'e', 5), (7, 'null', 6);
      CREATE VIEW keyed AS SELECT id, n FROM raw;
      CREATE VIEW coded AS SELECT nullif(code, 'd') AS code, n FROM raw WHERE n > 2 UNION ALL SELECT 'null', 9 UNION ALL SELECT 'x', 8;
      CREATE VIEW pairs AS SELECT id, code, n FROM raw UNION ALL SELECT 1, 'a', 7;
      CREATE TABLE child (id int PRIMARY KEY, keyed_id int, code text);
      INSERT INTO child VALUES (1, 1, 'c'), (2, 2, 'x'), (3, NULL, 'null'), (4, 7, NULL), (5, 9, NULL);`,
  });
  const { client, convex, migrate, rejects } = scenario;
  await choose(scenario, `
    INSERT INTO convex_tables (source, exclude) VALUES ('raw', true);
    INSERT INTO convex_tables (source, key) VALUES ('keyed', '{id}'), ('coded', '{code}'), ('pairs', '{id,code}');
    INSERT INTO convex_columns (source, source_column, target_reference)
      VALUES ('child', 'keyed_id', 'public.keyed(id)'), ('child', 'code', 'public.coded(code)')`);
  const expected = [
    { source: "child", problem: "orphan", rows: 1, example: "3" },
    { source: "child", problem: "orphan", rows: 2, example: "2" },
    { source: "coded", problem: "null_key", rows: 1, example: "null" },
    { source: "coded", problem: "repeated_key", rows: 2, example: "null" },
    { source: "keyed", problem: "null_key", rows: 2, example: "null" },
    { source: "keyed", problem: "repeated_key", rows: 2, example: "2" },
    { source: "pairs", problem: "null_key", rows: 2, example: '[null,"d"]' },
    { source: "pairs", problem: "repeated_key", rows: 2, example: '["1","a"]' },
  ];
  assert.deepEqual(await announced(client), expected);
  const report = await migrate();
  assert.equal(report.at(-1).failed, expected.reduce((sum, { rows }) => sum + rows, 0));
  const found = (await rejects()).map(({ source, key, reason }) => `${source} ${key} ${reason}`);
  assert.deepEqual(found.sort(), [
    'child 2 orphan: keyed_id: the row of table "keyed" that it points to is not in Convex',
    'child 3 orphan: code: the row of table "coded" that it points to is not in Convex',
    'child 5 orphan: keyed_id: the row of table "keyed" that it points to is not in Convex',
    'coded null null_key: column "code" of the key is NULL',
    "coded null repeated_key: another row has the same key",
    "coded null repeated_key: another row has the same key",
    "keyed 2 repeated_key: another row has the same key",
    "keyed 2 repeated_key: another row has the same key",
    'keyed null null_key: column "id" of the key is NULL',
    'keyed null null_key: column "id" of the key is NULL',
    'pairs ["1","a"] repeated_key: another row has the same key',
    'pairs ["1","a"] repeated_key: another row has the same key',
    'pairs [null,"d"] null_key: column "id" of the key is NULL',
    'pairs [null,"e"] null_key: column "id" of the key is NULL',
  ]);
  const { child, keyed, coded, pairs } = await arrived(convex, ["child", "keyed", "coded", "pairs"]);
  assert.deepEqual(child, { 1: { keyed_id: "keyed:1", code: "coded:c" }, 4: { keyed_id: "keyed:7" } });
  assert.deepEqual(keyed, { 1: { n: 1 }, 7: { n: 6 } });
  assert.deepEqual(Object.keys(coded).sort(), ["c", "e", "x"]);
  assert.deepEqual(Object.keys(pairs).sort(), ['["2","b"]', '["2","c"]', '["7","null"]']);
});

test("keys and references that cannot be", async (t) => {
  const { client } = await openGenerated(t, cluster, {
    sql: `CREATE TABLE plain (id int PRIMARY KEY, other int);
      CREATE VIEW v AS SELECT id, other, '{}'::json AS j, '{1}'::int[] AS all FROM plain;`,
  });
  const details = [];
  const attempts = [
    "INSERT INTO convex_tables (source, key) VALUES ('plain', '{other}')",
    "INSERT INTO convex_tables (source, key) VALUES ('v', '{}')",
    "INSERT INTO convex_tables (source, key) VALUES ('v', '{id,id}')",
    "INSERT INTO convex_tables (source, key) VALUES ('v', '{j}')",
    "INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('plain', 'other', 'public.v(id)')",
    `INSERT INTO convex_tables (source, key) VALUES ('v', '{id}');
     INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('plain', 'other', 'public.v(other)')`,
    `INSERT INTO convex_tables (source) VALUES ('v');
     INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('v', 'j', 'public.plain(id)')`,
  ];
  for (const attempt of attempts) {
    await client.query(`DELETE FROM convex_tables; DELETE FROM convex_columns; ${attempt}`);
    const { detail } = await errorOf(client.query("SELECT FROM convex_plan()"));
    details.push(detail);
  }
  assert.deepEqual(details, [
    "No unique index is on these columns alone, whole and without nulls.",
    "It names no column.",
    'It names column "id" twice.',
    'Column "j" is of type json, whose values cannot be compared.',
    "The table is not among those that are migrated; a view is by a row of convex_tables.",
    "No unique index is on that column alone.",
    "Their types cannot be compared.",
  ]);
});

test("choices are for server convex unless they say otherwise", async (t) => {
  const { client } = await openGenerated(t, cluster, { sql: "CREATE TABLE items (id int PRIMARY KEY, name text)" });
  await client.query(`INSERT INTO convex_tables (source, target) VALUES ('items', 'things');
    INSERT INTO convex_columns (source, source_column, target) VALUES ('items', 'name', 'label')`);
  const { rows } = await client.query("SELECT server, target FROM convex_tables UNION ALL SELECT server, target FROM convex_columns");
  assert.deepEqual(rows, [{ server: "convex", target: "things" }, { server: "convex", target: "label" }]);
  client.notices.length = 0;
  for (const table of ["convex_tables (server, source)", "convex_columns (server, source, source_column)"]) {
    const extra = table.includes("column)") ? ", 'id'" : "";
    const { code } = await errorOf(client.query(`INSERT INTO ${table} VALUES (NULL, 'items'${extra})`));
    assert.equal(code, "23502");
  }
  assert.deepEqual(client.notices, []);
});

test("foreign tables, which have no keys and no constraints: the user says what they are", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: `
      CREATE EXTENSION postgres_fdw; CREATE SCHEMA hosted; CREATE SCHEMA local;
      CREATE TABLE hosted.author (id int PRIMARY KEY, name text);
      CREATE TABLE hosted.book (id int PRIMARY KEY, author_id int REFERENCES hosted.author, title text);
      INSERT INTO hosted.author VALUES (1, 'ann'); INSERT INTO hosted.book VALUES (1, 1, 'one'), (2, 1, 'two');
      DO $$ BEGIN EXECUTE format('CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
        current_database(), split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port')); END $$;
      CREATE USER MAPPING FOR CURRENT_USER SERVER far;
      CREATE TABLE shelf (id int PRIMARY KEY, book int); INSERT INTO shelf VALUES (5, 2);`,
  });
  const { client, convex, migrate } = scenario;
  await client.query("IMPORT FOREIGN SCHEMA hosted FROM SERVER far INTO local");
  await choose(scenario, `
    INSERT INTO convex_tables (source, key) VALUES ('local.author', '{id}'), ('local.book', '{id}');
    INSERT INTO convex_columns (source, source_column, target_reference)
      VALUES ('local.book', 'author_id', 'local.author(id)'), ('shelf', 'book', 'local.book(id)')`);
  assert.equal((await migrate()).at(-1).status, "complete");
  assert.equal((await migrate()).at(-1).status, "complete");
  assert.deepEqual(await arrived(convex, ["author", "book", "shelf"]), {
    author: { 1: { name: "ann" } },
    book: { 1: { author_id: "author:1", title: "one" }, 2: { author_id: "author:1", title: "two" } },
    shelf: { 5: { book: "book:2" } },
  });
});
