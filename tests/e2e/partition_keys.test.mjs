/**
 * Foreign keys to a partition, and of partitions: references, where they say
 * something of all rows. Elsewhere a partition may have an equal key.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertArrives, openGenerated, startCluster } from "../harness/index.mjs";
import { differentForeseen } from "../harness/foreseen.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** Two partitions with the same numbers, one of them with partitions of its own and its columns in another order. */
const partitions = `
  CREATE TABLE stops (id int PRIMARY KEY, name text);
  CREATE TABLE rides (region text, id int, stop_id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
  CREATE TABLE rides_eu (stop_id int, gone int, id int NOT NULL, region text NOT NULL) PARTITION BY HASH (id);
  ALTER TABLE rides_eu DROP gone;
  ALTER TABLE rides ATTACH PARTITION rides_eu FOR VALUES IN ('eu');
  CREATE TABLE rides_eu_0 PARTITION OF rides_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE rides_eu_1 PARTITION OF rides_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE rides_us PARTITION OF rides FOR VALUES IN ('us');
  ALTER TABLE rides_eu ADD UNIQUE (id);
  INSERT INTO stops SELECT i, 'stop ' || i FROM generate_series(1, 20) i;
  INSERT INTO rides SELECT region, i, 1 + i % 20 FROM unnest('{us,eu}'::text[]) region, generate_series(1, 30) i;`;

const bills = `
  CREATE TABLE bills (id int PRIMARY KEY, ride_id int REFERENCES rides_eu (id), twin text, FOREIGN KEY (twin, ride_id) REFERENCES rides_us (region, id));
  INSERT INTO bills SELECT i, i, CASE WHEN i % 2 = 0 THEN 'us' END FROM generate_series(1, 30) i;`;

const ofAll = `
  ALTER TABLE rides_eu ADD FOREIGN KEY (stop_id) REFERENCES stops;
  ALTER TABLE rides_us ADD FOREIGN KEY (stop_id) REFERENCES stops;`;

test("to one partition, and declared on each of them", async (t) => {
  const scenario = await openGenerated(t, cluster, { sql: partitions + ofAll + bills });
  const { client, convex } = scenario;
  await scenario.migrate();
  const rides = await convex.tableData("rides");
  const stops = new Map((await convex.tableData("stops")).map(({ _id, supabaseId }) => [_id, supabaseId]));
  assert.equal(rides.length, 60);
  assert.ok(rides.every(({ id, stop_id: stop }) => stops.get(stop) === String(1 + id % 20)));
  const keys = new Map(rides.map(({ _id, supabaseId }) => [_id, supabaseId]));
  const found = (await convex.tableData("bills")).sort((a, b) => a.supabaseId - b.supabaseId)
    .map((bill) => Object.fromEntries(Object.entries(bill).filter(([, value]) => keys.has(value)).map(([field, value]) => [field, keys.get(value)])));
  const { rows: fields } = await client.query(`SELECT unnest("references") AS text FROM convex_plan() WHERE target = 'bills'`);
  const [toEu, toUs] = fields.map(({ text }) => /^\w+/.exec(text)[0]);
  assert.deepEqual(found, Array.from({ length: 30 }, (_, i) => ({
    [toEu]: `["eu","${i + 1}"]`, ...(i % 2 === 1 && { [toUs]: `["us","${i + 1}"]` }),
  })));
  const written = await convex.documentsWritten();
  await scenario.migrate();
  assert.deepEqual(await convex.documentsWritten(), written);
});

test("the independent comparison agrees", async (t) => {
  const scenario = await openGenerated(t, cluster, {
    sql: `${partitions} CREATE TABLE bills (id int PRIMARY KEY, ride_id int REFERENCES rides_eu (id));
      INSERT INTO bills SELECT i, 31 - i FROM generate_series(1, 30) i;`,
  });
  await assertArrives(scenario);
});

test("rows that a filter holds back take those along that point to their partition", async (t) => {
  const { client, migrate, rejects } = await openGenerated(t, cluster, { sql: partitions + ofAll + bills });
  await client.query("INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'rides', 'region = ''us'' OR id > 10')");
  const { rows: [total] } = await client.query("SELECT orphans::int, failed::int FROM convex_migrate() WHERE source IS NULL");
  assert.equal(total.failed, 10);
  assert.equal(await differentForeseen(client, total), null);
  assert.match((await rejects())[0].reason, /^orphan: ride_id: the row of table "rides"/);
  await client.query("DELETE FROM convex_tables");
  assert.equal((await migrate()).at(-1).failed, 0);
});

test("declared on one partition only, it is a value as before, and says so", async (t) => {
  const { client, convex, migrate } = await openGenerated(t, cluster, {
    sql: `${partitions} ALTER TABLE rides_eu ADD FOREIGN KEY (stop_id) REFERENCES stops; INSERT INTO rides VALUES ('us', 99, 777);`,
  });
  assert.equal((await migrate()).at(-1).failed, 0);
  assert.equal((await convex.tableData("rides")).find(({ id }) => id === 99).stop_id, 777);
  const { rows } = await client.query("SELECT severity, hint FROM convex_check() WHERE problem = 'no_reference'");
  assert.equal(rows[0].severity, "warning");
  assert.match(rows[0].hint, /"rides_eu_stop_id_fkey" is no reference: it is declared on partition public\.rides_eu, and not on all\./);
});
