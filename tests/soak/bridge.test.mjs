// convex-bridge with 200,000 rows ("make bridge-soak"): all documents right, also when it is interrupted at five points;
// and how long the copy takes beside pg_dump | psql of the same tables.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mustRun, openProject, PASSWORD, startCluster, startHosted, startNarrows } from "../harness/index.mjs";
import { assertAllArrived, MIGRATE, openMigration } from "../hosted/migration.mjs";

let hosted;
before(async () => {
  hosted = await startHosted({ sizes: { contacts: 5000, conversations: 13000, messages: 180_000, notes: 2000 } });
});
after(() => hosted.stop());

test("from nothing to all documents in one command", async (t) => {
  const { convex, environment, mustBridge } = await openMigration(t, hosted);
  const started = Date.now();
  const { stderr } = await mustBridge(MIGRATE, environment);
  t.diagnostic(`${Math.round((Date.now() - started) / 1000)} s`);
  assert.match(stderr, /Copied 20\d,\d{3} rows/);
  assert.ok((await assertAllArrived(hosted, convex)) > 200_000);
});

/** Where it is interrupted: when it has said something, or when so many bytes of a connection have come and no more do. */
const POINTS = {
  "connecting": { said: /Connecting/, signal: "SIGINT" },
  "among the rows": { bytes: 5_000_000, signal: "SIGTERM" },
  "at the last rows": { bytes: 30_000_000, signal: "SIGKILL" },
  "making keys": { said: /Making keys/, signal: "SIGKILL" },
  "moving the rows": { said: /messages: .* migrated/, signal: "SIGINT" },
};

for (const [name, { said, bytes = 1, signal }] of Object.entries(POINTS)) {
  test(`interrupted ${name} and started again`, async (t) => {
    const narrows = await startNarrows(hosted.port, { bytes });
    const { convex, environment, start, mustBridge } = await openMigration(t, hosted, { source: hosted.url("app", { at: narrows.port }) });
    if (said !== undefined) narrows.goOn();
    const running = start(MIGRATE, environment);
    running.child.stdin.end();
    if (said === undefined) await narrows.reached;
    else assert.ok(await running.said(said));
    running.child.kill(signal);
    const { code, signal: endedBy } = await running.ended;
    assert.notEqual(code ?? endedBy, 0);
    narrows.goOn();
    await mustBridge(MIGRATE, environment);
    assert.ok((await assertAllArrived(hosted, convex)) > 200_000);
    await narrows.breakAll();
  });
}

test("the copy beside pg_dump | psql", async (t) => {
  const { stdout: folder } = await mustRun(process.env.PG_CONFIG ?? "pg_config", ["--bindir"]);
  const bin = folder.trim();
  // as PostgreSQL comes
  const beside = await startCluster({ settings: ["fsync = on", "synchronous_commit = on", "full_page_writes = on", "max_wal_size = 1GB"] });
  t.after(() => beside.stop());
  const source = { PGHOST: "localhost", PGPORT: String(hosted.port), PGUSER: "app", PGPASSWORD: PASSWORD, PGSSLMODE: "require", PGDATABASE: "postgres" };
  const seconds = { command: [], copy: [], dump: [] };
  for (let round = 0; round < 3; round++) {
    const project = await openProject();
    let started = Date.now();
    await project.mustBridge(["plan"], { SOURCE_URL: hosted.url("app") });
    seconds.command.push((Date.now() - started) / 1000);
    const { stdout } = await project.mustBridge(["shell"], {}, { input: `\\pset tuples_only\n\\pset format unaligned
      SELECT extract(epoch FROM max(value::timestamptz) FILTER (WHERE name = 'finished') - max(value::timestamptz) FILTER (WHERE name = 'begun'))
        FROM convex_bridge.facts WHERE name IN ('begun', 'finished');` });
    seconds.copy.push(Number(/^[\d.]+$/m.exec(stdout)[0]));
    await project.mustBridge(["drop"]);
    started = Date.now();
    await mustRun("sh", ["-c", `psql -qX -h '${beside.env.PGHOST}' -p 5432 -U postgres -d postgres -c 'CREATE DATABASE round_${round}' &&
      ${bin}/pg_dump -n public -O -x | env -u PGPASSWORD psql -qX -h '${beside.env.PGHOST}' -p 5432 -U postgres -d round_${round} >/dev/null 2>&1`],
      { env: { ...process.env, ...source, PGHOST: "localhost" } });
    seconds.dump.push((Date.now() - started) / 1000);
  }
  const median = (figures) => figures.toSorted((a, b) => a - b)[1];
  const ratio = median(seconds.copy.map((copy, round) => copy / seconds.dump[round]));
  t.diagnostic(`medians of 3: the copy ${median(seconds.copy).toFixed(1)} s (the command, with making a cluster: ` +
    `${median(seconds.command).toFixed(1)} s), pg_dump | psql ${median(seconds.dump).toFixed(1)} s; by turns ${ratio.toFixed(2)} times`);
  assert.ok(ratio <= 1.5);
});
