/**
 * References that no foreign key declares: each element of an array, and values of another type than the key, which are
 * matched by their text. They go the ways of all references: orphans, circles, the second pass, ids of other sessions.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exportFolder, readExport } from "../harness/exported.mjs";
import { arrived, errorOf, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** A world with choices: deployed for them. */
async function openChosen(t, { sql, choices, options }) {
  const scenario = await openGenerated(t, cluster, { sql, options });
  await scenario.client.query(choices);
  await scenario.deployGenerated();
  return scenario;
}

const folder = exportFolder();
let files = 0;

/** What a file for an import has: the same as a run leaves. */
async function exported(client, tables) {
  const path = `${folder}/${++files}.zip`;
  await client.query("SELECT convex_export($1)", [path]);
  return arrived(await readExport(path), tables);
}

const ANN = "50000000-0000-4000-8000-000000000001";
const BOB = "50000000-0000-4000-8000-000000000002";
const GONE = "50000000-0000-4000-8000-000000000009";

/** Chats with members, some of whom are not there, or are rejected themselves. */
const CHATS = {
  sql: `
    CREATE TABLE usr (id uuid PRIMARY KEY, name text, flags int[]);
    CREATE TABLE chat (id int PRIMARY KEY, member_ids uuid[] NOT NULL DEFAULT '{}', owner text);
    INSERT INTO usr VALUES ('${ANN}', 'ann', '{1}'), ('${BOB}', 'bob', '{{1}}');
    INSERT INTO chat VALUES (1, '{${ANN}}', '${ANN}'), (2, '{${BOB},${ANN},${GONE},${ANN}}', NULL), (3, '{}', '${ANN}'),
      (4, '{NULL}', NULL), (5, '{{${ANN}}}', NULL), (6, array_fill('${ANN}'::uuid, '{8193}'), NULL), (7, '{${GONE}}', '${GONE}');`,
  choices: `INSERT INTO convex_columns (source, source_column, target_reference)
    VALUES ('chat', 'member_ids', 'public.usr(id)'), ('chat', 'owner', 'public.usr(id)')`,
};

/** What convex_check() says of rows of chats. */
async function found(client, severity) {
  const { rows } = await client.query(
    `SELECT problem || ' ' || rows || ' ' || example AS text FROM convex_check()
       WHERE severity = $1 AND rows IS NOT NULL ORDER BY 1`, [severity]);
  return rows.map(({ text }) => text);
}

const SHAPES = ["array_dimensions 1 5", "array_too_long 1 6", "null_element 1 4"];

const EXPECTED = {
  reject: {
    errors: ["array_dimensions 1 5", `array_dimensions 1 ${BOB}`, "array_too_long 1 6", "null_element 1 4", "orphan 1 2", "orphan 1 7"],
    warnings: [],
    chat: { 1: { member_ids: [`usr:${ANN}`], owner: `usr:${ANN}` }, 3: { member_ids: [], owner: `usr:${ANN}` } },
    field: "v.array(v.id(\"usr\"))",
  },
  null: {
    errors: [SHAPES[0], `array_dimensions 1 ${BOB}`, SHAPES[1], SHAPES[2]],
    warnings: ["orphan 1 7", "orphan 2 2"],
    chat: {
      1: { member_ids: [`usr:${ANN}`], owner: `usr:${ANN}` },
      2: { member_ids: [`usr:${ANN}`, `usr:${ANN}`] },
      3: { member_ids: [], owner: `usr:${ANN}` },
      7: { member_ids: [] },
    },
    field: "v.array(v.id(\"usr\"))",
  },
  keep: {
    errors: [SHAPES[0], `array_dimensions 1 ${BOB}`, SHAPES[1], SHAPES[2]],
    warnings: ["orphan 1 7", "orphan 2 2"],
    chat: {
      1: { member_ids: [`usr:${ANN}`], owner: `usr:${ANN}` },
      2: { member_ids: [BOB, `usr:${ANN}`, GONE, `usr:${ANN}`] },
      3: { member_ids: [], owner: `usr:${ANN}` },
      7: { member_ids: [GONE], owner: GONE },
    },
    field: "v.array(v.union(v.id(\"usr\"), v.string()))",
  },
};

