/**
 * A database of every shape arrives whole, by the functions that are generated
 * for it: each test makes one, migrates it,
 * compares every document and reference with the rows, and migrates it again
 * from a new connection, which must not write a single document. What the
 * schema alone decides (which references wait for the second pass) is asked of
 * convex_plan(). What single references look like is in references.test.mjs.
 */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import pg from "pg";
import { checkTypeScript } from "../codegen/check.mjs";
import {
  assertArrives, compareDocuments, deferredByPlan, openGenerated, openShape, startCluster, temporaryFolder,
} from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** By test, the folder with its generated files. @type {Record<string, string>} */
const folders = {};

/** @param {object} shape see openGenerated @returns {ReturnType<typeof openGenerated>} */
async function open(t, shape) {
  const scenario = await openGenerated(t, cluster, shape);
  folders[t.name] = scenario.folder;
  return scenario;
}

test("a chain", async (t) => {
  const scenario = await open(t, {
    sql: `
      CREATE TABLE countries (id int PRIMARY KEY, name text);
      CREATE TABLE cities (id uuid PRIMARY KEY, country_id int NOT NULL REFERENCES countries);
      CREATE TABLE streets (id text PRIMARY KEY, city_id uuid REFERENCES cities);
      CREATE TABLE houses (id bigint PRIMARY KEY, street_id text NOT NULL REFERENCES streets, built date);
      INSERT INTO countries SELECT i, 'country ' || i FROM generate_series(1, 10) AS i;
      INSERT INTO cities SELECT md5(i::text)::uuid, 1 + i * 7 % 10 FROM generate_series(1, 30) AS i;
      INSERT INTO streets SELECT 'street ' || i, CASE WHEN i % 4 > 0 THEN md5((1 + i % 30)::text)::uuid END FROM generate_series(1, 60) AS i;
      INSERT INTO houses SELECT i, 'street ' || 1 + i * 11 % 60, '2024-02-29' FROM generate_series(1, 120) AS i;`,
  });
  await assertArrives(scenario);
});

test("a diamond", async (t) => {
  const scenario = await open(t, {
    sql: `
      CREATE TABLE roots (id int PRIMARY KEY);
      CREATE TABLE lefts (id int PRIMARY KEY, root_id int NOT NULL REFERENCES roots);
      CREATE TABLE rights (id int PRIMARY KEY, root_id int REFERENCES roots);
      CREATE TABLE tips (id int PRIMARY KEY, left_id int REFERENCES lefts, right_id int NOT NULL REFERENCES rights, root_id int REFERENCES roots);
      INSERT INTO roots SELECT generate_series(1, 12);
      INSERT INTO lefts SELECT i, 1 + i * 5 % 12 FROM generate_series(1, 25) AS i;
      INSERT INTO rights SELECT i, nullif(i * 7 % 13, 0) FROM generate_series(1, 25) AS i;
      INSERT INTO tips SELECT i, nullif(i % 26, 0), 1 + i * 3 % 25, 1 + i % 12 FROM generate_series(1, 80) AS i;`,
  });
  await assertArrives(scenario);
});

test("a table that points to itself: a tree, and rows that point to themselves", async (t) => {
  const scenario = await open(t, {
    deferred: { employees: ["deputy_id", "manager_id"], folders: ["root_id", "up_id"] },
    sql: `
      CREATE TABLE folders (id int PRIMARY KEY, name text, up_id int REFERENCES folders, root_id int NOT NULL REFERENCES folders);
      CREATE TABLE employees (id int PRIMARY KEY, email text UNIQUE, manager_id text REFERENCES employees (email),
        badge int UNIQUE, deputy_id int REFERENCES employees (badge), home int REFERENCES folders);
      INSERT INTO folders SELECT i, 'folder ' || i, nullif(i / 2, 0), 1 FROM generate_series(1, 63) AS i;
      INSERT INTO folders VALUES (64, 'its own', 64, 64);
      INSERT INTO employees SELECT i, 'e' || i, CASE WHEN i % 5 > 0 THEN 'e' || 41 - i END, 41 - i, CASE WHEN i % 3 = 0 THEN i END, i
        FROM generate_series(1, 40) AS i;`,
  });
  await assertArrives(scenario);
});

