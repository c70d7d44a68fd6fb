/**
 * References of every shape arrive as the id of the right document: compared
 * by the harness, which joins the rows in PostgreSQL and reads the documents
 * back. What cannot be resolved is rejected; an old key never goes as an id.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareDocuments, insertsInto, openScenario, startCluster, upsertsInto } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const open = (t, { targets, ...world }) => openScenario(t, cluster, { functions: insertsInto(targets), ...world });

/** Runs a migration in which every row goes, and compares all documents. */
async function assertAllArrive({ client, convex, migrate }, options) {
  const report = await migrate();
  const total = report[report.length - 1];
  assert.deepEqual({ failed: total.failed, status: total.status }, { failed: 0, status: "complete" });
  const { documents, differences } = await compareDocuments(client, convex, options);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.equal(documents, total.rows_read);
  assert.ok(documents > 0);
  return report;
}

/** Documents of a table by old key. */
async function byKey(convex, table) {
  return new Map((await convex.tableData(table)).map((document) => [document.supabaseId, document]));
}

test("keys and references of several columns, listed in another order", async (t) => {
  const scenario = await open(t, {
    targets: ["rooms", "bookings", "payments"],
    sql: String.raw`
      CREATE TABLE rooms (house text, "no" int, floor int, PRIMARY KEY (house, "no"));
      CREATE TABLE bookings (
        id int PRIMARY KEY, room_no int, room_house text,
        FOREIGN KEY (room_no, room_house) REFERENCES rooms ("no", house));
      CREATE TABLE payments (id int PRIMARY KEY, booking_id int REFERENCES bookings, house text, "no" int,
        CONSTRAINT paid_room FOREIGN KEY (house, "no") REFERENCES rooms);
      INSERT INTO rooms SELECT h, n, n / 10 FROM unnest(ARRAY['a', 'A', '', 'a","b', 'x\y"z', E'two\nlines', 'ünï 😀', E'\x01']) AS h,
        generate_series(-1, 12) AS n;
      INSERT INTO bookings SELECT row_number() OVER (), "no", house FROM rooms;
      INSERT INTO bookings VALUES (1001, 1, NULL), (1002, NULL, NULL);
      INSERT INTO payments SELECT b.id, b.id, b.room_house, b.room_no FROM bookings b;`,
  });
  await assertAllArrive(scenario);
  const bookings = await byKey(scenario.convex, "bookings");
  const rooms = await scenario.convex.tableData("rooms");
  const room = rooms.find(({ house, no }) => house === "x\\y\"z" && no === 12);
  assert.deepEqual(JSON.parse(room.supabaseId), ["x\\y\"z", "12"]);
  // the columns stay values, the reference has a field of its own
  const booking = [...bookings.values()].find(({ rooms_id }) => rooms_id === room._id);
  assert.deepEqual({ room_no: booking.room_no, room_house: booking.room_house }, { room_no: 12, room_house: "x\\y\"z" });
  assert.equal(bookings.get("1001").rooms_id, undefined);
});

test("references to a unique key that is not the primary key", async (t) => {
  const scenario = await open(t, {
    targets: ["countries", "cities"],
    sql: `
      CREATE TABLE countries (id int PRIMARY KEY, code text UNIQUE, name text);
      CREATE TABLE cities (id int PRIMARY KEY, country_code text REFERENCES countries (code));
      INSERT INTO countries SELECT i, 'c' || (100 - i), 'country ' || i FROM generate_series(1, 50) AS i;
      INSERT INTO countries VALUES (99, NULL, 'no code');
      INSERT INTO cities SELECT i, 'c' || (50 + i % 50) FROM generate_series(1, 200) AS i;
      INSERT INTO cities VALUES (201, NULL);`,
  });
  await assertAllArrive(scenario);
});

