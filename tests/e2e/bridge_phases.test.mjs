// convex-bridge whose source is gone, silent or slow, in each phase after connecting: an error that says what to do and
// nothing half-done that stays; what is only slow is waited for. (Connecting: bridge_errors.test.mjs.)
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openProject, startHosted, startNarrows } from "../harness/index.mjs";
import { assertAllArrived, MIGRATE, openMigration } from "../hosted/migration.mjs";

/** @type {Awaited<ReturnType<typeof startHosted>>} */
let hosted;
before(async () => {
  hosted = await startHosted({ sizes: { contacts: 100, conversations: 100, messages: 3000, notes: 10 } });
});
after(() => hosted.stop());

/** The OID of the first database that is made after initdb. */
const FIRST_OWN = 16384;

/** The command failed with these words, and there is neither a copy nor a part of one. */
async function assertFailed(project, { code, stdout, stderr }, says) {
  assert.equal(code, 1, stderr + stdout);
  assert.match(stderr, says);
  assert.match((await project.mustBridge(["status"])).stdout, /^There is (nothing|no complete copy) in /);
  const databases = `${project.folder}/convex-bridge/data/base`;
  if (existsSync(databases)) assert.deepEqual(readdirSync(databases).filter((name) => Number(name) >= FIRST_OWN), []);
}

/** Locks a table at the source, so that the phase that needs it stands still. */
async function hold(t, table) {
  const client = await hosted.cluster.connect();
  t.after(() => client.end());
  await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  const ask = async (query) => (await hosted.administrator.query(query)).rows;
  return {
    release: () => client.query("COMMIT"),
    /** Resolves when a command waits for the table. */
    async waitedFor(running) {
      let ended = false;
      running.ended.then(() => (ended = true));
      while ((await ask("SELECT FROM pg_stat_activity WHERE application_name = 'convex-bridge' AND wait_event_type = 'Lock'")).length === 0) {
        if (ended) assert.fail((await running.ended).stderr);
        await sleep(20);
      }
    },
    /** The server does not notice that somebody who waits for a lock is gone. */
    async endSessions() {
      while ((await ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'convex-bridge'")).length > 0) await sleep(20);
    },
  };
}

async function openProjectOf(t) {
  const project = await openProject();
  t.after(() => project.mustBridge(["drop"]));
  return project;
}

/** Seconds of silence that are borne: more than a machine on which everything is slow takes for an answer. */
const PATIENCE = 10;

const silence = new RegExp(`nothing has come from the source for ${PATIENCE} s[^]*--patience N waits longer`);

/** What each phase needs at the source, and no phase before it. */
const PHASES = { "listing the tables": "public.contacts", "reading definitions": "pg_catalog.pg_publication" };

for (const [phase, table] of Object.entries(PHASES)) {
  test(`${phase}: a source that is gone, silent, slow`, async (t) => {
    const project = await openProjectOf(t);
    const lock = await hold(t, table);
    const narrows = await startNarrows(hosted.port, { bytes: Infinity });
    const gone = project.start(["plan"], { SOURCE_URL: hosted.url("app", { at: narrows.port }) });
    await lock.waitedFor(gone);
    await narrows.breakAll();
    await assertFailed(project, await gone.ended, /the connection to the source was lost[^]*Run the same command again/);
    await lock.endSessions();

    const silent = await project.bridge(["plan", "--patience", String(PATIENCE)], { SOURCE_URL: hosted.url("app") });
    await assertFailed(project, silent, silence);
    await lock.endSessions();

    const slow = project.start(["plan"], { SOURCE_URL: hosted.url("app") });
    await lock.waitedFor(slow);
    await lock.release();
    const { code, stdout, stderr } = await slow.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /public\.messages -> messages/);
  });
}

test("copying rows: a source that is gone, silent, slow", async (t) => {
  const project = await openProjectOf(t);
  for (const says of [/the connection to the source was lost[^]*Run the same command again/, silence, null]) {
    const narrows = await startNarrows(hosted.port, { bytes: 200_000 });
    const silent = says === silence;
    const running = project.start(["plan", ...(silent ? ["--patience", String(PATIENCE)] : [])], { SOURCE_URL: hosted.url("app", { at: narrows.port }) });
    // one that is ended before, as everything here is slow, must not be waited for
    await Promise.race([narrows.reached, running.ended]);
    if (says === null) narrows.goOn();
    else if (!silent) await narrows.breakAll();
    if (says !== null) await assertFailed(project, await running.ended, says);
    else assert.equal((await running.ended).code, 0);
    if (silent || says === null) await narrows.breakAll();
  }
});

test("interrupted by a signal: nothing half-done stays", async (t) => {
  const project = await openProjectOf(t);
  const lock = await hold(t, "pg_catalog.pg_publication");
  const running = project.start(["plan"], { SOURCE_URL: hosted.url("app") });
  await lock.waitedFor(running);
  running.child.kill("SIGTERM");
  const ended = await running.ended;
  assert.equal(ended.code, 143);
  await assertFailed(project, { ...ended, code: 1 }, /^/);
  await lock.release();
});

test("keys, indexes and the migration need no source any more", async (t) => {
  const narrows = await startNarrows(hosted.port, { bytes: Infinity });
  const { convex, environment, start } = await openMigration(t, hosted, { source: hosted.url("app", { at: narrows.port }) });
  const running = start(MIGRATE, environment);
  running.child.stdin.end();
  assert.ok(await running.said(/Making keys/));
  await narrows.breakAll();
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, stderr + stdout);
  assert.ok((await assertAllArrived(hosted, convex)) > 3000);
});

test("a refresh that fails leaves the earlier copy as it was", async (t) => {
  const project = await openProjectOf(t);
  await project.mustBridge(["plan"], { SOURCE_URL: hosted.url("app") });
  const lock = await hold(t, "public.contacts");
  const { code, stderr } = await project.bridge(["plan", "--refresh", "--patience", "2"], { SOURCE_URL: hosted.url("app") });
  assert.equal(code, 1);
  assert.match(stderr, /nothing has come/);
  await lock.release();
  assert.match((await project.mustBridge(["plan"], {})).stdout, /public\.messages -> messages/);
});