test("deferred references that become NULL, or an orphan that goes without, are taken away", async (t) => {
  const scenario = await open(t, {
    deferred: { employees: ["deputy_id", "manager_id"] },
    options: { orphans: "null" },
    sql: `CREATE TABLE employees (id int PRIMARY KEY, name text, manager_id int REFERENCES employees, deputy_id int REFERENCES employees);
      INSERT INTO employees SELECT i, 'e' || i, nullif(i / 2, 0), 41 - i FROM generate_series(1, 40) AS i;`,
  });
  await assertArrives(scenario);
  await scenario.client.query(`UPDATE employees SET name = NULL, manager_id = NULL WHERE id % 3 = 0;
    UPDATE employees SET deputy_id = NULL WHERE id % 2 = 0; UPDATE employees SET deputy_id = id WHERE id = 7`);
  await assertArrives(scenario);
  // who has left stays in Convex, but nobody points there any more
  await scenario.client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'employees', 'id > 5')");
  await scenario.migrate();
  const documents = await scenario.convex.tableData("employees");
  const numbers = new Map(documents.map(({ _id, supabaseId }) => [_id, Number(supabaseId)]));
  const found = documents
    .map(({ _id, ...fields }) => [numbers.get(_id), ...["manager_id", "deputy_id"].map((field) => (
      field in fields ? numbers.get(fields[field]) : null))])
    .filter(([id]) => id > 5).sort(([a], [b]) => a - b);
  const { rows } = await scenario.client.query({
    text: `SELECT id, CASE WHEN manager_id > 5 THEN manager_id END, CASE WHEN deputy_id > 5 THEN deputy_id END
      FROM employees WHERE id > 5 ORDER BY id`, rowMode: "array",
  });
  assert.deepEqual(found, rows);
});

/**
 * Tables t1 → t2 → … → t1, each with 30 rows that point anywhere in the next.
 * @param {boolean[]} notNull by table, whether its reference is
 */
function ring(notNull) {
  const next = (i) => `t${1 + (i + 1) % notNull.length}`;
  const tables = notNull.map((_, i) => `CREATE TABLE t${1 + i} (id int PRIMARY KEY, name text);`);
  const references = notNull.map((required, i) => `
    ALTER TABLE t${1 + i} ADD next int ${required ? "NOT NULL" : ""} REFERENCES ${next(i)} DEFERRABLE INITIALLY DEFERRED;`);
  const rows = notNull.map((required, i) => `
    INSERT INTO t${1 + i} SELECT n, 'row ' || n, ${required ? "" : "CASE WHEN n % 5 > 0 THEN"} 1 + n * ${7 + 4 * i} % 30 ${required ? "" : "END"}
      FROM generate_series(1, 30) AS n;`);
  return { sql: `BEGIN; ${[...tables, ...references, ...rows].join("\n")} COMMIT;` };
}

for (const [name, notNull, deferred] of [
  ["a circle of two tables, nullable", [false, false], "t1"],
  ["a circle of two tables, NOT NULL", [true, true], "t1"],
  ["a circle of two tables, mixed: the nullable reference waits", [true, false], "t2"],
  ["a circle of three tables, nullable", [false, false, false], "t2"],
  ["a circle of three tables, NOT NULL", [true, true, true], "t2"],
  ["a circle of three tables, mixed: the nullable reference waits", [true, true, false], "t3"],
]) {
  test(name, async (t) => {
    await assertArrives(await open(t, { ...ring(notNull), deferred: { [deferred]: ["next"] } }));
  });
}

test("two circles that share a table, and a leaf", async (t) => {
  const scenario = await open(t, {
    deferred: { hubs: ["left_id", "right_id"] },
    sql: `
      CREATE TABLE hubs (id int PRIMARY KEY, left_id int, right_id int, note text);
      CREATE TABLE lefts (id int PRIMARY KEY, hub_id int NOT NULL REFERENCES hubs);
      CREATE TABLE rights (id int PRIMARY KEY, hub_id int NOT NULL REFERENCES hubs);
      CREATE TABLE leaves (id int PRIMARY KEY, hub_id int REFERENCES hubs, left_id int REFERENCES lefts);
      INSERT INTO hubs SELECT i, nullif(i * 3 % 21, 0), nullif(i * 5 % 21, 0), nullif('note ' || i % 2, 'note 0') FROM generate_series(1, 20) AS i;
      INSERT INTO lefts SELECT i, 1 + i * 7 % 20 FROM generate_series(1, 20) AS i;
      INSERT INTO rights SELECT i, 1 + i * 11 % 20 FROM generate_series(1, 20) AS i;
      INSERT INTO leaves SELECT i, i, 21 - i FROM generate_series(1, 20) AS i;
      ALTER TABLE hubs ADD FOREIGN KEY (left_id) REFERENCES lefts, ADD FOREIGN KEY (right_id) REFERENCES rights;`,
  });
  await assertArrives(scenario);
});

