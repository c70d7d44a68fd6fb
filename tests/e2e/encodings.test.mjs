/**
 * Databases that are not in UTF-8: texts, names and keys arrive as they are;
 * what has no character in Unicode is a reject by row and column and keeps
 * nothing else back; and what Convex says may have any characters.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertArrives, compareDocuments, insertsInto, openGenerated, openScenario, openShape, startCluster, textsOf,
  writeFunctions,
} from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/**
 * Server encodings, a text of each for names, keys and values; bytes that the
 * encoding allows and that are no character (of LATIN1 there are none); and
 * what becomes of 日本語 and 😀.
 */
const ENCODINGS = [
  { encoding: "LATIN1", word: "Größe\u00ff", target: "grossey", field: "Grossey", bad: null, here: "???", face: "?" },
  { encoding: "WIN1252", word: "„Œuvre€", target: "oeuvre", field: "Oeuvre_", bad: "81", here: "???", face: "?" },
  { encoding: "EUC_JP", word: "顧客ｶé", target: "u9867u5ba2u30abe", field: "u9867u5ba2u30abe", bad: "a9a1", here: "日本語", face: "?" },
  { encoding: "SQL_ASCII", word: "顧客😀é", target: "u9867u5ba2E", field: "u9867u5ba2_e", bad: "ff", here: "日本語", face: "😀" },
];

const tables = (word) => String.raw`
  CREATE TYPE mood AS ENUM ('sad', '${word}');
  CREATE TYPE pair AS (a text, b jsonb);
  CREATE TABLE "${word}" ("${word}" text PRIMARY KEY, mood mood, j json, jb jsonb, list text[], c char(20));
  INSERT INTO "${word}"
    SELECT '${word} ' || n, '${word}', '{"a": ["\u65e5\ud83d\ude00", "${word}"]}', '{"a": "${word}"}',
      ARRAY['${word}', ''], '${word}' FROM generate_series(1, 20) AS n;
  CREATE TABLE notes (code text, at date, parent text REFERENCES "${word}", note varchar(40), PRIMARY KEY (code, at));
  INSERT INTO notes SELECT '${word}', '2026-01-01'::date + n, '${word} ' || n, '${word}'
    FROM generate_series(1, 20) AS n;
  CREATE TABLE keyless (t text, n int);
  INSERT INTO keyless SELECT '${word}', n % 15 FROM generate_series(1, 20) AS n;`;

