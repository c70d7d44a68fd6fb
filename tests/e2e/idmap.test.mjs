/**
 * The id map: how tables are joined to it, and its parts. Plans are PostgreSQL's
 * own, with the rows that were read (auto_explain): nothing here is timed. Rows
 * go into the sink of the benchmarks.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pointAt, startSink } from "../bench/receivers.mjs";
import { startCluster } from "../harness/index.mjs";

/** Rows of a table whose entries have a part of their own: more than 1 MB. */
const LARGE = 40_000;
const SMALL = 500;
const ROWS_OF_CHILD = 60;

/** Tables that nobody points to: their entries are beside those of the small one. The last to be moved is other9. */
const OTHERS = Array.from({ length: 20 }, (_, i) => `other${i + 1}`);

const TABLES = `
  CREATE TABLE large (id int PRIMARY KEY);
  CREATE TABLE small (id int PRIMARY KEY);
  CREATE TABLE tree (id int PRIMARY KEY, parent_id int REFERENCES tree);
  CREATE TABLE child (id int PRIMARY KEY, a int REFERENCES large, b int REFERENCES large, c int REFERENCES small);
  CREATE TABLE many_children (id int PRIMARY KEY, a int REFERENCES large, c int REFERENCES small);
  INSERT INTO large SELECT g FROM generate_series(1, ${LARGE}) g;
  INSERT INTO small SELECT g FROM generate_series(1, ${SMALL}) g;
  INSERT INTO tree SELECT g, nullif(g / 2, 0) FROM generate_series(1, ${LARGE}) g;
  INSERT INTO child SELECT g, g * 7, g * 11, g FROM generate_series(1, ${ROWS_OF_CHILD}) g;
  INSERT INTO many_children SELECT g, g, 1 + g % ${SMALL} FROM generate_series(1, ${LARGE}) g;
  ${OTHERS.map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, small_id int REFERENCES small);
    INSERT INTO ${name} SELECT g, g FROM generate_series(1, ${SMALL}) g;`).join("\n")}
  ANALYZE`;

let cluster;
let sink;

before(async () => {
  cluster = await startCluster({ settings: ["jit = off", "max_parallel_workers_per_gather = 0"] });
  const targets = ["large", "small", "tree", "child", "manyChildren", "wide", ...OTHERS];
  sink = await startSink({ functions: [
    ...targets.map((target) => `migrate:migrate${target[0].toUpperCase()}${target.slice(1)}`), "migrate:complete"] });
});

after(async () => {
  await cluster?.stop();
  await sink?.stop();
});

let databases = 0;

/** A session in a database with these tables, pointed at the sink. */
async function sessionWith(t, sql) {
  const database = `idmap_${++databases}`;
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${database}`);
  await administrator.end();
  const setup = await cluster.connect({ database });
  await setup.query(sql);
  await setup.end();
  await pointAt(cluster, database, sink);
  const client = await cluster.connect({ database });
  t.after(() => client.end());
  return client;
}

/** Moves tables and returns the report's total. */
async function migrate(client, parameters = "") {
  const { rows } = await client.query(
    `SELECT migrated::int, failed::int FROM convex_migrate(${parameters}) WHERE source IS NULL`);
  return rows[0];
}