test("a chain of 64 tables", async (t) => {
  const names = Array.from({ length: 64 }, (_, i) => `t${String(64 - i).padStart(2, "0")}`);
  const tables = names.map((name, i) => (i === 0 ? `CREATE TABLE ${name} (id int PRIMARY KEY);
      INSERT INTO ${name} VALUES (1), (2), (3);`
    : `CREATE TABLE ${name} (id int PRIMARY KEY, up int NOT NULL REFERENCES ${names[i - 1]});
      INSERT INTO ${name} VALUES (1, 3), (2, 1), (3, 2);`));
  const scenario = await open(t, { sql: tables.join("\n") });
  const report = await assertArrives(scenario);
  assert.deepEqual(report.map(({ source }) => source), [...names, null]);
});

test("a chain of composite keys, each with the one before in it", async (t) => {
  const scenario = await open(t, {
    deferred: { tasks: ["blocks"] },
    sql: `
      CREATE TABLE tenants (name text PRIMARY KEY);
      CREATE TABLE projects (tenant text REFERENCES tenants, "no" int, PRIMARY KEY (tenant, "no"));
      CREATE TABLE tasks (tenant text, project int, task int, blocks int, PRIMARY KEY (tenant, project, task),
        FOREIGN KEY (tenant, project) REFERENCES projects, FOREIGN KEY (tenant, project, blocks) REFERENCES tasks);
      CREATE TABLE remarks (task int, project int, tenant text, line int, PRIMARY KEY (line, tenant, project, task),
        FOREIGN KEY (task, project, tenant) REFERENCES tasks (task, project, tenant));
      INSERT INTO tenants VALUES ('a'), ('b"'), ('');
      INSERT INTO projects SELECT name, i FROM tenants, generate_series(1, 4) AS i;
      INSERT INTO tasks SELECT tenant, "no", i, CASE WHEN i > 1 THEN i - 1 END FROM projects, generate_series(1, 4) AS i;
      INSERT INTO remarks SELECT task, project, tenant, i FROM tasks, generate_series(1, 2) AS i;`,
  });
  await assertArrives(scenario);
});

test("keys that are references, in a chain and in a circle", async (t) => {
  const scenario = await open(t, {
    deferred: { halves: ["other_halves_id"] },
    sql: `
      CREATE TABLE users (id uuid PRIMARY KEY, name text);
      CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES users, bio text);
      CREATE TABLE avatars (profile_id uuid PRIMARY KEY REFERENCES profiles, url text);
      CREATE TABLE halves (id int PRIMARY KEY);
      CREATE TABLE other_halves (id int PRIMARY KEY REFERENCES halves);
      INSERT INTO users SELECT md5(i::text)::uuid, 'user ' || i FROM generate_series(1, 40) AS i;
      INSERT INTO profiles SELECT id, 'bio of ' || name FROM users LIMIT 30;
      INSERT INTO avatars SELECT id, 'https://example.com/' || id FROM profiles OFFSET 10;
      INSERT INTO halves SELECT generate_series(1, 20);
      INSERT INTO other_halves SELECT generate_series(1, 20);
      ALTER TABLE halves ADD FOREIGN KEY (id) REFERENCES other_halves;`,
  });
  await assertArrives(scenario);
});

test("two constraints on one column", async (t) => {
  const scenario = await open(t, {
    sql: `
      CREATE TABLE people (id int PRIMARY KEY);
      CREATE TABLE members (id int PRIMARY KEY REFERENCES people);
      CREATE TABLE cards (id int PRIMARY KEY, holder int REFERENCES members,
        CONSTRAINT person FOREIGN KEY (holder) REFERENCES people);
      INSERT INTO people SELECT generate_series(1, 20);
      INSERT INTO members SELECT generate_series(6, 15);
      INSERT INTO cards SELECT i, CASE WHEN i % 4 > 0 THEN 6 + i % 10 END FROM generate_series(1, 30) AS i;`,
  });
  await assertArrives(scenario);
});