test("keys that are equal but print differently: numeric, integers, char(n), varchar", async (t) => {
  const scenario = await open(t, {
    targets: ["amounts", "halves", "wholes", "codes", "padded", "tight", "small", "smallRefs"],
    sql: `
      CREATE TABLE amounts (id numeric PRIMARY KEY);
      INSERT INTO amounts VALUES (1.5), (2.00), (3), (100), (1e2 + 1);
      CREATE TABLE halves (id int PRIMARY KEY, amount numeric REFERENCES amounts);
      INSERT INTO halves VALUES (1, 1.50), (2, 2), (3, 3.000), (4, 1e2), (5, 101.0);
      CREATE TABLE wholes (id int PRIMARY KEY, amount int REFERENCES amounts);
      INSERT INTO wholes VALUES (1, 2), (2, 3), (3, 100);
      CREATE TABLE codes (id char(6) PRIMARY KEY);
      INSERT INTO codes VALUES ('ab'), ('abcdef'), ('');
      CREATE TABLE padded (id int PRIMARY KEY, code char(10) REFERENCES codes);
      INSERT INTO padded VALUES (1, 'ab'), (2, 'abcdef'), (3, '');
      CREATE TABLE tight (id int PRIMARY KEY, code char(6) REFERENCES codes);
      INSERT INTO tight VALUES (1, 'ab   '), (2, 'abcdef');
      CREATE TABLE small (id smallint PRIMARY KEY);
      INSERT INTO small VALUES (-32768), (0), (7);
      CREATE TABLE small_refs (id int PRIMARY KEY, big bigint REFERENCES small);
      INSERT INTO small_refs VALUES (1, -32768), (2, 0), (3, 7);`,
  });
  await assertAllArrive(scenario);
  const amounts = await byKey(scenario.convex, "amounts");
  assert.equal((await byKey(scenario.convex, "halves")).get("1").amount, amounts.get("1.5")._id);
});

test("a key that is itself a reference, and two references to one table", async (t) => {
  const scenario = await open(t, {
    targets: ["users", "profiles", "userSettings", "friendships"],
    sql: `
      CREATE TABLE users (id uuid PRIMARY KEY, name text);
      CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES users, bio text);
      CREATE TABLE user_settings (user_id uuid PRIMARY KEY REFERENCES users, theme text);
      CREATE TABLE friendships (one uuid REFERENCES users, other uuid REFERENCES users, since date, PRIMARY KEY (one, other));
      INSERT INTO users SELECT md5('user ' || i)::uuid, 'user ' || i FROM generate_series(1, 40) AS i;
      INSERT INTO profiles SELECT id, 'bio of ' || name FROM users LIMIT 30;
      INSERT INTO user_settings SELECT id, 'dark' FROM users OFFSET 10;
      INSERT INTO friendships SELECT a.id, b.id, '2024-02-29' FROM users a, users b WHERE a.id < b.id LIMIT 300;`,
  });
  await assertAllArrive(scenario);
  const users = await byKey(scenario.convex, "users");
  for (const { supabaseId, _id, _creationTime, ...fields } of await scenario.convex.tableData("profiles")) {
    assert.deepEqual(fields, { bio: `bio of ${users.get(supabaseId).name}`, users_id: users.get(supabaseId)._id });
  }
  for (const { supabaseId, user_id } of await scenario.convex.tableData("userSettings")) {
    assert.equal(user_id, users.get(supabaseId)._id);
  }
  const [friendship] = await scenario.convex.tableData("friendships");
  const [one, other] = JSON.parse(friendship.supabaseId);
  assert.deepEqual([friendship.one, friendship.other], [users.get(one)._id, users.get(other)._id]);
});

test("upper case, quotes and backslashes in the names of tables, columns, schemas and constraints", async (t) => {
  const schema = String.raw`Odd "Schema\ 'é`;
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const scenario = await open(t, {
    targets: ["orderItems", "orderNotes"],
    sql: String.raw`
      CREATE SCHEMA ${quoted};
      CREATE TABLE ${quoted}."OrderItems" ("ItemId" int PRIMARY KEY, "Select" text, "from" text);
      CREATE TABLE ${quoted}."ORDER_notes" (id int PRIMARY KEY, "OrderItem" int,
        CONSTRAINT "it's \ ""odd""" FOREIGN KEY ("OrderItem") REFERENCES ${quoted}."OrderItems");
      INSERT INTO ${quoted}."OrderItems" SELECT i, 'a\b', '"' FROM generate_series(1, 10) AS i;
      INSERT INTO ${quoted}."ORDER_notes" SELECT i, 11 - i FROM generate_series(1, 10) AS i;`,
    options: { schemas: quoted },
  });
  await assertAllArrive(scenario, {
    schemas: [schema], targets: { [`${schema}.OrderItems`]: "orderItems", [`${schema}.ORDER_notes`]: "orderNotes" },
  });
});

