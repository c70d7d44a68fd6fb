/**
 * Method import when something happens: parts whose answer is lost, in both kinds of storage; a registration whose
 * answer is lost; cancels at every step; another import; what nobody confirmed; a push in the middle; a server that is
 * restarted; temp_file_limit; an import to which nothing happens. Until it is confirmed, what was there stays; a run
 * afterwards works in every case.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { writeZip } from "../convex/zip_writer.mjs";
import { errorOf, openGenerated, startCluster, until } from "../harness/index.mjs";
import { SALT, collectNotices, runImport, snapshot } from "../harness/imported.mjs";

// Texts that do not compress: the file has three parts.
const ITEMS = `
  CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
  INSERT INTO items SELECT n, (SELECT string_agg(encode(sha512((n * 1000 + i)::text::bytea), 'base64'), '') FROM generate_series(1, 200) i)
    FROM generate_series(1, 800) n`;
const SMALL = `
  CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
  INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 30) n`;
const LIST = "_system/cli/queryImport:list";

const limit = { timeout: 300_000 };
let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const openItems = (t, { sql = SMALL, args = [], options } = {}) =>
  openGenerated(t, cluster, { sql, options: { id_salt: SALT, ...options }, convex: { args } });

const countsOf = async (convex) => (await convex.control("stats")).requests;

for (const [storage, expected] of [["local", { starts: 2, parts: 5 }], ["s3", { starts: 1, parts: 4 }]]) {
  test(`the answer to a part is lost, storage ${storage}`, limit, async (t) => {
    const { client, convex } = await openItems(t, { sql: ITEMS, args: ["--storage", storage] });
    await convex.control("faults", [{ match: { path: "/api/import/upload_part", nth: 2 }, fault: { kind: "reset_after" } }]);
    assert.equal((await runImport(client)).at(-1).migrated, 800);
    const requests = await countsOf(convex);
    assert.equal(requests["/api/import/start_upload"], expected.starts);
    assert.equal(requests["/api/import/upload_part"], expected.parts);
    assert.equal((await convex.tableData("items")).length, 800);
  });
}

test("a part is refused for now: it is sent again, into the same upload", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("faults", [{ match: { path: "/api/import/upload_part", nth: 1 }, fault: { kind: "status", status: 503, code: "RateLimited", message: "later" } }]);
  const { rows: [{ retries }] } = await client.query("SELECT retries::int FROM convex_migrate(method => 'import') WHERE source IS NULL");
  assert.equal(retries, 1);
  const requests = await countsOf(convex);
  assert.deepEqual([requests["/api/import/start_upload"], requests["/api/import/upload_part"]], [1, 2]);
});

test("a proxy takes no parts", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("faults", [{ match: { path: "/api/import/upload_part" }, fault: { kind: "status", status: 413 } }]);
  const error = await errorOf(runImport(client));
  assert.equal(error.message, "a part of the upload was refused as too large");
  assert.match(error.hint, /client_max_body_size/);
});

test("the answer to the registration is lost: the import is found, and there is one", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("faults", [{ match: { path: "/api/import/finish_upload", nth: 1 }, fault: { kind: "reset_after" } }]);
  assert.equal((await runImport(client)).at(-1).migrated, 30);
  const requests = await countsOf(convex);
  assert.deepEqual([requests["/api/import/start_upload"], requests["/api/import/finish_upload"]], [1, 1]);
  assert.equal((await convex.query(LIST, {})).length, 1);
});

test("without retries: a registration whose answer is lost is found, a part whose answer is lost ends the run", limit, async (t) => {
  const { client, convex } = await openItems(t, { options: { max_retries: 0 } });
  await convex.control("faults", [{ match: { path: "/api/import/upload_part", nth: 1 }, fault: { kind: "reset_after" } }]);
  const error = await errorOf(runImport(client));
  assert.equal(error.message, "the answer from Convex was lost");
  assert.match(error.where, /where nothing was changed/);
  assert.equal((await countsOf(convex))["/api/import/upload_part"], 1);
  await convex.control("faults", [{ match: { path: "/api/import/finish_upload", nth: 1 }, fault: { kind: "reset_after" } }]);
  assert.equal((await runImport(client)).at(-1).migrated, 30);
  assert.equal((await convex.query(LIST, {})).length, 1);
});

test("the registration itself is lost: the upload is begun anew", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("faults", [{ match: { path: "/api/import/finish_upload", nth: 1 }, fault: { kind: "reset_before" } }]);
  assert.equal((await runImport(client)).at(-1).migrated, 30);
  const requests = await countsOf(convex);
  assert.deepEqual([requests["/api/import/start_upload"], requests["/api/import/finish_upload"]], [2, 2]);
  assert.equal((await convex.query(LIST, {})).length, 1);
});

test("the confirmation is lost, and an answer while it is watched", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("faults", [
    { match: { path: "/api/perform_import", nth: 1 }, fault: { kind: "reset_after" } },
    { match: { path: "_system/cli/queryImport", nth: 2 }, fault: { kind: "reset_before" } },
  ]);
  assert.equal((await runImport(client)).at(-1).migrated, 30);
});

test("cancelled before it is confirmed: Convex is told, and what was there stays", limit, async (t) => {
  const { client, convex, connect } = await openItems(t);
  await runImport(client);
  const before = await snapshot(convex, ["items"]);
  await client.query("UPDATE items SET name = 'new'");
  await convex.control("imports", { hold: ["before_parse"] });
  const failed = errorOf(runImport(client, "replace"));
  await convex.control("imports", { wait: true });
  await (await connect()).query("SELECT pg_cancel_backend($1)", [client.processID]);
  const error = await failed;
  assert.equal(error.code, "57014");
  assert.match(error.where, /import into deployment ".*", where nothing was changed/);
  const [latest] = await convex.query(LIST, {});
  assert.deepEqual(latest.state, { state: "failed", error_message: "Import canceled" });
  await convex.control("imports", { hold: [] });
  assert.deepEqual(await snapshot(convex, ["items"]), before);
  await runImport(client, "replace");
  assert.equal((await convex.tableData("items"))[0].name, "new");
});

test("terminated before it is confirmed: the next run says that an import waits", limit, async (t) => {
  const { client, convex, connect } = await openItems(t);
  await convex.control("imports", { hold: ["before_parse"] });
  client.on("error", () => {});
  const failed = errorOf(runImport(client));
  await convex.control("imports", { wait: true });
  const other = await connect();
  await other.query("SELECT pg_terminate_backend($1)", [client.processID]);
  await failed;
  await convex.control("imports", { hold: [] });
  await until(async () => (await convex.query(LIST, {}))[0].state.state === "waiting_for_confirmation");
  await until(async () => (await other.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [client.processID])).rows.length === 0);
  const notices = collectNotices(other);
  assert.equal((await runImport(other)).at(-1).migrated, 30);
  const warning = notices.find(({ severity }) => severity === "WARNING");
  assert.match(warning.message, /^deployment ".*" has an import that nobody has confirmed$/);
});

test("cancelled after it was confirmed: Convex goes on, and the next run waits for that", limit, async (t) => {
  const { client, convex, connect } = await openItems(t);
  await convex.control("imports", { hold: ["before_finalize_import"] });
  const failed = errorOf(runImport(client));
  await convex.control("imports", { wait: true });
  await (await connect()).query("SELECT pg_cancel_backend($1)", [client.processID]);
  assert.match((await failed).where, /which goes on there by itself/);
  const notices = collectNotices(client);
  const again = runImport(client, "replace");
  await until(() => notices.some(({ message }) => message.startsWith("waiting for another import")));
  await convex.control("imports", { hold: [] });
  assert.equal((await again).at(-1).migrated, 30);
  assert.equal((await convex.tableData("items")).length, 30);
  const log = readFileSync(`${cluster.directory}/log`, "utf8");
  assert.match(log, new RegExp(`LOG: {2}convex_migrate\\(\\) into deployment "${convex.instance}" failed after .*\\n.*DETAIL: {2}An import of 30 documents, which goes on there by itself\\.`));
});

test("an import to which nothing happens is not waited for forever", limit, async (t) => {
  const { client, convex, connect } = await openItems(t, { options: { import_patience: "1s" } });
  await convex.control("imports", { hold: ["before_batch"] });
  const notices = collectNotices(client);
  await client.query("SET convex_migrate.progress_interval = 1");
  const failed = errorOf(runImport(client));
  await convex.control("imports", { wait: true });
  await until(() => notices.some(({ message }) => message === 'Convex: Importing "items"'));
  const { rows } = await (await connect()).query("SELECT command, pass, rows::int FROM convex_progress_figures");
  assert.deepEqual(rows, [{ command: "import", pass: "end", rows: 30 }]);
  const error = await failed;
  assert.match(error.message, /^nothing has happened to an import of deployment ".*" for /);
  assert.match(error.where, /which goes on there by itself/);
  await convex.control("imports", { hold: [] });
});

test("a push in the middle ends it, and what was there stays", limit, async (t) => {
  const { client, convex, folder } = await openItems(t);
  const { readFileSync, writeFileSync } = await import("node:fs");
  await convex.control("imports", { hold: ["before_finalize_import"] });
  const failed = errorOf(runImport(client));
  await convex.control("imports", { wait: true });
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema.replace("name: v.string(),", "name: v.string(),\n    starred: v.optional(v.boolean()),"));
  await convex.control("functions", { directory: folder });
  await convex.control("imports", { hold: [] });
  const error = await failed;
  assert.match(error.message, /did not carry out the import/);
  assert.match(error.detail, /schema/i);
  assert.match(error.hint, /^Nothing was changed/);
  assert.equal((await convex.tableData("items")).length, 0);
  assert.equal((await runImport(client)).at(-1).migrated, 30);
});

test("the server is restarted in the middle", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("imports", { hold: ["before_batch"] });
  const report = runImport(client);
  await convex.control("imports", { wait: true });
  await convex.control("faults", [{ match: { path: "_system/cli/queryImport", nth: 1 }, fault: { kind: "restart", ms: 100 } }]);
  await until(() => convex.control("faults").then(([{ used }]) => used === 1, () => false));
  await convex.control("imports", { hold: [] });
  assert.equal((await report).at(-1).migrated, 30);
});

test("somebody else's import is waited for, and the emptiness of tables is looked at afterwards", limit, async (t) => {
  const { client, convex } = await openItems(t);
  await convex.control("imports", { hold: ["before_parse"] });
  const file = await writeZip([{ name: "items/documents.jsonl", content: '{"name":"theirs","supabaseId":"1"}\n' }]);
  const theirs = fetch(`${convex.url}/api/import?format=zip&mode=replace`, {
    method: "POST", body: file, headers: { authorization: `Convex ${convex.deployKey}`, "content-type": "application/octet-stream" },
  });
  await convex.control("imports", { wait: true });
  const failed = errorOf(runImport(client));
  await convex.control("imports", { hold: [] });
  assert.equal((await theirs).status, 200);
  assert.equal((await failed).detail, 'Table "items": 1 documents.');
});

test("temp_file_limit", limit, async (t) => {
  const { client, convex } = await openItems(t, { sql: ITEMS });
  await client.query("SET temp_file_limit = '1MB'");
  const error = await errorOf(runImport(client));
  assert.equal(error.code, "53400");
  assert.match(error.where, /where nothing was changed/);
  assert.equal((await countsOf(convex))["/api/import/start_upload"], undefined);
  await client.query("RESET temp_file_limit");
  assert.equal((await runImport(client)).at(-1).migrated, 800);
});