test("tables without a key: equal rows, references from them and to them, and to itself", async (t) => {
  const scenario = await open(t, {
    deferred: { codes: ["instead_of"] },
    sql: `
      CREATE TABLE users (id int PRIMARY KEY);
      CREATE TABLE visits (user_id int REFERENCES users, page text, at timestamptz);
      INSERT INTO users SELECT generate_series(1, 5);
      INSERT INTO visits SELECT nullif(i % 6, 0), 'page ' || i % 2, '2026-01-01' FROM generate_series(1, 90) AS i;
      CREATE TABLE codes (code text UNIQUE, key int, instead_of text REFERENCES codes (code));
      CREATE TABLE uses (id int PRIMARY KEY, code text REFERENCES codes (code));
      INSERT INTO codes SELECT 'code ' || i, 10, CASE WHEN i % 2 > 0 THEN 'code ' || 21 - i END FROM generate_series(1, 20) AS i;
      INSERT INTO codes VALUES (NULL, 20, NULL), (NULL, 20, NULL), (NULL, 20, 'code 1');
      INSERT INTO uses SELECT i, CASE WHEN i % 3 > 0 THEN 'code ' || 1 + i % 20 END FROM generate_series(1, 30) AS i;`,
  });
  const { client, connect, convex, migrate } = scenario;
  assert.deepEqual(await deferredByPlan(client), scenario.deferred);
  const report = await migrate();
  assert.deepEqual(report.map(({ source, migrated, failed }) => [source, migrated, failed]),
    [["codes", 23, 0], ["users", 5, 0], ["uses", 30, 0], ["visits", 90, 0], [null, 148, 0]]);
  // the comparison needs a key for a table that is pointed to: those two by hand
  const { documents, differences } = await compareDocuments(client, convex, { excluded: ["public.codes", "public.uses"] });
  assert.deepEqual({ documents, differences }, { documents: 95, differences: [] });
  const codes = await convex.tableData("codes");
  const codeById = new Map(codes.map(({ _id, code }) => [_id, code]));
  const used = (await convex.tableData("uses")).map(({ supabaseId, code }) => ({ id: Number(supabaseId), code: codeById.get(code) ?? null }));
  assert.deepEqual(used.sort((a, b) => a.id - b.id), (await client.query("SELECT id, code FROM uses ORDER BY id")).rows);
  const replaced = codes.map(({ code = null, key, instead_of }) => ({ code, key, instead_of: codeById.get(instead_of) ?? null }));
  const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
  assert.deepEqual(sorted(replaced), sorted((await client.query("SELECT code, key, instead_of FROM codes")).rows));

  const written = await convex.documentsWritten();
  assert.deepEqual(await migrate("", await connect()), report);
  assert.deepEqual(await convex.documentsWritten(), written);
});

test("partitions of partitions of partitions, that point to themselves and are pointed to", async (t) => {
  const scenario = await open(t, {
    deferred: { events: ["cause"] },
    sql: `
      CREATE TABLE events (id int PRIMARY KEY, cause int REFERENCES events, payload jsonb) PARTITION BY RANGE (id);
      CREATE TABLE events_low PARTITION OF events FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
      CREATE TABLE events_low_a PARTITION OF events_low FOR VALUES FROM (0) TO (50) PARTITION BY HASH (id);
      CREATE TABLE events_low_a0 PARTITION OF events_low_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      -- columns in another order than the table's
      CREATE TABLE events_low_a1 (payload jsonb, dropped int, cause int, id int NOT NULL);
      ALTER TABLE events_low_a1 DROP dropped;
      ALTER TABLE events_low_a ATTACH PARTITION events_low_a1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      CREATE TABLE events_low_b PARTITION OF events_low DEFAULT;
      CREATE TABLE events_rest PARTITION OF events DEFAULT;
      CREATE TABLE notes (id int PRIMARY KEY, event_id int NOT NULL REFERENCES events, low_id int REFERENCES events_low_a (id));
      INSERT INTO events SELECT i, CASE WHEN i % 4 > 0 THEN 151 - i END, jsonb_build_object('n', i) FROM generate_series(1, 150) AS i;
      INSERT INTO notes SELECT i, 1 + i * 7 % 150, 1 + i % 49 FROM generate_series(1, 100) AS i;`,
  });
  const report = await assertArrives(scenario);
  assert.deepEqual(report.map(({ source, rows_read }) => [source, rows_read]), [["events", 150], ["notes", 100], [null, 250]]);
});

test("inheritance: each table with its own rows", async (t) => {
  const scenario = await open(t, {
    sql: `
      CREATE TABLE people (id int PRIMARY KEY, name text);
      CREATE TABLE employees (salary int, PRIMARY KEY (id)) INHERITS (people);
      CREATE TABLE managers (assistant int REFERENCES employees) INHERITS (employees);
      CREATE TABLE badges (id int PRIMARY KEY, person int REFERENCES people, employee int REFERENCES employees);
      INSERT INTO people SELECT i, 'person ' || i FROM generate_series(1, 20) AS i;
      INSERT INTO employees SELECT i, 'employee ' || i, i FROM generate_series(1, 30) AS i;
      INSERT INTO managers SELECT i, 'manager', 100, 1 + i % 3 FROM generate_series(1, 10) AS i;
      INSERT INTO managers SELECT id, name, salary, assistant FROM managers;
      INSERT INTO badges SELECT i, i, 31 - i FROM generate_series(1, 20) AS i;`,
  });
  // the key is not inherited: in managers "id" is a column like others, beside the key of the record
  const report = await assertArrives(scenario);
  assert.deepEqual(Object.fromEntries(report.map(({ target, migrated }) => [target, migrated])),
    { people: 20, employees: 30, managers: 20, badges: 20, null: 90 });
});

