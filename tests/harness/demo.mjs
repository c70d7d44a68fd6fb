/**
 * The demo (see demo.sh): a private PostgreSQL, an empty local Convex, and what a
 * user does, in front of the reader: psql runs demo_plan.sql, the Convex side is
 * generated and deployed by Convex's own tool, psql runs demo_migrate.sql; afterwards
 * a second run, one contact as it was and as it arrived, and a comparison of everything; then
 * demo_import.sql has a second deployment import the same, which is compared as well.
 */
import { execFileSync, spawn } from "node:child_process";
import { chown, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { compareDocuments, deploy, loadMessaging, startCluster, startConvex, temporaryFolder } from "./index.mjs";

/** Finds a contact with a bit of everything. */
const INTERESTING_CONTACT = `
  SELECT id FROM contacts
  ORDER BY num_nulls(email, phone, engagement, last_contacted_at), cardinality(tags) < 2, metadata ? 'address' DESC NULLS LAST, id
  LIMIT 1`;

/** A whole number from the environment. */
function sizeFrom(variable, standard) {
  const text = process.env[variable] ?? String(standard);
  if (!/^\d+$/.test(text)) throw new Error(`${variable} must be a whole number, not "${text}"`);
  return Number(text);
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function say(text) {
  console.log(`\n== ${text}`);
}

/** Runs psql on our own output; its messages and results come in the order in which they arise. */
function showPsql(cluster, variables, commands) {
  const args = Object.entries(variables).flatMap(([name, value]) => ["-v", `${name}=${value}`]);
  return new Promise((resolve, reject) => {
    const child = spawn("psql", ["-X", "-q", "-P", "pager=off", ...args], {
      env: cluster.env, stdio: ["pipe", "inherit", "inherit"],
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error("psql stopped at the error above"))));
    child.stdin.on("error", () => {});
    child.stdin.end(commands);
  });
}

/** Writes the deploy key where only the owner of the server process can read it. */
async function writeKeyFile(cluster, deployKey) {
  const file = `${cluster.directory}/convex.key`;
  await writeFile(file, `${deployKey}\n`, { mode: 0o600 });
  const { uid, gid } = await stat(`${cluster.directory}/data`);
  if (process.getuid() === 0) await chown(file, uid, gid);
  return file;
}

function demoSql(name) {
  return readFile(new URL(name, import.meta.url), "utf8");
}

/** What a user types into a shell to have the Convex side: a query that fails leaves the file as it is. */
async function generateAndDeploy(cluster, convex) {
  const project = temporaryFolder("convex-demo");
  await mkdir(`${project}/convex`);
  for (const name of ["schema", "functions"]) {
    const file = name === "schema" ? "schema" : "migrate";
    const command = `psql -XAtc 'SELECT convex_${name}()' -o ${file}.new && mv ${file}.new convex/${file}.ts`;
    console.log(`$ ${command}`);
    execFileSync("sh", ["-c", command], { cwd: project, env: cluster.env, stdio: "inherit" });
  }
  console.log(`$ npx convex deploy\n${(await deploy(`${project}/convex`, convex)).trimEnd()}`);
  return project;
}

async function demo(cluster, convex, sizes) {
  say("Loading the messaging example into a private PostgreSQL");
  await loadMessaging(cluster, { sizes });
  console.log(`A Convex deployment "${convex.instance}" runs on this machine, with nothing deployed yet.`);

  say("The plan, in psql");
  const variables = { url: convex.url, key_file: await writeKeyFile(cluster, convex.deployKey) };
  await showPsql(cluster, variables, await demoSql("demo_plan.sql"));

  say("The Convex side: written by the extension, deployed by Convex's own tool");
  const project = await generateAndDeploy(cluster, convex);

  say("The migration, in psql");
  await showPsql(cluster, {}, await demoSql("demo_migrate.sql"));

  say("Once more, in a new session: nothing has changed, so nothing is written");
  const before = sum(await convex.documentsWritten());
  await showPsql(cluster, {}, "\\set ECHO queries\n\\pset footer off\n\\timing on\nSELECT source, migrated, failed, elapsed, status FROM convex_migrate();\n");
  console.log(`Documents that Convex had to write: ${sum(await convex.documentsWritten()) - before}`);

  say("One contact, as it was and as it arrived");
  const client = await cluster.connect();
  const { rows: [{ id }] } = await client.query(INTERESTING_CONTACT);
  await showPsql(cluster, {}, `\\set ECHO queries\n\\x on\nSELECT * FROM contacts WHERE id = '${id}';\n`);
  const contacts = await convex.tableData("contacts");
  console.log(JSON.stringify(contacts.find(({ supabaseId }) => supabaseId === id), null, 2));

  await check(client, convex);

  say("The other method: all tables as one import, into a second deployment, with ids computed from the keys");
  const second = await startConvex({ instance: "calm-otter-456" });
  started.push(second);
  await deploy(`${project}/convex`, second);
  await showPsql(cluster, { url: second.url, key: second.deployKey }, await demoSql("demo_import.sql"));
  await check(client, second);
}

async function check(client, convex) {
  say("The check: every row against its document, field by field, without the extension");
  const { documents, differences } = await compareDocuments(client, convex);
  console.log(`${documents.toLocaleString("en")} documents compared, ${differences.length} differences`);
  for (const difference of differences.slice(0, 10)) console.log(difference);
  if (differences.length > 0) process.exitCode = 1;
}

const started = [];
async function stopAll() {
  // Taken out one by one, so that Ctrl-C during the end stops nothing twice.
  while (started.length > 0) await started.pop().stop();
}
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    interrupted = true;
    console.log("\nCleaning up ...");
    await stopAll();
    process.exit(130);
  });
}
try {
  const sizes = {
    contacts: sizeFrom("DEMO_CONTACTS", 5000),
    conversations: sizeFrom("DEMO_CONVERSATIONS", 10000),
    messages: sizeFrom("DEMO_MESSAGES", 100000),
    notes: sizeFrom("DEMO_NOTES", 2000),
  };
  const latency = sizeFrom("DEMO_LATENCY", 0);
  const cluster = await startCluster();
  started.push(cluster);
  const convex = await startConvex({ latency, instance: "happy-animal-123" });
  started.push(convex);
  await demo(cluster, convex, sizes);
} catch (error) {
  // What an interrupt breaks off is no news.
  if (!interrupted) console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
