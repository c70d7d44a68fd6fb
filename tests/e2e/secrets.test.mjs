/**
 * The deploy key goes into the Authorization header and nowhere else: not into
 * the server log at its most talkative, an error, a notice, a view, or any
 * relation that another role can read. And what a key file must be like.
 *
 * PostgreSQL itself logs CREATE USER MAPPING; here logging is off while that runs.
 */
import assert from "node:assert/strict";
import { chmod, chown, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import pg from "pg";
import {
  errorOf, insertsInto, openScenario, startCluster, temporaryFolder, textsOf, writeFunctions,
} from "../harness/index.mjs";

const SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0deadbeef";
const DEPLOY_KEY = `dev:local-convex-000|${SECRET}`;
const path = "migrate:migrateItems";
const sql = `CREATE TABLE items (id int PRIMARY KEY, label text);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 50) AS i;`;

let cluster;
let folder;

before(async () => {
  cluster = await startCluster({
    settings: [
      "log_min_messages = debug5", "log_min_error_statement = debug5", "log_error_verbosity = verbose", "log_statement = none",
    ],
  });
  const owner = await stat(`${cluster.directory}/data`);
  folder = temporaryFolder("convex-keys");
  await chown(folder, owner.uid, owner.gid);
  const administrator = await cluster.connect();
  await administrator.query(`CREATE ROLE reader LOGIN; CREATE ROLE migrator LOGIN;
    CREATE ROLE keeper LOGIN; GRANT pg_read_server_files TO keeper`);
});

after(() => cluster?.stop());

/** A file that belongs to the server's user. @returns {Promise<string>} its path */
async function keyFile(name, text, mode = 0o600) {
  const file = `${folder}/${name}`;
  await writeFile(file, text);
  await chmod(file, mode);
  const { uid, gid } = await stat(folder);
  await chown(file, uid, gid);
  return file;
}

/** How the user mapping has the key. */
const KEYS = {
  deploy_key: async () => DEPLOY_KEY,
  deploy_key_file: () => keyFile("good", `${DEPLOY_KEY}\n`),
};

/** A scenario whose user mapping was made without a trace in the log. */
async function open(t, { option = "deploy_key", value, ...world } = {}) {
  const scenario = await openScenario(t, cluster, {
    functions: insertsInto(["items"]), sql, options: { batch_rows: 10, concurrency: 2, max_retries: 1 },
    deployKey: "dev:local-convex-000|placeholder", convex: { deployKey: DEPLOY_KEY }, ...world,
  });
  await quietly(scenario.client, `ALTER USER MAPPING FOR CURRENT_USER SERVER convex
    OPTIONS (DROP deploy_key, ADD ${option} ${pg.escapeLiteral(value ?? (await KEYS[option]()))})`);
  return scenario;
}

/** Runs statements that contain the key while PostgreSQL logs nothing of this session. */
async function quietly(client, statements) {
  await client.query("SET log_min_messages = panic; SET log_min_error_statement = panic");
  try {
    await client.query(statements);
  } finally {
    await client.query("RESET log_min_messages; RESET log_min_error_statement");
  }
}

async function assertLogIsClean() {
  const log = await readFile(`${cluster.directory}/log`, "utf8");
  const line = log.split("\n").findIndex((text) => text.includes(SECRET));
  assert.equal(line, -1, `line ${line + 1} of the server log has the deploy key`);
  assert.match(log, /DEBUG/, "the log is as talkative as it can be");
}

/** What the client was told. */
function assertMessagesAreClean(client, errors = []) {
  for (const told of [...client.notices, ...errors]) {
    assert.ok(!textsOf(told).includes(SECRET), textsOf(told));
  }
}

/** What ends a run, planned as faults or in the functions. */
const RUNS = {
  "a run that succeeds": { faults: [] },
  "a run that the server breaks off": { faults: [{ match: { path, nth: 2 }, fault: { kind: "status", status: 500, code: "InternalServerError" } }] },
  "a run whose connection is reset": { faults: [{ match: { path, nth: 2 }, fault: { kind: "reset_before" } }] },
  "a run that is told to wait": { faults: [{ match: { path, nth: 2 }, fault: { kind: "status", status: 429, code: "RateLimited" } }] },
  "an answer that is no JSON": { faults: [{ match: { path, nth: 2 }, fault: { kind: "body", status: 200, contentType: "text/html", body: "<p>" } }] },
};

for (const option of Object.keys(KEYS)) {
  for (const [name, { faults }] of Object.entries(RUNS)) {
    test(`${name}, key by ${option}`, async (t) => {
      const { client, convex, migrate } = await open(t, { option });
      await convex.control("faults", faults);
      await client.query("SET client_min_messages = debug5; SET convex_migrate.progress_interval = 0");
      const errors = await migrate().then(() => [], (error) => [error]);
      assert.ok(client.notices.length > 0);
      assertMessagesAreClean(client, errors);
      await assertLogIsClean();
    });
  }
}

test("a key that the deployment does not take", async (t) => {
  const { client, migrateFails } = await open(t, { convex: { deployKey: "dev:local-convex-000|another" } });
  await client.query("SET client_min_messages = debug5");
  const error = await migrateFails();
  assert.equal(error.code, "28000");
  assertMessagesAreClean(client, [error]);
  await assertLogIsClean();
});

test("keys that are no deploy keys do not show up in the ERROR about them", async (t) => {
  const { client } = await open(t);
  for (const key of [SECRET, `preview:${SECRET}|x`, `project:a:b|${SECRET}`, `dev:x|${SECRET} y`, `dev:x|${SECRET}\n`]) {
    const change = quietly(client, `ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (SET deploy_key ${pg.escapeLiteral(key)})`);
    assertMessagesAreClean(client, [await errorOf(change)]);
  }
  const file = await keyFile("no-key", `${SECRET}\n`);
  await quietly(client, `ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (DROP deploy_key, ADD deploy_key_file '${file}')`);
  assertMessagesAreClean(client, [await errorOf(client.query("SELECT * FROM convex_migrate()"))]);
  await assertLogIsClean();
});

/** Every relation that the connection's role can read. */
async function readableRelations(client) {
  const { rows } = await client.query(`
    SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, 'SELECT')
       AND has_schema_privilege(n.oid, 'USAGE') AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast%'
     ORDER BY 1`);
  return rows.map(({ name }) => name);
}

/** The relations that have the secret in a row the connection's role can see. */
async function relationsWithSecret(client) {
  const found = [];
  for (const name of await readableRelations(client)) {
    try {
      const { rows } = await client.query(`SELECT FROM ${name} AS r WHERE r::text LIKE $1 LIMIT 1`, [`%${SECRET}%`]);
      if (rows.length > 0) found.push(name);
    } catch (error) {
      // a view over a function that this role may not call
      if (error.code !== "42501") throw error;
    }
  }
  return found;
}

/** Functions that refuse some records, so that there are rejects. */
const picky = () => writeFunctions(`
  import { mutation } from "./_generated/server";
  export const migrateItems = mutation(async (ctx, { items }) => Promise.all(items.map(async ({ id, ...fields }) =>
    id.endsWith("7") ? { supabaseId: id, error: "no" } : { supabaseId: id, convexId: await ctx.db.insert("items", fields) })));`);

for (const option of Object.keys(KEYS)) {
  test(`no relation that another role can read has the key, during a run and after it, key by ${option}`, async (t) => {
    const { client, convex, connect, migrate, rejects, faultStruck } = await open(t, { option, functions: picky() });
    const reader = await connect({ user: "reader" });
    const owner = await connect();
    await convex.control("faults", [{ match: { path, nth: 2 }, fault: { kind: "delay", ms: 1500 } }]);
    const run = migrate();
    await faultStruck();
    assert.deepEqual(await relationsWithSecret(reader), []);
    // not even the superuser sees it where the run could have put it
    for (const view of ["pg_stat_activity", "pg_settings", "pg_stat_progress_copy", "convex_reject_rows", "convex_rejects"]) {
      const { rows } = await owner.query(`SELECT FROM ${view} AS r WHERE r::text LIKE $1`, [`%${SECRET}%`]);
      assert.equal(rows.length, 0, view);
    }
    await run;
    assert.equal((await rejects()).length, 5);
    assert.deepEqual(await relationsWithSecret(reader), []);
    const { rows } = await client.query("SELECT FROM convex_id_map AS r WHERE r::text LIKE $1", [`%${SECRET}%`]);
    assert.equal(rows.length, 0);
    // the look itself would find it: the superuser's own pg_user_mappings has the option
    assert.equal((await relationsWithSecret(client)).includes("pg_user_mappings"), option === "deploy_key");
  });
}

/** A file that belongs to neither the server's user nor root, or to root. */
async function keyFileOf(uid, name, mode) {
  const path = await keyFile(name, DEPLOY_KEY, mode);
  await chown(path, uid, (await stat(folder)).gid);
  return path;
}

const NOBODY = 65534;

/** Only root can give files away. */
const FILES_OF_OTHERS = process.getuid() !== 0 ? {} : {
  "another user's": { make: () => keyFileOf(NOBODY, "foreign", 0o644), code: "F0000", says: /must be owned by the database user or root/ },
  "root's, and readable for all": { make: () => keyFileOf(0, "roots", 0o644), code: "F0000", says: /group or world access/, hint: /0640/ },
};

const BAD_FILES = {
  ...FILES_OF_OTHERS,
  "readable for all": { make: () => keyFile("open", DEPLOY_KEY, 0o644), code: "F0000", says: /group or world access/, hint: /0600/ },
  "readable for the group": { make: () => keyFile("group", DEPLOY_KEY, 0o640), code: "F0000", says: /group or world access/, hint: /0600/ },
  "missing": { make: async () => `${folder}/missing`, code: "58P01", says: /could not open .*missing/ },
  "empty": { make: () => keyFile("empty", ""), code: "F0000", says: /empty/ },
  "only white space": { make: () => keyFile("white", " \n\t\n"), code: "F0000", says: /empty/ },
  "a directory": { make: makeDirectory, code: "42809", says: /not a regular file/ },
  "too large": { make: () => keyFile("large", DEPLOY_KEY + " ".repeat(9000)), code: "F0000", says: /too large/ },
  "two lines": { make: () => keyFile("two", `${DEPLOY_KEY}\n${DEPLOY_KEY}\n`), code: "F0000", says: /line break/ },
};

async function makeDirectory() {
  const { uid, gid } = await stat(folder);
  const directory = `${folder}/directory`;
  await mkdir(directory, { mode: 0o700 });
  await chown(directory, uid, gid);
  return directory;
}

for (const [name, { make, code, says, hint }] of Object.entries(BAD_FILES)) {
  test(`a key file that is ${name}: ERROR before anything is sent`, async (t) => {
    const { client, convex, migrateFails } = await open(t, { option: "deploy_key_file", value: await make() });
    const error = await migrateFails();
    assert.equal(error.code, code, textsOf(error));
    assert.match(error.message, says);
    if (hint !== undefined) assert.match(error.hint, hint);
    assertMessagesAreClean(client, [error]);
    assert.deepEqual((await convex.control("stats")).requests, {});
    await assertLogIsClean();
  });
}

const GOOD_FILES = {
  "no line end": DEPLOY_KEY, "a line end": `${DEPLOY_KEY}\n`, "a line end of Windows": `${DEPLOY_KEY}\r\n`,
};

for (const [name, text] of Object.entries(GOOD_FILES)) {
  test(`a key file with ${name}`, async (t) => {
    const { migrate } = await open(t, { option: "deploy_key_file", value: await keyFile("fine", text) });
    assert.equal((await migrate())[0].migrated, 50);
  });
}

test("a relative path is refused when it is set", async (t) => {
  const { client } = await open(t);
  const error = await errorOf(client.query(
    "ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (DROP deploy_key, ADD deploy_key_file 'convex.key')"));
  assert.match(textsOf(error), /absolute path/);
});

test("only roles in pg_read_server_files may name a key file", async (t) => {
  const file = await keyFile("roles", DEPLOY_KEY);
  const { client, connect } = await open(t);
  await client.query("GRANT USAGE ON FOREIGN SERVER convex TO migrator, keeper; GRANT SELECT ON items TO migrator, keeper");
  const statement = `CREATE USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (deploy_key_file '${file}')`;
  const error = await errorOf((await connect({ user: "migrator" })).query(statement));
  assert.equal(error.code, "42501");
  assert.match(textsOf(error), /pg_read_server_files/);
  const keeper = await connect({ user: "keeper" });
  await keeper.query(statement);
  const { rows } = await keeper.query("SELECT migrated::int FROM convex_migrate() WHERE source IS NULL");
  assert.deepEqual(rows, [{ migrated: 50 }]);
  // nor may a role bring one into a mapping that it has already
  await quietly(client, "CREATE USER MAPPING FOR migrator SERVER convex OPTIONS (deploy_key 'dev:local-convex-000|x')");
  const change = (await connect({ user: "migrator" })).query(
    `ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (DROP deploy_key, ADD deploy_key_file '${file}')`);
  assert.equal((await errorOf(change)).code, "42501");
  await assertLogIsClean();
});