for (const { encoding, word, target, field, bad, here, face } of ENCODINGS) {
  test(`${encoding}: names, keys and values arrive as they are`, async (t) => {
    const targets = [target, "notes", "keyless"];
    const scenario = await openShape(t, cluster, { encoding, sql: tables(word), targets });
    await assertArrives(scenario, {
      expected: { targets: { [`public.${word}`]: target }, fields: { [`public.${word}`]: { [word]: field } } },
    });
  });

  test(`${encoding}: convex_document() is the same JSON`, async (t) => {
    const { client } = await openScenario(t, cluster, {
      encoding, sql: tables(word), functions: insertsInto([target]),
    });
    const { rows } = await client.query(`SELECT convex_document(x) AS document FROM "${word}" AS x LIMIT 1`);
    const { id, j, jb } = JSON.parse(rows[0].document);
    assert.deepEqual({ id, j, jb }, { id: `${word} 1`, j: { a: ["日😀", word] }, jb: { a: word } });
  });

  if (bad !== null) {
    test(`${encoding}: what is no character is a reject by row and column`, async (t) => {
      const { client, migrate, rejects, keys } = await openScenario(t, cluster, {
        encoding, sql: badTables(encoding, bad), functions: insertsInto(["items", "parts", "keyless"]),
      });
      const report = await migrate();
      assert.deepEqual(report.map(({ source, migrated, failed }) => ({ source, migrated, failed })), [
        { source: "items", migrated: 24, failed: 6 }, { source: "keyless", migrated: 9, failed: 1 },
        { source: "parts", migrated: 9, failed: 1 }, { source: null, migrated: 42, failed: 8 },
      ]);
      const text = "a text has bytes that are no character of Unicode";
      const shown = bad.replaceAll(/../g, "\\x$&");
      const found = await rejects();
      assert.deepEqual(found.filter(({ source }) => source === "items"), [
        { source: "items", key: "2", reason: `not_utf8: t: ${text}` },
        { source: "items", key: "7", reason: `not_utf8: j: ${text}` },
        { source: "items", key: "12", reason: `not_utf8: jb.a[1]: ${text}` },
        { source: "items", key: "17", reason: `not_utf8: list[1]: ${text}` },
        { source: "items", key: "22", reason: `not_utf8: pair.b: ${text}` },
        { source: "items", key: `x${shown}`, reason: `not_utf8: id: ${text}` },
      ]);
      const { key: hash, reason } = found.find(({ source }) => source === "keyless");
      assert.match(hash, /^[0-9a-f]{64}-1$/);
      assert.equal(reason, `not_utf8: t: ${text}`);
      assert.match(found.find(({ source }) => source === "parts").reason, /^orphan: item: /);
      assert.equal((await keys("items")).length, 24);

      const { rows: problems } = await client.query({
        text: `SELECT source::text, source_column, example, rows::int FROM convex_check()
          WHERE problem = 'not_utf8' ORDER BY source::text, source_column`,
        rowMode: "array",
      });
      assert.deepEqual(problems, [
        ["items", "j", "7", 1], ["items", "jb", "12", 1], ["items", "list", "17", 1], ["items", "pair", "22", 1],
        ["items", "t", "2", 1], ["items", null, `x${shown}`, 1], ["keyless", "t", hash, 1],
      ]);
    });

    test(`${encoding}: the WARNING of a run that fails shows such a key`, async (t) => {
      const { client, migrateFails } = await openScenario(t, cluster, {
        encoding,
        sql: `CREATE TABLE items (id text PRIMARY KEY);
          INSERT INTO items VALUES (convert_from('\\x78${bad}', '${encoding}')), ('fine');`,
        functions: writeFunctions(`
          import { v } from "convex/values";
          import { mutation } from "./_generated/server";
          export const migrateItems = mutation({
            args: { items: v.array(v.any()) }, handler: async () => "nonsense",
          });`),
      });
      const error = await migrateFails();
      assert.equal(error.code, "08P01");
      const warning = client.notices.find(({ severity }) => severity === "WARNING");
      assert.ok(textsOf(warning).includes(`items x${bad.replaceAll(/../g, "\\x$&")}: not_utf8`), textsOf(warning));
    });
  }

  test(`${encoding}: rows that an earlier session moved are found by their keys`, async (t) => {
    const stray = bad === null ? "''" : `convert_from('\\x78${bad}', '${encoding}')`;
    const { connect, migrate, rejects } = await openGenerated(t, cluster, {
      encoding,
      sql: `CREATE TABLE items (id text PRIMARY KEY);
        INSERT INTO items VALUES ('${word}'), ('plain'), (${stray});
        CREATE TABLE parts (id int PRIMARY KEY, item text REFERENCES items);
        INSERT INTO parts VALUES (1, '${word}'), (2, 'plain'), (3, ${stray});`,
    });
    const lost = bad === null ? 0 : 1;
    const [items] = await migrate("tables => '{items}'");
    assert.deepEqual([items.migrated, items.failed], [3 - lost, lost]);
    const [parts] = await migrate("tables => '{parts}'", await connect());
    assert.deepEqual([parts.migrated, parts.failed], [3 - lost, lost]);
    const orphans = (await rejects()).filter(({ source }) => source === "parts");
    assert.deepEqual(orphans.map(({ key }) => key), lost ? ["3"] : []);
  });

  test(`${encoding}: errors from Convex may have any characters`, async (t) => {
    const { migrate, rejects, keys } = await openScenario(t, cluster, {
      encoding, functions: anyCharacters(),
      sql: "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 20);",
    });
    const [{ migrated, failed }] = await migrate();
    assert.deepEqual({ migrated, failed }, { migrated: 18, failed: 2 });
    assert.equal((await keys("items")).length, 18);
    const [first, second] = await rejects();
    assert.deepEqual(first, { source: "items", key: "7", reason: `refused: ${here} ${face}é` });
    assert.equal(second.key, "13");
    assert.ok(second.reason.startsWith(`function_error: ${here}${here}`), second.reason);
    assert.ok(second.reason.length > 100);
  });
}

/** A row with those bytes in each of some columns, every fifth row; and one whose key has them. */
function badTables(encoding, bad) {
  const text = `convert_from('\\x78${bad}', '${encoding}')`;
  return `
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE items (id text PRIMARY KEY, t text, j json, jb jsonb, list text[], pair pair);
    INSERT INTO items SELECT n, CASE WHEN n = 2 THEN ${text} END, CASE WHEN n = 7 THEN to_json(${text}) END,
      CASE WHEN n = 12 THEN jsonb_build_object('a', jsonb_build_array(1, ${text})) END,
      CASE WHEN n = 17 THEN ARRAY['a', ${text}] END, CASE WHEN n = 22 THEN ROW(1, ${text})::pair END
      FROM generate_series(1, 29) AS n;
    INSERT INTO items VALUES (${text});
    CREATE TABLE parts (id int PRIMARY KEY, item text REFERENCES items);
    INSERT INTO parts SELECT n, CASE WHEN n = 1 THEN '2' ELSE '1' END FROM generate_series(1, 10) AS n;
    CREATE TABLE keyless (t text);
    INSERT INTO keyless SELECT CASE WHEN n = 5 THEN ${text} ELSE 'fine ' || n END FROM generate_series(1, 10) AS n;`;
}

