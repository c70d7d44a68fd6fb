// convex-bridge from a hosted database to all documents: in one command, interrupted, refreshed; the password nowhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compareDocuments, PASSWORD, startHosted, startNarrows } from "../harness/index.mjs";
import { assertAllArrived, EXPECTED, MIGRATE, openMigration } from "../hosted/migration.mjs";

/** @type {Awaited<ReturnType<typeof startHosted>>} */
let hosted;
before(async () => {
  hosted = await startHosted({ sizes: { contacts: 300, conversations: 600, messages: 8000, notes: 200 } });
  await hosted.administrator.query("SET search_path = pg_catalog");
});
after(() => hosted.stop());

const open = (t, options) => openMigration(t, hosted, options);

/** Processes whose command line has the text. */
function commandLinesWith(text) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      return line.includes(text) ? [line] : [];
    } catch {
      return [];
    }
  });
}

test("from nothing to all documents in one command; the password and the key nowhere", async (t) => {
  const { convex, environment, start, folder } = await open(t);
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD), convex.deployKey];
  const running = start(MIGRATE, {
    ...environment, PGSSLROOTCERT: hosted.certificate, SOURCE_URL: hosted.url("app", { parameters: "sslmode=verify-full" }),
  });
  running.child.stdin.end();
  const seen = [];
  let samples = 0;
  let done = false;
  running.ended.then(() => (done = true));
  while (!done) {
    for (const secret of secrets) seen.push(...commandLinesWith(secret));
    samples += 1;
    await sleep(5);
  }
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, stderr + stdout);
  assert.deepEqual(seen, []);
  assert.ok(samples > 20);
  assert.ok((await assertAllArrived(hosted, convex)) > 8000);
  assert.match(stderr, /public\.places is not copied: column at is of type geo\.spot, and extension faraway is not installed here\n.*postgresql-\d+-faraway.*--leave-out public\.places\.at/);
  assert.match(stderr, /Wrote convex\/schema\.ts\.\nWrote convex\/migrate\.ts\./);
  const copy = readFileSync(`${folder}/convex/schema.ts`, "utf8");
  assert.match(copy, /Who they are\./);
  for (const secret of secrets) {
    assert.ok(!(stdout + stderr + copy).includes(secret));
    assert.throws(() => execFileSync("grep", ["-rlFa", "-e", secret, `${folder}/convex-bridge`], { stdio: "pipe" }), { status: 1 });
    assert.throws(() => execFileSync("grep", ["-lFa", "-e", secret, `${hosted.cluster.directory}/log`], { stdio: "pipe" }), { status: 1 });
  }
  assert.deepEqual(readdirSync("/tmp").filter((name) => name.startsWith(`convex-bridge-work.${running.child.pid}.`)), []);
});

test("a column that is left out, and a later command uses the copy without the source", async (t) => {
  const { mustBridge, bridge, environment, convex } = await open(t);
  await mustBridge(["plan", "--leave-out", "public.places.at,public.contacts"], environment);
  const { SOURCE_URL, ...withoutSource } = environment;
  const { stdout } = await mustBridge(["plan"], withoutSource);
  assert.match(stdout, /public\.places -> places/);
  assert.doesNotMatch(stdout, /public\.contacts ->/);
  // what refers to a table that is not there keeps its values
  await mustBridge(MIGRATE, environment);
  const { differences } = await compareDocuments(hosted.administrator, convex, {
    ...EXPECTED, excluded: ["public.contacts", "public.parcels"], fields: { ...EXPECTED.fields, "public.places": { at: null } },
  });
  assert.deepEqual(differences.slice(0, 5), []);
  const other = await bridge(["plan", "--schemas", "kinds"], environment);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /was made with other tables[^]*--refresh/);
});

