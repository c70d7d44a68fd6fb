/**
 * convex_check() announces every row that a run rejects: also those that fall
 * since the row they point to falls, through all levels and circles.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openScenario, startCluster, upsertsInto } from "../harness/index.mjs";
import { differentForeseen } from "../harness/foreseen.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** A key of jsonb that Convex does not have takes a shop along, and all that hangs on it. */
const levels = `
  CREATE TABLE shops (id int PRIMARY KEY, data jsonb);
  CREATE TABLE sales (id int PRIMARY KEY, shop_id int NOT NULL REFERENCES shops);
  CREATE TABLE lines (id int PRIMARY KEY, sale_id int NOT NULL REFERENCES sales);
  CREATE TABLE refunds (id int PRIMARY KEY, line_id int REFERENCES lines);
  INSERT INTO shops VALUES (1, '{"ok": 1}'), (2, '{"$bad": 1}');
  INSERT INTO sales SELECT i, 1 + i % 2 FROM generate_series(1, 10) i;
  INSERT INTO lines SELECT i, 1 + i % 10 FROM generate_series(1, 40) i;
  INSERT INTO refunds SELECT i, i FROM generate_series(1, 8) i;`;

/** A composite key, a unique column that is not the key, one row with two reasons, two references to one table. */
const crossings = `
  CREATE TABLE people (id bigint PRIMARY KEY, code numeric UNIQUE, age bigint);
  CREATE TABLE rooms (house int, number text, owner bigint REFERENCES people, PRIMARY KEY (house, number));
  CREATE TABLE visits (id int PRIMARY KEY, house int, number text, guest bigint REFERENCES people,
    host bigint REFERENCES people, code numeric REFERENCES people (code), note text[],
    FOREIGN KEY (house, number) REFERENCES rooms);
  INSERT INTO people SELECT i, i + 0.50, CASE WHEN i % 3 = 0 THEN 9007199254740993 END FROM generate_series(1, 12) i;
  INSERT INTO rooms SELECT i % 2, 'r' || i, i FROM generate_series(1, 12) i;
  INSERT INTO visits SELECT i, i % 2, 'r' || i, nullif(i, 5), 13 - i, i + 0.5, CASE WHEN i IN (3, 4) THEN '{NULL}'::text[] END
    FROM generate_series(1, 12) i;`;

/** Two tables in a circle, one with a reference to itself, and rows below. */
const circle = `
  CREATE TABLE teams (id int PRIMARY KEY, lead int, big bigint);
  CREATE TABLE staff (id int PRIMARY KEY, team_id int NOT NULL REFERENCES teams, boss_id int REFERENCES staff, data jsonb);
  CREATE TABLE badges (id int PRIMARY KEY, staff_id int REFERENCES staff);
  INSERT INTO teams SELECT i, 7 - i, CASE i WHEN 2 THEN 9007199254740993 END FROM generate_series(1, 6) i;
  INSERT INTO staff SELECT i, 1 + i % 6, nullif(i / 2, 0), CASE i WHEN 5 THEN '{"$no": 1}'::jsonb END FROM generate_series(1, 20) i;
  INSERT INTO badges SELECT i, i FROM generate_series(1, 20) i;
  ALTER TABLE teams ADD FOREIGN KEY (lead) REFERENCES staff;`;

/** Rows without a key, a filter, and keys that are references themselves. */
const others = `
  CREATE TABLE logs (a int, b text[]);
  INSERT INTO logs SELECT i % 3, CASE WHEN i % 4 = 0 THEN '{NULL}'::text[] END FROM generate_series(1, 20) i;
  CREATE TABLE users (id int PRIMARY KEY, gone bool);
  CREATE TABLE profiles (id int PRIMARY KEY REFERENCES users);
  CREATE TABLE pictures (n int PRIMARY KEY, profile_id int REFERENCES profiles);
  INSERT INTO users SELECT i, i % 5 = 0 FROM generate_series(1, 20) i;
  INSERT INTO profiles SELECT i FROM generate_series(1, 20) i;
  INSERT INTO pictures SELECT i, i FROM generate_series(1, 20) i;`;

const worlds = {
  levels: { sql: levels, tables: ["shops", "sales", "lines", "refunds"] },
  crossings: { sql: crossings, tables: ["people", "rooms", "visits"] },
  circle: { sql: circle, tables: ["teams", "staff", "badges"] },
  others: {
    sql: others, tables: ["logs", "users", "profiles", "pictures"],
    choices: "INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'users', 'NOT gone')",
  },
};

for (const [name, { sql, tables, choices }] of Object.entries(worlds)) {
  for (const orphans of ["reject", "null", "keep"]) {
    test(`${name}: the check announces what the run rejects, orphans = ${orphans}`, async (t) => {
      const { client } = await openScenario(t, cluster, { functions: upsertsInto(tables), sql, options: { orphans } });
      if (choices !== undefined) await client.query(choices);
      const { rows: [total] } = await client.query("SELECT orphans::int, failed::int FROM convex_migrate() WHERE source IS NULL");
      assert.ok(total.failed > 0 || total.orphans > 0);
      assert.equal(await differentForeseen(client, total), null);
      if (orphans === "reject") assert.equal(total.orphans, 0);
    });
  }
}

test("a row that lost two references is one reject, which names both; also in a read-only transaction", async (t) => {
  const { client, migrate, rejects } = await openScenario(t, cluster, { functions: upsertsInto(worlds.crossings.tables), sql: crossings });
  await migrate();
  const both = (await rejects()).find(({ source, key }) => source === "visits" && key === "6");
  assert.match(both.reason, /: code, guest, rooms_id: the rows of tables "people", "rooms" that they point to are not in Convex$/);
  await client.query("BEGIN READ ONLY");
  const { rows } = await client.query(
    "SELECT source_column, rows::int FROM convex_check() WHERE source = 'visits'::regclass AND problem = 'orphan' ORDER BY 1");
  await client.query("COMMIT");
  assert.ok(rows.some(({ source_column: column }) => column === "code, guest, house"), JSON.stringify(rows));
});