test("the same table name in two schemas, that point to each other and to themselves", async (t) => {
  const scenario = await open(t, {
    deferred: { users: ["friend"] },
    options: { schemas: "public, crm" },
    sql: `
      CREATE SCHEMA crm;
      CREATE TABLE users (id int PRIMARY KEY, friend int);
      CREATE TABLE crm.users (id int PRIMARY KEY, public_id int NOT NULL REFERENCES users);
      ALTER TABLE users ADD FOREIGN KEY (friend) REFERENCES crm.users DEFERRABLE INITIALLY DEFERRED;
      CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, crm_id int REFERENCES crm.users);
      CREATE TABLE crm.orders (id int PRIMARY KEY, user_id int REFERENCES crm.users, order_id int REFERENCES orders);
      BEGIN;
      INSERT INTO users SELECT i, 21 - i FROM generate_series(1, 20) AS i;
      INSERT INTO crm.users SELECT i, 1 + i % 20 FROM generate_series(1, 20) AS i;
      COMMIT;
      INSERT INTO orders SELECT i, 1 + i % 20, 20 - i % 20 FROM generate_series(1, 50) AS i;
      INSERT INTO crm.orders SELECT i, 1 + i * 3 % 20, 51 - i FROM generate_series(1, 50) AS i;`,
  });
  await assertArrives(scenario, {
    expected: { schemas: ["public", "crm"], targets: { "crm.users": "crmUsers", "crm.orders": "crmOrders" } },
  });
});

test("a parent that is left out: its children keep the value, and the circle is none", async (t) => {
  const scenario = await open(t, {
    sql: `
      CREATE TABLE secrets (id uuid PRIMARY KEY, account_id int);
      CREATE TABLE accounts (id int PRIMARY KEY, secret_id uuid NOT NULL REFERENCES secrets);
      CREATE TABLE orders (id int PRIMARY KEY, account_id int REFERENCES accounts, secret_id uuid REFERENCES secrets);
      INSERT INTO secrets SELECT md5(i::text)::uuid, i FROM generate_series(1, 20) AS i;
      INSERT INTO accounts SELECT account_id, id FROM secrets;
      INSERT INTO orders SELECT i, 1 + i % 20, md5(i::text)::uuid FROM generate_series(1, 20) AS i;
      ALTER TABLE secrets ADD FOREIGN KEY (account_id) REFERENCES accounts;`,
  });
  await scenario.client.query("INSERT INTO convex_tables (server, source, exclude) VALUES ('convex', 'secrets', true)");
  await scenario.deployGenerated();
  const report = await assertArrives(scenario, { expected: { excluded: ["public.secrets"] } });
  assert.deepEqual(report.map(({ source }) => source), ["accounts", "orders", null]);
});

/** Users of whom some are filtered out, their posts, and likes of posts; users have deferred references. */
const filtered = {
  deferred: { users: ["invited_by"] },
  sql: `
    CREATE TABLE users (id int PRIMARY KEY, deleted_at timestamptz, invited_by int REFERENCES users);
    CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users);
    CREATE TABLE likes (id int PRIMARY KEY, post_id int REFERENCES posts);
    INSERT INTO users SELECT i, CASE WHEN i % 4 = 0 THEN '2026-01-01'::timestamptz END, CASE WHEN i > 3 THEN i - 2 END FROM generate_series(2, 41) AS i;
    INSERT INTO posts SELECT i, nullif(i % 42, 1) FROM generate_series(2, 80) AS i WHERE i % 42 > 0;
    INSERT INTO likes SELECT row_number() OVER (), id FROM posts;
    INSERT INTO likes VALUES (1000, NULL);`,
};
const stays = "r.deleted_at IS NULL";
const deletedUsers = "(SELECT id FROM public.users WHERE deleted_at IS NOT NULL)";

async function openFiltered(t, orphans) {
  const scenario = await open(t, { ...filtered, options: { orphans } });
  await scenario.client.query(
    "INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'users', 'deleted_at IS NULL')");
  await scenario.deployGenerated();
  return scenario;
}

for (const orphans of ["null", "keep"]) {
  test(`a filtered parent, orphans = ${orphans}`, async (t) => {
    const report = await assertArrives(await openFiltered(t, orphans), { expected: { orphans, rows: { "public.users": stays } } });
    assert.deepEqual(report.map(({ source, migrated }) => [source, migrated]),
      [["users", 30], ["posts", 78], ["likes", 79], [null, 187]]);
  });
}