test("generate leaves edited files alone, unless it is forced", async (t) => {
  const { mustBridge, bridge, environment, folder } = await open(t);
  const file = `${folder}/convex/schema.ts`;
  await mustBridge(["generate"], environment);
  const text = readFileSync(file, "utf8");
  assert.match((await mustBridge(["generate"], environment)).stderr, /schema\.ts is as it should be/);
  writeFileSync(file, `${text}// mine\n`);
  const refused = await bridge(["generate"], environment);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /left as it is[^]*^-\/\/ mine$/m);
  assert.equal(readFileSync(file, "utf8"), `${text}// mine\n`);
  await mustBridge(["generate", "--force"], environment);
  assert.equal(readFileSync(file, "utf8"), text);
  // what it wrote itself, and nobody edited, it may write anew
  await mustBridge(["shell"], environment, { input: "ALTER SERVER convex OPTIONS (ADD key_field 'oldId');" });
  await mustBridge(["generate"], environment);
  assert.match(readFileSync(file, "utf8"), /oldId/);
});

test("--refresh copies again, as before, and keeps the choices made in the copy", async (t) => {
  const { mustBridge, environment, convex } = await open(t);
  await mustBridge(["shell", "--leave-out", "public.contact_notes"], environment, { input: `
    INSERT INTO convex_tables (server, source, target) VALUES ('convex', 'visits', 'stays');
    INSERT INTO convex_columns (server, source, source_column, exclude) VALUES ('convex', 'profiles', 'home_page', true);
    ALTER SERVER convex OPTIONS (ADD batch_rows '50');` });
  await hosted.administrator.query("INSERT INTO public.visits VALUES (99, 1)");
  t.after(() => hosted.administrator.query("DELETE FROM public.visits WHERE id = 99"));
  const { stderr } = await mustBridge([...MIGRATE, "--refresh"], environment);
  assert.match(stderr, /Copied/);
  const { differences } = await compareDocuments(hosted.administrator, convex, {
    ...EXPECTED, excluded: [...EXPECTED.excluded, "public.contact_notes"],
    targets: { ...EXPECTED.targets, "public.visits": "stays" },
    fields: { ...EXPECTED.fields, "public.profiles": { home_page: null } },
  });
  assert.deepEqual(differences.slice(0, 5), []);
  const { stdout } = await mustBridge(["shell"], environment, { input: "\\des+" });
  assert.match(stdout, /batch_rows '50'/);
});

