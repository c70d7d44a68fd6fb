/**
 * What PostgreSQL 18 brought, from the generated schema to documents: virtual columns, constraints that do not hold for
 * every row, keys of periods. On earlier versions there is nothing to test.
 */
import { after, before, test } from "node:test";
import { assertArrives, deploy, generate, openScenario, startCluster } from "../harness/index.mjs";

const sql = `
  CREATE TABLE parents (id int PRIMARY KEY, late text, mood text CHECK (mood IN ('a', 'b')) NOT ENFORCED,
    twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, label text NOT NULL GENERATED ALWAYS AS ('n' || id) VIRTUAL);
  INSERT INTO parents (id, mood) SELECT i, 'c' FROM generate_series(1, 30) AS i;
  ALTER TABLE parents ADD CONSTRAINT is_late NOT NULL late NOT VALID;
  CREATE TABLE children (id uuid PRIMARY KEY DEFAULT uuidv7(), parent int NOT NULL REFERENCES parents NOT ENFORCED);
  INSERT INTO children (parent) VALUES (1), (30);
  CREATE TABLE codes (code int UNIQUE);
  INSERT INTO codes VALUES (NULL), (NULL), (1);
  ALTER TABLE codes ADD CONSTRAINT has_code NOT NULL code NOT VALID;
  CREATE TABLE rooms (room int4range, at daterange, name text, PRIMARY KEY (room, at WITHOUT OVERLAPS));
  CREATE TABLE bookings (id int PRIMARY KEY, room int4range, at daterange,
    FOREIGN KEY (room, PERIOD at) REFERENCES rooms (room, PERIOD at));
  INSERT INTO rooms VALUES ('[1,2)', '[2026-01-01,2027-01-01)', 'blue'), ('[1,2)', '[2027-01-01,2028-01-01)', 'red');
  INSERT INTO bookings VALUES (1, '[1,2)', '[2026-11-23,2026-11-24)');
  CREATE TABLE parts (id int, part int, twice int GENERATED ALWAYS AS (part * 2) VIRTUAL, PRIMARY KEY (id, part))
    PARTITION BY LIST (part);
  CREATE TABLE part PARTITION OF parts DEFAULT;
  INSERT INTO parts VALUES (1, 1), (2, 1);`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

test("18: generate, npx convex deploy, migrate", async (t) => {
  const { rows: [{ version }] } = await (await cluster.connect()).query(
    "SELECT current_setting('server_version_num')::int AS version");
  if (version < 180000) return t.skip("for PostgreSQL 18 and later");
  const scenario = await openScenario(t, cluster, { sql, options: { batch_rows: 7 } });
  await deploy(await generate(scenario.client), scenario.convex);
  await assertArrives({ ...scenario, deferred: {} });
});