test("names that Convex cannot have become legal ones, in references too", async (t) => {
  const { convex, migrate } = await open(t, {
    targets: ["itEmS", "subItems"],
    sql: String.raw`
      CREATE TABLE "it""em\s" (id int PRIMARY KEY, "a""b" int);
      CREATE TABLE "sub\items" (id int PRIMARY KEY, "it em" int REFERENCES "it""em\s");
      INSERT INTO "it""em\s" SELECT i, -i FROM generate_series(1, 5) AS i;
      INSERT INTO "sub\items" SELECT i, 6 - i FROM generate_series(1, 5) AS i;`,
  });
  const report = await migrate();
  assert.deepEqual(report.map(({ target, migrated, failed }) => [target, migrated, failed]),
    [["itEmS", 5, 0], ["subItems", 5, 0], [null, 10, 0]]);
  const items = await byKey(convex, "itEmS");
  for (const { supabaseId, it_em } of await convex.tableData("subItems")) {
    const item = items.get(String(6 - Number(supabaseId)));
    assert.deepEqual([it_em, item.a_b], [item._id, Number(supabaseId) - 6]);
  }
});

test("partitioned parents and children are one table each", async (t) => {
  const scenario = await open(t, {
    targets: ["events", "details"],
    sql: `
      CREATE TABLE events (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
      CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu', 'uk');
      CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us') PARTITION BY RANGE (id);
      CREATE TABLE events_us_1 PARTITION OF events_us FOR VALUES FROM (0) TO (50);
      CREATE TABLE events_us_2 PARTITION OF events_us DEFAULT;
      CREATE TABLE details (id int PRIMARY KEY, event_id int, region text,
        FOREIGN KEY (event_id, region) REFERENCES events) PARTITION BY HASH (id);
      CREATE TABLE details_0 PARTITION OF details FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE details_1 PARTITION OF details FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO events SELECT i, (ARRAY['eu', 'uk', 'us'])[1 + i % 3] FROM generate_series(1, 100) AS i;
      INSERT INTO details SELECT i, 1 + i % 100, (ARRAY['eu', 'uk', 'us'])[1 + (1 + i % 100) % 3] FROM generate_series(1, 250) AS i;`,
  });
  const report = await assertAllArrive(scenario);
  assert.deepEqual(report.map(({ source, rows_read }) => [source, rows_read]), [["events", 100], ["details", 250], [null, 350]]);
});

/** Companies in a schema of their own, people in public, and a country that is never migrated. */
const twoSchemas = `
  CREATE SCHEMA crm;
  CREATE SCHEMA reference;
  CREATE TABLE reference.countries (code text PRIMARY KEY);
  CREATE TABLE crm.companies (id int PRIMARY KEY, country text REFERENCES reference.countries);
  CREATE TABLE people (id int PRIMARY KEY, company_id int REFERENCES crm.companies, country text REFERENCES reference.countries);
  INSERT INTO reference.countries VALUES ('de'), ('nl');
  INSERT INTO crm.companies VALUES (1, 'de'), (2, 'nl'), (3, NULL);
  INSERT INTO people SELECT i, 1 + i % 3, 'nl' FROM generate_series(1, 30) AS i;`;

test("references between two schemas, and to a table outside of them", async (t) => {
  const scenario = await open(t, { targets: ["companies", "people"], sql: twoSchemas, options: { schemas: "public, crm" } });
  await assertAllArrive(scenario, { schemas: ["public", "crm"] });
  const companies = await byKey(scenario.convex, "companies");
  const people = await byKey(scenario.convex, "people");
  assert.equal(people.get("1").company_id, companies.get("2")._id);
  assert.equal(people.get("1").country, "nl");
  assert.equal(companies.get("1").country, "de");
});

test("a reference to a table outside the schemas keeps its value", async (t) => {
  const scenario = await open(t, { targets: ["people"], sql: twoSchemas });
  const report = await assertAllArrive(scenario);
  assert.deepEqual(report.map(({ source }) => source), ["people", null]);
  const first = (await byKey(scenario.convex, "people")).get("1");
  assert.deepEqual([first.company_id, first.country], [2, "nl"]);
});