for (const [orphans, { errors, warnings, chat, field }] of Object.entries(EXPECTED)) {
  test(`arrays of references, orphans ${orphans}`, async (t) => {
    const scenario = await openChosen(t, { ...CHATS, options: { orphans, id_salt: "no secret of anybody" } });
    const { client, convex, migrate, rejects } = scenario;
    const { rows: [{ schema }] } = await client.query("SELECT convex_schema() AS schema");
    assert.ok(schema.includes(`member_ids: ${field},`), schema);
    assert.doesNotMatch(schema, /by_member_ids/);
    assert.deepEqual(await found(client, "error"), errors);
    assert.deepEqual(await found(client, "warning"), warnings);
    const report = await migrate();
    assert.equal(report.at(-1).failed, errors.length);
    assert.deepEqual((await arrived(convex, ["usr", "chat"])).chat, chat);
    assert.deepEqual((await exported(client, ["usr", "chat"])).chat, chat);
    const reasons = (await rejects()).filter(({ source }) => source === "chat").map(({ key, reason }) => `${key} ${reason}`);
    assert.deepEqual(reasons.filter((text) => !text.includes("orphan")), [
      "4 null_element: member_ids[0]: an array element is NULL",
      "5 array_dimensions: member_ids: an array of 2 dimensions, at most 1",
      "6 array_too_long: member_ids: 8,193 elements, at most 8,192",
    ]);
  });
}

test("a document shows the ids that are known, and old keys for others", async (t) => {
  const { client, migrate } = await openChosen(t, CHATS);
  const document = async (id) => {
    const { rows: [{ text }] } = await client.query("SELECT convex_document(c) AS text FROM chat c WHERE id = $1", [id]);
    return JSON.parse(text);
  };
  assert.deepEqual(await document(1), { id: "1", member_ids: [ANN], owner: ANN });
  await migrate();
  const { member_ids: ids } = await document(2);
  assert.deepEqual([ids[0], ids[2]], [BOB, GONE]);
  assert.match(ids[1], /^[a-z0-9]{32}$/);
  const { detail } = await errorOf(document(4));
  assert.match(detail, /^null_element: member_ids\[0\]/);
});

const CIRCLE = {
  sql: `
    CREATE TABLE node (id int PRIMARY KEY, next int[], label text[]);
    CREATE TABLE team (id bigint PRIMARY KEY, people text[], lead text);
    CREATE TABLE person (id text PRIMARY KEY, teams int[] NOT NULL);
    INSERT INTO node VALUES (1, '{2,1,3}', '{a}'), (2, '{}', NULL), (3, NULL, NULL), (4, '{9,1}', '{b}'), (5, '{{1}}', NULL);
    INSERT INTO team VALUES (1, '{p,q}', 'p'), (2, '{q,z}', 'z');
    INSERT INTO person VALUES ('p', '{1}'), ('q', '{2,1}'), ('r', '{7}');`,
  choices: `INSERT INTO convex_columns (source, source_column, target_reference)
    VALUES ('node', 'next', 'public.node(id)'), ('team', 'people', 'public.person(id)'), ('team', 'lead', 'public.person(id)'),
      ('person', 'teams', 'public.team(id)')`,
};

/** By orphans: what fails, and what arrives. */
const CIRCLES = {
  reject: {
    failed: 4,
    node: { 1: { next: ["node:2", "node:1", "node:3"], label: ["a"] }, 2: { next: [] }, 3: {}, 4: { label: ["b"] } },
    team: { 1: { people: ["person:p", "person:q"], lead: "person:p" }, 2: {} },
    person: { p: { teams: ["team:1"] }, q: { teams: ["team:2", "team:1"] } },
  },
  null: {
    failed: 1,
    node: { 1: { next: ["node:2", "node:1", "node:3"], label: ["a"] }, 2: { next: [] }, 3: {}, 4: { next: ["node:1"], label: ["b"] } },
    team: { 1: { people: ["person:p", "person:q"], lead: "person:p" }, 2: { people: ["person:q"] } },
    person: { p: { teams: ["team:1"] }, q: { teams: ["team:2", "team:1"] }, r: { teams: [] } },
  },
  keep: {
    failed: 1,
    node: { 1: { next: ["node:2", "node:1", "node:3"], label: ["a"] }, 2: { next: [] }, 3: {}, 4: { next: ["9", "node:1"], label: ["b"] } },
    team: { 1: { people: ["person:p", "person:q"], lead: "person:p" }, 2: { people: ["person:q", "z"], lead: "z" } },
    person: { p: { teams: ["team:1"] }, q: { teams: ["team:2", "team:1"] }, r: { teams: ["7"] } },
  },
};