/** The nodes of a plan, all levels. */
function nodesOf(node) {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** Rows that a node of a plan has read, those included that it threw away. */
function rowsReadBy(node) {
  const thrownAway = node["Rows Removed by Filter"] ?? 0;
  return (node["Actual Rows"] + thrownAway) * node["Actual Loops"];
}

/** Collects the plans of the statements of a session: { text, nodes }. */
async function collectPlans(client) {
  const plans = [];
  client.on("notice", ({ message }) => {
    const json = message.match(/^duration: .*plan:\n(.*)$/s)?.[1];
    if (json === undefined) return;
    const { "Query Text": text, Plan: plan } = JSON.parse(json);
    plans.push({ text, nodes: nodesOf(plan) });
  });
  await client.query(`LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0;
    SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
    SET auto_explain.log_timing = off; SET auto_explain.log_format = json;
    SET auto_explain.log_level = notice`);
  return plans;
}

/** The plans that read the rows of a table: scans that were started only to be tried read none. */
function readingsOf(plans, table) {
  return plans.filter(({ text, nodes }) => text.includes(`FROM ONLY public.${table} AS t`) &&
    nodes.some((node) => node["Relation Name"] === table && rowsReadBy(node) > 0));
}

const isOfMap = (node) => /^convex_id_map/.test(node["Relation Name"] ?? "");

test("a small table reads what its own parents have in the map, and no more", async (t) => {
  const client = await sessionWith(t, TABLES);
  const plans = await collectPlans(client);
  const { migrated, failed } = await migrate(client);
  assert.deepEqual({ migrated, failed },
    { migrated: 3 * LARGE + SMALL + ROWS_OF_CHILD + OTHERS.length * SMALL, failed: 0 });

  const [reading, ...further] = readingsOf(plans, "child");
  assert.equal(further.length, 0, "one query reads the table");
  const read = reading.nodes.filter(isOfMap).map(rowsReadBy);
  assert.ok(read.length === 3 && read.every((rows) => rows <= SMALL), `rows read of the map: ${read}`);
  // its only parent has few entries among many of others
  const [last] = readingsOf(plans, "other9");
  const readForLast = last.nodes.filter(isOfMap).map(rowsReadBy);
  assert.ok(readForLast.length === 1 && readForLast[0] <= 2 * SMALL, `rows read of the map: ${readForLast}`);
});

test("no join to the map is worse than linear", async (t) => {
  const client = await sessionWith(t, TABLES);
  const plans = await collectPlans(client);
  await migrate(client);
  for (const table of ["many_children", "tree"]) {
    const readings = readingsOf(plans, table);
    assert.ok(readings.length > 0, `${table} is read`);
    for (const node of readings.flatMap(({ nodes }) => nodes)) {
      assert.ok(rowsReadBy(node) <= 2 * LARGE, `${table}: ${JSON.stringify(node, null, 1)}`);
    }
  }
});

test("later runs of the session find what earlier ones moved, in all parts of the map", async (t) => {
  const client = await sessionWith(t, TABLES);
  await migrate(client);
  const mapOf = async () => (await client.query("SELECT source, count(*)::int FROM convex_id_map GROUP BY 1 ORDER BY 1")).rows;
  const map = await mapOf();
  assert.deepEqual(await migrate(client, "tables => '{child,many_children}'"), { migrated: ROWS_OF_CHILD + LARGE, failed: 0 });
  assert.deepEqual(await mapOf(), map);
  await client.query("DELETE FROM convex_id_map WHERE source = 'large'::regclass AND key = '7'");
  assert.deepEqual(await migrate(client, "tables => '{child}'"), { migrated: ROWS_OF_CHILD - 1, failed: 1 });
  assert.deepEqual(await migrate(client, "tables => '{large}'"), { migrated: LARGE, failed: 0 });
  assert.deepEqual(await migrate(client, "tables => '{child}'"), { migrated: ROWS_OF_CHILD, failed: 0 });
  assert.deepEqual(await mapOf(), map);
});

test("parts that are gone are made again, parts that are not ours are never used", async (t) => {
  const client = await sessionWith(t, "CREATE TABLE large (id int PRIMARY KEY); INSERT INTO large VALUES (1); CREATE ROLE other");
  await client.query("CREATE TEMPORARY TABLE convex_id_map_rest (source regclass, key text, convex_id text)");
  await assert.rejects(migrate(client), /temporary table "convex_id_map_rest" was not made by convex_migrate\(\)/);
  await client.query("DROP TABLE convex_id_map_rest");
  assert.deepEqual(await migrate(client), { migrated: 1, failed: 0 });
  await client.query("DROP TABLE convex_id_map_rest");
  const { rows: [{ document }] } = await client.query("SELECT convex_document(large) AS document FROM large");
  assert.equal(document, '{"id":"1"}');
  assert.deepEqual(await migrate(client), { migrated: 1, failed: 0 });
  await client.query("ALTER TABLE convex_id_map_rest OWNER TO other");
  await assert.rejects(migrate(client), /temporary table "convex_id_map_rest" belongs to role "other"/);
});

test("more references than a query can return ids of are an ERROR before a row is sent", async (t) => {
  const columns = Array.from({ length: 850 }, (_, i) => `r${i} int REFERENCES large`).join(", ");
  const client = await sessionWith(t, `
    CREATE TABLE large (id int PRIMARY KEY); INSERT INTO large VALUES (1);
    CREATE TABLE wide (id int PRIMARY KEY, ${columns});
    INSERT INTO wide (id, r0, r849) VALUES (1, 1, 1)`);
  await assert.rejects(migrate(client), (error) => {
    assert.equal(error.code, "54000");
    assert.match(error.message, /^table "wide" has too many columns and references$/);
    assert.match(error.detail, /850 references 1702 values .* 1664/);
    assert.match(error.hint, /convex_columns/);
    return true;
  });
  await client.query(`INSERT INTO convex_columns (server, source, source_column, exclude)
    SELECT 'convex', 'wide', 'r' || n, true FROM generate_series(1, 800) n`);
  assert.deepEqual(await migrate(client), { migrated: 2, failed: 0 });
});