/** Chats and their messages; every row of both goes. */
const chats = `
  CREATE TABLE chats (id int PRIMARY KEY, title text);
  CREATE TABLE messages (id int PRIMARY KEY, chat_id int NOT NULL REFERENCES chats, reply_chat_id int REFERENCES chats);
  INSERT INTO chats SELECT i, 'chat ' || i FROM generate_series(1, 20) AS i;
  INSERT INTO messages SELECT i, 1 + i % 20, NULL FROM generate_series(1, 150) AS i;`;

test("one table alone from a new connection: rejects, never an old key in the place of an id", async (t) => {
  const { convex, migrate, rejects } = await open(t, { targets: ["chats", "messages"], sql: chats });
  const [{ migrated, failed, status }] = await migrate("tables => '{messages}'");
  assert.deepEqual({ migrated, failed, status }, { migrated: 0, failed: 150, status: "incomplete" });
  const rejected = await rejects();
  assert.equal(rejected.length, 150);
  for (const { reason } of rejected) assert.match(reason, /^orphan: chat_id: /);
  assert.deepEqual(await convex.tableData("messages"), []);
});

test("one table alone after its parents in the same session: ids from the map", async (t) => {
  const scenario = await open(t, { targets: ["chats", "messages"], sql: chats });
  const { client, convex, connect, migrate } = scenario;
  await migrate("tables => '{chats}'");
  const [{ migrated, failed }] = await migrate("tables => '{messages}'");
  assert.deepEqual({ migrated, failed }, { migrated: 150, failed: 0 });
  assert.deepEqual((await compareDocuments(client, convex)).differences.slice(0, 5), []);
  // the map is that of the session
  const other = await connect();
  const [again] = await migrate("tables => '{messages}'", other);
  assert.deepEqual({ migrated: again.migrated, failed: again.failed }, { migrated: 0, failed: 150 });
});

test("the id map can be read after the call, and a second run in the same session replaces it", async (t) => {
  const { client, convex, migrate } = await openScenario(t, cluster, {
    functions: upsertsInto(["chats", "messages"]), sql: chats,
  });
  const readMap = async () => (await client.query(
    "SELECT source::text, key, convex_id FROM convex_id_map ORDER BY 1, key::int")).rows;
  await migrate();
  const map = await readMap();
  assert.equal(map.length, 170);
  const chatIds = await byKey(convex, "chats");
  for (const { source, key, convex_id } of map) {
    if (source === "chats") assert.equal(convex_id, chatIds.get(key)._id);
  }
  const report = await migrate();
  assert.equal(report[report.length - 1].migrated, 170);
  assert.deepEqual(await readMap(), map);
  assert.deepEqual((await compareDocuments(client, convex)).differences.slice(0, 5), []);
});

test("a run into another deployment does not use ids of the first", async (t) => {
  const first = await open(t, { targets: ["chats", "messages"], sql: chats });
  await first.migrate();
  const second = await open(t, { targets: ["chats", "messages"] });
  await first.client.query(`ALTER SERVER convex OPTIONS (SET url '${second.convex.url}');
    ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (SET deploy_key '${second.convex.deployKey}')`);
  const [{ migrated, failed }] = await first.migrate("tables => '{messages}'");
  assert.deepEqual({ migrated, failed }, { migrated: 0, failed: 150 });
  assert.deepEqual(await second.convex.tableData("messages"), []);
});

test("a table of the user's own that is named like the map is never used", async (t) => {
  const { client, convex, migrate, migrateFails } = await open(t, { targets: ["chats", "messages"], sql: chats });
  await client.query("CREATE TEMPORARY TABLE convex_id_map (source regclass, key text, convex_id text)");
  const error = await migrateFails();
  assert.equal(error.code, "42P07");
  assert.match(error.message, /convex_id_map/);
  assert.match(error.hint, /DROP TABLE/);
  assert.deepEqual(await convex.tableData("chats"), []);
  await client.query("DROP TABLE convex_id_map");
  const report = await migrate();
  assert.equal(report[report.length - 1].migrated, 170);
});