test("a filtered parent, orphans = reject: children go along, and theirs", async (t) => {
  const scenario = await openFiltered(t, "reject");
  const { client, connect, convex, migrate, rejects } = scenario;
  const count = async (sql) => (await client.query(`SELECT count(*)::int FROM ${sql}`)).rows[0].count;
  const lostPosts = await count(`posts WHERE author IN ${deletedUsers}`);
  assert.ok(lostPosts > 0);
  const report = await migrate();
  const rejected = await rejects();
  assert.equal(rejected.filter(({ source }) => source === "posts").length, lostPosts);
  assert.equal(rejected.filter(({ source }) => source === "likes").length, lostPosts);
  for (const { reason } of rejected) assert.match(reason, /^orphan: (invited_by|author|post_id): /);
  // a user who waits for a deleted one is in already: without that reference, and said so
  const { differences } = await compareDocuments(client, convex, {
    rows: {
      "public.users": stays,
      "public.posts": `r.author IS NULL OR r.author NOT IN ${deletedUsers}`,
      "public.likes": `r.post_id IS NULL OR EXISTS (SELECT FROM public.posts p
        WHERE p.id = r.post_id AND (p.author IS NULL OR p.author NOT IN ${deletedUsers}))`,
    },
  });
  const rejectedUsers = rejected.filter(({ source }) => source === "users").map(({ key }) => key);
  assert.equal(rejectedUsers.length, await count(`users r WHERE ${stays} AND invited_by IN ${deletedUsers}`));
  assert.deepEqual(differences.map(({ table, key, field, found }) => [table, key, field, found]).sort(),
    rejectedUsers.map((key) => ["users", key, "invited_by", undefined]).sort());
  const written = await convex.documentsWritten();
  assert.deepEqual(await migrate("", await connect()), report);
  assert.deepEqual(await convex.documentsWritten(), written);
  assert.deepEqual(await rejects(), rejected);
});

test("references that are not declared, also to a foreign table and from one", async (t) => {
  const folder = temporaryFolder("convex-csv");
  writeFileSync(`${folder}/rates.csv`, Array.from({ length: 10 }, (_, i) => `C${i},${i}.5\n`).join(""));
  // the server, another user, reads the file
  chmodSync(folder, 0o755);
  const scenario = await open(t, {
    sql: `
      CREATE EXTENSION file_fdw;
      CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
      CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE, boss text);
      CREATE TABLE orders (id int PRIMARY KEY, email varchar(20), total numeric(6, 2));
      CREATE FOREIGN TABLE imports (email text, total float8) SERVER files OPTIONS (filename '${folder}/rates.csv', format 'csv');
      INSERT INTO customers SELECT i, 'C' || i, CASE WHEN i > 0 THEN 'C' || i / 2 END FROM generate_series(0, 20) AS i;
      INSERT INTO orders SELECT i, CASE WHEN i % 5 > 0 THEN 'C' || i % 21 END, i FROM generate_series(1, 60) AS i;`,
    deferred: { customers: ["boss"] },
  });
  const declared = { "public.orders": "email", "public.imports": "email", "public.customers": "boss" };
  for (const [source, column] of Object.entries(declared)) {
    await scenario.client.query(`INSERT INTO convex_columns (server, source, source_column, target_reference)
      VALUES ('convex', $1, $2, 'public.customers(email)')`, [source, column]);
  }
  await scenario.deployGenerated();
  const references = Object.fromEntries(Object.entries(declared).map(([source, column]) =>
    [source, [{ column, parent: "public.customers", parentColumn: "email" }]]));
  const report = await assertArrives(scenario, { expected: { references } });
  assert.deepEqual(report.map(({ source, migrated }) => [source, migrated]),
    [["customers", 21], ["imports", 10], ["orders", 60], [null, 91]]);
});

test("one table of a circle alone, functions written by hand: ids from the session's map, and never a reference taken away", async (t) => {
  const scenario = await openShape(t, cluster, { targets: ["t1", "t2"], ...ring([false, false]), deferred: { t1: ["next"] } });
  const { client, connect, convex, migrate, rejects } = scenario;
  await assertArrives(scenario, { imports: false });
  const written = await convex.documentsWritten();
  for (const tables of ["{t1}", "{t2}"]) {
    const [{ migrated, failed }] = await migrate(`tables => '${tables}'`);
    assert.deepEqual({ migrated, failed }, { migrated: 30, failed: 0 });
  }
  // a new session knows no ids: rows with a reference are orphans, their documents stay as they are
  const [{ migrated, failed }] = await migrate("tables => '{t1}'", await connect());
  assert.deepEqual({ migrated, failed }, { migrated: 6, failed: 24 });
  for (const { reason } of await rejects()) assert.match(reason, /^orphan: next: /);
  assert.deepEqual(await convex.documentsWritten(), written);
  assert.deepEqual((await compareDocuments(client, convex)).differences, []);
});