for (const [orphans, { failed, ...documents }] of Object.entries(CIRCLES)) {
  test(`arrays in circles wait for the second pass, orphans ${orphans}`, async (t) => {
    const { client, convex, migrate } = await openChosen(t, { ...CIRCLE, options: { orphans, id_salt: "no secret of anybody" } });
    const { rows: plan } = await client.query('SELECT source::text, "references" FROM convex_plan() ORDER BY 1');
    assert.deepEqual(plan, [
      { source: "node", references: ["next[]->node (deferred)"] },
      { source: "person", references: ["teams[]->team"] },
      { source: "team", references: ["lead->person (deferred)", "people[]->person (deferred)"] },
    ]);
    const { rows: [{ rows: announced }] } = await client.query("SELECT sum(rows)::int AS rows FROM convex_check() WHERE severity = 'error'");
    for (let run = 0; run < 2; run++) {
      const report = await migrate();
      assert.equal(report.at(-1).failed, failed);
      assert.equal(announced, failed);
      assert.deepEqual(await arrived(convex, ["node", "team", "person"]), documents);
    }
    assert.deepEqual(await exported(client, ["node", "team", "person"]), documents);
  });
}

test("elements whose rows another session moved", async (t) => {
  const { client, convex, connect, migrate } = await openChosen(t, CHATS);
  await client.query("DELETE FROM chat WHERE id > 3; UPDATE usr SET flags = NULL; UPDATE chat SET member_ids = array_remove(member_ids, $$" + GONE + "$$)");
  await migrate("tables => '{usr}'");
  const other = await connect();
  await migrate("tables => '{chat}'", other);
  assert.deepEqual((await arrived(convex, ["usr", "chat"])).chat, {
    1: { member_ids: [`usr:${ANN}`], owner: `usr:${ANN}` },
    2: { member_ids: [`usr:${BOB}`, `usr:${ANN}`, `usr:${ANN}`] },
    3: { member_ids: [], owner: `usr:${ANN}` },
  });
});

test("text to uuid, varchar to bigint, int to text: matched by text when declared", async (t) => {
  const { client, convex, migrate, rejects } = await openChosen(t, {
    sql: `
      CREATE TABLE author (id uuid PRIMARY KEY, n bigint UNIQUE, code text UNIQUE);
      CREATE TABLE book (id int PRIMARY KEY, author_id text, n varchar, upper_id char(36), code int);
      INSERT INTO author VALUES ('7a000000-0000-4000-8000-00000000000a', 12, '5');
      INSERT INTO book VALUES (1, '7a000000-0000-4000-8000-00000000000a', '12', '7A000000-0000-4000-8000-00000000000A', 5),
        (2, 'not a uuid', '012', NULL, 6), (3, NULL, '', '', NULL);`,
    choices: `INSERT INTO convex_columns (source, source_column, target_reference)
      VALUES ('book', 'author_id', 'public.author(id)'), ('book', 'n', 'public.author(n)'),
        ('book', 'upper_id', 'public.author(id)'), ('book', 'code', 'public.author(code)')`,
  });
  const author = "author:7a000000-0000-4000-8000-00000000000a";
  assert.deepEqual(await found(client, "error"), ["orphan 1 2", "orphan 1 3"]);
  await migrate();
  const book = { 1: { author_id: author, n: author, upper_id: author, code: author } };
  assert.deepEqual((await arrived(convex, ["author", "book"])).book, book);
  await client.query("ALTER SERVER convex OPTIONS (ADD id_salt 'no secret of anybody')");
  assert.deepEqual((await exported(client, ["author", "book"])).book, book);
  assert.deepEqual((await rejects()).map(({ key, reason }) => `${key} ${reason}`), [
    '2 orphan: author_id, code, n: the rows of table "author" that they point to are not in Convex',
    '3 orphan: n, upper_id: the rows of table "author" that they point to are not in Convex',
  ]);
});

test("arrays go to keys alone", async (t) => {
  const { client } = await openGenerated(t, cluster, {
    sql: "CREATE TABLE parent (id int PRIMARY KEY, n int UNIQUE); CREATE TABLE child (id int PRIMARY KEY, parents int[], dates date[])",
  });
  await client.query("INSERT INTO convex_columns (source, source_column, target_reference) VALUES ('child', 'parents', 'public.parent(n)')");
  assert.equal((await errorOf(client.query("SELECT FROM convex_plan()"))).detail,
    "The elements of an array can only be references to the key of a table.");
  await client.query("UPDATE convex_columns SET source_column = 'dates', target_reference = 'public.parent(id)'");
  assert.equal((await errorOf(client.query("SELECT FROM convex_plan()"))).detail, "Their types cannot be compared.");
});