/** Refuses 7, and fails for 13 with a text of many characters. */
const anyCharacters = () => writeFunctions(`
  import { v } from "convex/values";
  import { mutation } from "./_generated/server";
  export const migrateItems = mutation({
    args: { items: v.array(v.any()) },
    handler: async (ctx, { items }) => {
      const answers = [];
      for (const { id } of items) {
        if (id === "13") throw new Error("日本語".repeat(5000));
        answers.push(id === "7"
          ? { supabaseId: id, error: "日本語 😀é" }
          : { supabaseId: id, convexId: await ctx.db.insert("items", { supabaseId: id }) });
      }
      return answers;
    },
  });`);

test("SQL_ASCII: an old key that is no text does not spoil the second pass", async (t) => {
  const stray = "convert_from('\\x78ff', 'SQL_ASCII')";
  const { convex, migrate, rejects } = await openGenerated(t, cluster, {
    encoding: "SQL_ASCII", options: { orphans: "keep" },
    sql: `CREATE TABLE people (id text PRIMARY KEY, boss text REFERENCES people, friend text REFERENCES people);
      INSERT INTO people VALUES (${stray}, NULL, NULL), ('ada', ${stray}, 'eve'), ('eve', 'ada', ${stray}),
        ('fay', 'ada', NULL);`,
  });
  await migrate();
  const [ada, eve, fay] = (await convex.tableData("people")).sort((a, b) => (a.supabaseId < b.supabaseId ? -1 : 1));
  assert.deepEqual([ada.boss, ada.friend, eve.boss, eve.friend, fay.boss], [undefined, eve._id, ada._id, undefined, ada._id]);
  const text = "a text has bytes that are no character of Unicode";
  assert.deepEqual(await rejects(), [
    { source: "people", key: "ada", reason: `not_utf8: boss: ${text}` },
    { source: "people", key: "eve", reason: `not_utf8: friend: ${text}` },
    { source: "people", key: "x\\xff", reason: `not_utf8: id: ${text}` },
  ]);
});

test("SQL_ASCII: a comment has no line break of JavaScript's", async (t) => {
  const { client } = await openScenario(t, cluster, {
    encoding: "SQL_ASCII",
    sql: "CREATE TABLE items (id int PRIMARY KEY); COMMENT ON TABLE items IS 'one\u2028two\u2029three';",
  });
  const { rows: [{ schema }] } = await client.query("SELECT convex_schema() AS schema");
  assert.match(schema, /^ {2}\/\/ one\n {2}\/\/ two\n {2}\/\/ three$/m);
});

test("EUC_JP: keys with characters that another code of EUC_JP has as well", async (t) => {
  // The first byte pair is of NEC's row 13; the way back from Unicode leads to another pair.
  const scenario = await openScenario(t, cluster, {
    encoding: "EUC_JP", functions: insertsInto(["items", "parts"]),
    sql: `CREATE TABLE items (id text PRIMARY KEY);
      INSERT INTO items VALUES (convert_from('\\xadf0', 'EUC_JP')), (convert_from('\\xadf1', 'EUC_JP'));
      CREATE TABLE parts (id int PRIMARY KEY, item text REFERENCES items);
      INSERT INTO parts SELECT row_number() OVER (), id FROM items;`,
  });
  const report = await scenario.migrate();
  assert.equal(report.at(-1).status, "complete");
  assert.deepEqual(await scenario.keys("items"), ["≒", "≡"].sort());
  assert.deepEqual((await compareDocuments(scenario.client, scenario.convex)).differences, []);
});

test("EUC_JP: keys in values that go as their JSON text", async (t) => {
  const { migrate, client, convex } = await openScenario(t, cluster, {
    encoding: "EUC_JP", functions: insertsInto(["items"]),
    sql: `CREATE TABLE items (id int PRIMARY KEY, list json[], b jsonb[]);
      INSERT INTO items VALUES (1, ARRAY['{"日本語": {"a": 1, "a": 2}}']::json[], NULL),
        (2, ARRAY['{"日本語": "é"}']::json[], ARRAY['{"日本語": "é"}']::jsonb[]);`,
  });
  // As JSON text keys may have any characters; json goes as it was written, a key that comes twice and all.
  await client.query(`INSERT INTO convex_columns (server, source, source_column, type)
    VALUES ('convex', 'items', 'list', 'json'), ('convex', 'items', 'b', 'json')`);
  const report = await migrate();
  assert.equal(report.at(-1).migrated, 2);
  const documents = await convex.tableData("items");
  assert.deepEqual(new Set(documents.map(({ list }) => list)), new Set(['[{"日本語": {"a": 1, "a": 2}}]', '[{"日本語": "é"}]']));
  assert.deepEqual(documents.map(({ b }) => b).filter(Boolean), ['[{"日本語":"é"}]']);
});

test("without a key a row keeps its hash", async (t) => {
  const { client } = await openScenario(t, cluster, {
    encoding: "LATIN1", functions: insertsInto(["items"]),
    sql: "CREATE TABLE items (t text); INSERT INTO items VALUES ('é');",
  });
  const { rows } = await client.query(`
    SELECT convex_document(x)::json ->> 'id' AS key, encode(sha256('\\x28e929'), 'hex') || '-1' AS expected
      FROM items AS x`);
  assert.equal(rows[0].key, rows[0].expected);
});
