/**
 * What README.md and docs/reference.md tell a reader to type is typed here, as it stands there: a first migration from
 * an empty project to the end, the choices, and a role of its own for it. Only the deployment's URL, the file with the
 * key and Convex's own tool are replaced.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  compareDocuments,
  loadMessaging,
  mustRun,
  run,
  startCluster,
  startConvex,
  temporaryFolder,
} from "../harness/index.mjs";

const URL_OF_PAGES = "https://happy-animal-123.convex.cloud";
const KEY_FILE_OF_PAGES = "/etc/postgresql/convex.key";

let cluster;
let convex;

before(async () => {
  cluster = await startCluster();
  convex = await startConvex({ instance: "happy-animal-123" });
});

after(async () => {
  await cluster?.stop();
  await convex?.stop();
});

/** The blocks of code below a heading of a page, up to the next heading of its level. */
function blocksBelow(page, heading) {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
  const [section] = text.slice(text.indexOf(`\n${heading}\n`) + 1).split(/\n(?=##? )/);
  return [...section.matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)].map(([, indent, language, code]) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

function keyFile() {
  return `${cluster.directory}/convex.key`;
}

async function sql(code, database) {
  const input = code.replaceAll(URL_OF_PAGES, convex.url).replaceAll(KEY_FILE_OF_PAGES, keyFile());
  const { code: status, stdout, stderr } = await cluster.psql(["-v", "ON_ERROR_STOP=1"], { input, database });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Types commands in a project: the key is pasted where one reads it, and what is in convex/ is deployed at the end. */
async function shell(code, project) {
  const { uid } = statSync(`${cluster.directory}/data`);
  const typed = code
    .replaceAll(KEY_FILE_OF_PAGES, keyFile())
    .replaceAll(" -o postgres", process.getuid() === 0 ? ` -o ${uid}` : "")
    .replaceAll(/^npx .*$/gm, "");
  await mustRun("sh", ["-ec", typed], {
    cwd: project,
    env: cluster.env,
    input: `${convex.deployKey}\n`,
  });
  if (code.includes("npx convex")) await convex.control("functions", { directory: `${project}/convex` });
}

test("a first migration, as README.md has it", async () => {
  const project = temporaryFolder("convex-pages");
  mkdirSync(`${project}/convex`);
  await loadMessaging(cluster, { sizes: { contacts: 200, conversations: 200, messages: 400, notes: 50 } });
  let printed = "";
  const blocks = blocksBelow("README.md", "## First migration");
  assert.ok(blocks.length >= 6);
  for (const { language, code } of blocks) {
    if (language === "sql") printed = await sql(code);
    else await shell(code, project);
  }
  assert.match(printed, /\| complete\n/);
  assert.doesNotMatch(printed, /incomplete/);
  const client = await cluster.connect();
  const { documents, differences } = await compareDocuments(client, convex);
  assert.ok(documents > 800);
  assert.deepEqual(differences, []);
});

test("a query that fails leaves the file of the project as it was", async () => {
  const project = temporaryFolder("convex-pages");
  mkdirSync(`${project}/convex`);
  writeFileSync(`${project}/convex/schema.ts`, "mine");
  const [command] = blocksBelow("docs/generated.md", "# The Convex side, written for you")[0].code.split("\n");
  const failing = command.replace("()", () => "($$nowhere$$)");
  const { code, stderr } = await run("sh", ["-c", failing], { cwd: project, env: cluster.env });
  assert.notEqual(code, 0);
  assert.match(stderr, /server "nowhere" does not exist/);
  assert.equal(readFileSync(`${project}/convex/schema.ts`, "utf8"), "mine");
});

test("a role that migrates, as docs/reference.md has it", async () => {
  const [{ code }] = blocksBelow("docs/reference.md", "## Rights");
  await sql(code);
  const client = await cluster.connect({ user: "mover" });
  await client.query(`
    INSERT INTO convex_columns (server, source, source_column, type) VALUES ('convex', 'contacts', 'metadata', 'any')`);
  const { rows } = await client.query("SELECT status FROM convex_migrate()");
  assert.deepEqual(new Set(rows.map(({ status }) => status)), new Set(["complete"]));
});

test("the choices of docs/reference.md", async () => {
  await sql("CREATE DATABASE choices");
  await sql(
    `
    CREATE EXTENSION convex_migrate;
    CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url '${URL_OF_PAGES}');
    CREATE TABLE audit_log (id int PRIMARY KEY);
    CREATE TABLE app_users (id int PRIMARY KEY, email text UNIQUE, deleted_at timestamptz, password_hash text);
    CREATE TABLE orders (id int PRIMARY KEY, user_email text);`,
    "choices",
  );
  const [{ code }] = blocksBelow("docs/reference.md", "## Views and tables");
  await sql(code, "choices");
  const client = await cluster.connect({ database: "choices" });
  const { rows } = await client.query('SELECT source::text, target, "references" FROM convex_plan()');
  assert.deepEqual(rows, [
    { source: "app_users", target: "users", references: [] },
    { source: "orders", target: "orders", references: ["user_email->users"] },
  ]);
});

test("the end, as README.md has it: nothing is left in PostgreSQL, and all is in Convex", async () => {
  const text = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const statements = ["ALTER SERVER convex OPTIONS (ADD active 'off')", "DROP EXTENSION convex_migrate CASCADE"];
  for (const statement of statements) assert.ok(text.includes(`\`${statement}\``), statement);
  await sql(statements[0]);
  const client = await cluster.connect();
  await assert.rejects(client.query("SELECT convex_migrate()"), /is not active/);
  await sql(statements[1]);
  const {
    rows: [left],
  } = await client.query(`
    SELECT (SELECT count(*) FROM pg_foreign_server)::int AS servers,
      (SELECT count(*) FROM pg_user_mapping)::int AS mappings,
      (SELECT count(*) FROM pg_class WHERE relname LIKE 'convex%' AND relpersistence <> 't')::int AS relations`);
  assert.deepEqual(left, { servers: 0, mappings: 0, relations: 0 });
  assert.equal((await convex.tableData("messages")).length, 400);
});