test("names and labels that look like SQL: in a circle, in keys, filters and declared references", async (t) => {
  const hostile = `"; DROP TABLE x; --`;
  const schema = pg.escapeIdentifier(hostile);
  const rooms = `${schema}."a""b"`;
  const moods = `${schema}."'); DROP TABLE x; --"`;
  const scenario = await open(t, {
    deferred: { aB: ["s_elf"], dropTableX: ["a_b"] },
    options: { schemas: `public, ${schema}` },
    sql: String.raw`
      CREATE TABLE x (id int PRIMARY KEY);
      INSERT INTO x VALUES (1);
      CREATE SCHEMA ${schema};
      CREATE TYPE ${schema}."mood'" AS ENUM ('it''s "odd"', E'two\nlines\\', '$1', '');
      CREATE TABLE ${moods} ("c'd\e" ${schema}."mood'", "%s" int, "größe" float8, PRIMARY KEY ("c'd\e", "%s"));
      CREATE TABLE ${rooms} (id int PRIMARY KEY, "c'd\e" ${schema}."mood'", "%s" int, "s'elf" int REFERENCES ${rooms},
        "$1" text UNIQUE, CONSTRAINT "c""; --" FOREIGN KEY ("%s", "c'd\e") REFERENCES ${moods} ("%s", "c'd\e"));
      ALTER TABLE ${moods} ADD "a""b" int REFERENCES ${rooms} DEFERRABLE INITIALLY DEFERRED;
      CREATE TABLE ${schema}."_visits" ("t" text, "own" int, "m1" ${schema}."mood'"[], "--""" text);
      BEGIN;
      INSERT INTO ${moods} SELECT label, i, i / 7.0, i FROM unnest(enum_range(NULL::${schema}."mood'")) AS label, generate_series(1, 10) AS i;
      INSERT INTO ${rooms} SELECT i, (enum_range(NULL::${schema}."mood'"))[1 + i % 4], 1 + i % 10, 21 - i, '$' || i
        FROM generate_series(1, 20) AS i;
      COMMIT;
      INSERT INTO ${schema}."_visits" SELECT '$' || i, i, enum_range(NULL::${schema}."mood'"), '"' FROM generate_series(1, 20) AS i;`,
  });
  await scenario.client.query(`
    INSERT INTO convex_tables (server, source, filter) VALUES ('convex', '${schema}._visits', '"--""" = ''"'' AND _visits."own" > 3 --');
    INSERT INTO convex_columns (server, source, source_column, target_reference)
      VALUES ('convex', '${schema}._visits', 't', ${pg.escapeLiteral(`${rooms}("$1")`)})`);
  await scenario.deployGenerated();
  const name = (table) => `${hostile}.${table}`;
  await assertArrives(scenario, {
    expected: {
      schemas: ["public", hostile],
      targets: { [name('a"b')]: "aB", [name("'); DROP TABLE x; --")]: "dropTableX", [name("_visits")]: "visits" },
      rows: { [name("_visits")]: "r.own > 3" },
      references: { [name("_visits")]: [{ column: "t", parent: name('a"b'), parentColumn: "$1" }] },
      fields: {
        [name('a"b')]: { "c'd\\e": "c_d_e", "%s": "s", "s'elf": "s_elf", $1: "f_1", "'); DROP TABLE x; --_id": "DROP_TABLE_x_____id" },
        [name("'); DROP TABLE x; --")]: { "c'd\\e": "c_d_e", "%s": "s", "größe": "grosse", 'a"b': "a_b" },
        [name("_visits")]: { '--"': "u002du002du0022" },
      },
    },
  });
});

/** A name of 63 bytes, as long as PostgreSQL's can be. */
const long = (first) => first + "x".repeat(62);