test("auth.users by opting in: references, and no secret leaves the source", async (t) => {
  const { mustBridge, environment, convex, folder } = await open(t);
  const args = ["--with", "auth.users,storage.objects", "--leave-out", "public.messages"];
  await mustBridge([...MIGRATE, ...args], environment);
  const { differences } = await compareDocuments(hosted.administrator, convex, {
    ...EXPECTED, schemas: ["public", "auth", "storage"],
    excluded: [...EXPECTED.excluded, "public.messages", "auth.sessions", "storage.buckets"],
    fields: { ...EXPECTED.fields, "auth.users": Object.fromEntries(["encrypted_password", "confirmation_token", "recovery_token",
      "email_change_token_new", "reauthentication_token", "phone_change_token"].map((column) => [column, null])) },
  });
  assert.deepEqual(differences.slice(0, 5), []);
  const [user] = await convex.tableData("users");
  assert.match(user.email, /@/);
  assert.equal((await convex.tableData("workspaces"))[0].owner_id, (await convex.tableData("users")).find(({ email }) => email === "user1@example.com")._id);
  assert.throws(() => execFileSync("grep", ["-rlFa", "-e", "SECRET-", `${folder}/convex-bridge`], { stdio: "pipe" }), { status: 1 });
  // a secret that is named is the user's own wish
  await mustBridge(["plan", ...args, "--with", "auth.users.recovery_token", "--refresh"], environment);
  const { stdout } = await mustBridge(["shell"], environment, { input: "SELECT convex_document(u) FROM auth.users u LIMIT 1" });
  assert.match(stdout, /"recovery_token":"SECRET-/);
  assert.doesNotMatch(stdout, /encrypted_password/);
});

test("what stays behind: a checklist, comments in the schema, and kept when it is ticked off", async (t) => {
  const { mustBridge, environment, folder } = await open(t);
  const { stderr } = await mustBridge(["generate", "--with", "auth.users", "--leave-out", "public.contact_notes,public.profiles.price"], environment);
  assert.match(stderr, /Stays behind: .*\b3 policy\b/);
  assert.match(stderr, /^public\.parcels is not copied: it is a foreign table \(SERVER warehouse\)$/m);
  assert.match(stderr, /^auth\.users is copied without its secrets: confirmation_token, .*\n    to copy one: --with auth\.users\.confirmation_token$/m);
  assert.match(stderr, /^Schemas that were not named: billing \(1 table\)$/m);
  const file = `${folder}/convex-left-behind.md`;
  const checklist = readFileSync(file, "utf8");
  for (const line of ["- [ ] `contacts`: `members see contacts`\n  `FOR SELECT TO authenticated USING (public.is_member(workspace_id))`",
    "- [ ] `contacts`: `contacts_touch`", "- [ ] `public.is_member(workspace uuid)`", "- [ ] `public.open_conversations`",
    "- [ ] `profiles`: `price_with_tax`", "- [ ] `avatars`", "- [ ] `messages`: `supabase_realtime`", "- [ ] `visits`: `public.places`\n  `FOREIGN KEY (place_id) REFERENCES public.places(id)`",
    "- [ ] `public.places`\n  `column at is of type geo.spot, and extension faraway is not installed here`",
    "- [ ] `public.contact_notes`\n  `left out by --leave-out`", "- [ ] `profiles`: `price`\n  `left out by --leave-out`",
    "- [ ] `auth.users`: `recovery_token`\n  `a secret`", "- [ ] `public.parcels`\n  `SERVER warehouse`", "- [ ] `billing`\n  `1 table`",
    "- [ ] `nightly`\n  `0 3 * * *`", "- [ ] `visits`: `keep`",
    "- [ ] `app`\n  `ALL (owner) on 10 tables, SELECT on 1 table`", "- [ ] `events`: `id`\n  `GENERATED BY DEFAULT AS IDENTITY`"])
    assert.ok(checklist.includes(`${line}\n`), `${line}\nis not in\n${checklist}`);
  // neither what a job does, nor those of other databases; no rule of a column that is not there
  assert.doesNotMatch(checklist, /secret_of_the_job|0 4 \* \* \*|`profiles`: `price`\n  `5`/);
  const { rows: [{ version }] } = await hosted.administrator.query("SELECT current_setting('server_version_num')::int AS version");
  if (version >= 150000) assert.match(checklist, /- \[ \] `events`: `whole`\n/);
  const schema = readFileSync(`${folder}/convex/schema.ts`, "utf8");
  // conditions of indexes as they are at the source
  assert.match(schema, /contacts_email_idx \(partial: email WHERE \(email IS NOT NULL\)\)/);
  assert.match(schema, /Policy "own profile" in Postgres: FOR ALL TO PUBLIC USING \(\(auth\.uid\(\) = id\)\)\./);
  const { stdout: found } = await mustBridge(["check"], environment);
  assert.match(found, /^info: renamed in "Odd ""names"""\."a b"\n    Column "a b" becomes field "a_b"\.$/m);
  assert.match(found, /^info: secret_left_out in auth\.users\.recovery_token\n    .* by naming it in --with\.$/m);
  assert.match(found, /^info: not_copied in public\.places: column at is of type geo\.spot/m);
  writeFileSync(file, checklist.replace("- [ ]", "- [x]"));
  await mustBridge(["generate"], environment);
  assert.match(readFileSync(file, "utf8"), /- \[x\]/);
});

test("interrupted among the rows and started again", async (t) => {
  const narrows = await startNarrows(hosted.port, { bytes: 200_000 });
  const { convex, environment, start, mustBridge } = await open(t, { source: hosted.url("app", { at: narrows.port }) });
  const running = start(MIGRATE, environment);
  running.child.stdin.end();
  await narrows.reached;
  running.child.kill("SIGKILL");
  await running.ended;
  narrows.goOn();
  await mustBridge(MIGRATE, environment);
  assert.ok((await assertAllArrived(hosted, convex)) > 8000);
  await narrows.breakAll();
});

test("interrupted when all rows are there: it goes on with keys and indexes", async (t) => {
  const { environment, start, mustBridge } = await open(t);
  const running = start(["plan"], environment);
  assert.ok(await running.said(/Making keys/));
  running.child.kill("SIGKILL");
  await running.ended;
  const { stderr, stdout } = await mustBridge(["plan"], environment);
  assert.match(stderr, /All rows are here from an interrupted copy|^$/);
  assert.match(stdout, /public\.messages -> messages/);
});