test("names that Convex cannot have, and names that become the same", async (t) => {
  // what is cut ends in the CRC-32C of the name
  const cut = (first, checksum) => `${first.padEnd(55, "x")}_${checksum}`;
  const targets = { "odd.größe": "grosse", "odd.2nd": "t2nd", "odd._lead": "lead", "odd.日本": "u65e5u672c", "odd.a-b": "aB", "odd.a_b": "oddAB" };
  const scenario = await open(t, {
    deferred: { grosse: ["grosse"] },
    options: { schemas: "odd" },
    sql: `
      CREATE SCHEMA odd; SET search_path = odd;
      CREATE TABLE größe (id int PRIMARY KEY, größe int REFERENCES größe, gro_e text, "_lead" int, "1st" int, "日本" int, "supabaseId" text);
      CREATE TABLE "2nd" (id int PRIMARY KEY, "a b" int REFERENCES größe, a_b int REFERENCES größe, "a-b" text);
      CREATE TABLE _lead (id int PRIMARY KEY, "${long("1")}" int, ${long("y")} int REFERENCES größe);
      CREATE TABLE "日本" (id int PRIMARY KEY REFERENCES "2nd");
      CREATE TABLE "a-b" (id int PRIMARY KEY); CREATE TABLE a_b (id int PRIMARY KEY REFERENCES "a-b");
      INSERT INTO größe SELECT i, 21 - i, 'text', i, -i, 2 * i, 'their own' FROM generate_series(1, 20) AS i;
      INSERT INTO "2nd" SELECT i, i, 21 - i, 'a' FROM generate_series(1, 20) AS i;
      INSERT INTO _lead SELECT i, i, i FROM generate_series(1, 9) AS i; INSERT INTO "日本" SELECT generate_series(3, 9);
      INSERT INTO "a-b" SELECT generate_series(1, 9); INSERT INTO a_b SELECT generate_series(3, 9);
      RESET search_path;`,
  });
  await assertArrives(scenario, {
    expected: {
      schemas: ["odd"], targets,
      fields: {
        "odd.größe": { "größe": "grosse", _lead: "lead", "1st": "f_1st", "日本": "u65e5u672c", supabaseId: "supabaseId_2" },
        "odd.2nd": { "a b": "a_b_2", "a-b": "a_b_3" },
        "odd._lead": { [long("1")]: cut("f_1", "5878345b") },
        "odd.日本": { "2nd_id": "f_2nd_id" },
        "odd.a_b": { "a-b_id": "a_b_id" },
      },
    },
  });
});

test("table names that leave no room for the function's, in two schemas", async (t) => {
  const scenario = await open(t, {
    options: { schemas: `public, ${long("s")}` },
    sql: `
      CREATE SCHEMA ${long("s")};
      CREATE TABLE ${long("t")} (a int, b int, PRIMARY KEY (a, b));
      CREATE TABLE ${long("s")}.${long("t")} (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES public.${long("t")});
      INSERT INTO ${long("t")} SELECT i, i FROM generate_series(1, 9) AS i;
      INSERT INTO ${long("s")}.${long("t")} SELECT i, 10 - i, 10 - i FROM generate_series(1, 9) AS i;`,
  });
  const { rows } = await scenario.client.query(`
    SELECT nspname || '.' || relname AS name, target, substring("references"[1] FROM '^[A-Za-z0-9_]+') AS field
      FROM convex_plan() JOIN pg_class c ON c.oid = source JOIN pg_namespace n ON n.oid = relnamespace`);
  const targets = Object.fromEntries(rows.map(({ name, target }) => [name, target]));
  // the name of a function, too, has at most 64 characters (crates/convex/sync_types/src/function_name.rs)
  for (const target of Object.values(targets)) assert.ok(`migrate${target}`.length <= 64, target);
  const child = `${long("s")}.${long("t")}`;
  await assertArrives(scenario, {
    expected: {
      schemas: ["public", long("s")], targets,
      fields: { [child]: { [`${long("t")}_id`]: rows.find(({ name }) => name === child).field } },
    },
  });
});

test("the other cases of names", async (t) => {
  const scenario = await open(t, {
    options: { table_case: "snake", field_case: "camel" },
    sql: `
      CREATE TABLE "userAccounts" (id int PRIMARY KEY, full_name text, "CreatedAt" timestamptz);
      CREATE TABLE user_logins (user_id int PRIMARY KEY REFERENCES "userAccounts", id int REFERENCES "userAccounts");
      INSERT INTO "userAccounts" SELECT i, 'name', '2026-01-01' FROM generate_series(1, 20) AS i;
      INSERT INTO user_logins SELECT i, 11 - i FROM generate_series(1, 10) AS i;`,
  });
  await assertArrives(scenario, {
    expected: {
      targets: { "public.userAccounts": "user_accounts", "public.user_logins": "user_logins" },
      fields: {
        "public.userAccounts": { full_name: "fullName", CreatedAt: "createdAt" },
        "public.user_logins": { user_id: "userId" },
      },
    },
  });
});

test("type checker, linter and formatter find nothing in all that was generated", async () => {
  assert.deepEqual(await checkTypeScript(folders), {});
});
