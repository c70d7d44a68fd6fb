/**
 * Other roles rename schemas and put objects of their own in the place of ours
 * while a superuser's run is under way. Nothing of theirs is read, written to
 * or executed.
 *
 * The run is held by a filter that waits for a lock, so that the other session
 * is done before it goes on.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster, until } from "../harness/index.mjs";

const LOCK = 4711;
const sql = `CREATE SCHEMA app;
  CREATE TABLE app.first (id int PRIMARY KEY);
  CREATE TABLE app.second (id int PRIMARY KEY, note text);
  INSERT INTO app.first VALUES (1);
  INSERT INTO app.second VALUES (1, 'right'), (2, repeat('too large', 200000));
  CREATE FUNCTION app.held() RETURNS bool LANGUAGE plpgsql AS
    $$BEGIN
      PERFORM pg_advisory_lock(${LOCK});
      PERFORM pg_advisory_unlock(${LOCK});
      PERFORM FROM pg_catalog.pg_class; -- now the backend knows what others did meanwhile
      RETURN true;
    END$$;
  CREATE ROLE intruder LOGIN;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** A run of a superuser that is held in its first table while the intruder works. */
async function runWhile(t, intrusion) {
  const scenario = await openScenario(t, cluster, {
    functions: insertsInto(["first", "second"]), sql, options: { schemas: "app" },
  });
  const { client, connect, migrate } = scenario;
  t.after(async () => {
    await client.query("DROP OWNED BY intruder CASCADE; DROP ROLE intruder");
  });
  await client.query(`ALTER SCHEMA public OWNER TO intruder; ALTER SCHEMA app OWNER TO intruder;
    GRANT CREATE ON DATABASE ${client.database} TO intruder;
    INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'app.first', 'app.held()')`);
  const holder = await connect();
  await holder.query("SELECT pg_advisory_lock($1)", [LOCK]);
  const report = migrate();
  await until(async () => {
    const { rows } = await holder.query(
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted", [LOCK]);
    return rows.length > 0;
  });
  const intruder = await connect({ user: "intruder" });
  await intruder.query(intrusion);
  await holder.query("SELECT pg_advisory_unlock($1)", [LOCK]);
  return { ...scenario, report: await report, holder };
}

/** A trigger or view that makes the intruder what the one who fires or reads it is. */
const escalation = `CREATE FUNCTION public.escalate() RETURNS int LANGUAGE plpgsql AS
  $$BEGIN EXECUTE 'ALTER ROLE intruder SUPERUSER'; RETURN 1; END$$;
  CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN PERFORM public.escalate(); RETURN NEW; END$$;`;

async function assertNotEscalated(client) {
  const { rows } = await client.query("SELECT rolsuper FROM pg_roles WHERE rolname = 'intruder'");
  assert.deepEqual(rows, [{ rolsuper: false }]);
}

test("a table of another role in the place of the rejects is not written to", async (t) => {
  const { client, report } = await runWhile(t, `
    ALTER SCHEMA public RENAME TO moved;
    CREATE SCHEMA public;
    ${escalation}
    CREATE TABLE public.convex_reject_rows (server name, source regclass, key text, reason text, role regrole, run bigint);
    CREATE TRIGGER fire BEFORE INSERT OR DELETE ON public.convex_reject_rows FOR EACH ROW EXECUTE FUNCTION public.fire();`);
  assert.equal(report.at(-1).failed, 1);
  await assertNotEscalated(client);
  const { rows } = await client.query(
    "SELECT (SELECT count(*)::int FROM public.convex_reject_rows) AS theirs, (SELECT count(*)::int FROM moved.convex_reject_rows) AS ours");
  assert.deepEqual(rows, [{ theirs: 0, ours: 1 }]);
});

test("a relation of another role in the place of a table is not read", async (t) => {
  const { client, report, convex } = await runWhile(t, `
    ${escalation}
    ALTER SCHEMA app RENAME TO blue;
    CREATE SCHEMA app;
    CREATE VIEW app.second AS SELECT public.escalate() AS id, 'wrong' AS note;`);
  assert.equal(report.at(-1).migrated, 2);
  await assertNotEscalated(client);
  const documents = await convex.tableData("second");
  assert.deepEqual(documents.map(({ note }) => note), ["right"]);
});

test("a relation of another role is not taken for a table while a query is prepared", async (t) => {
  const { client, connect, migrateFails } = await openScenario(t, cluster, {
    functions: insertsInto(["first", "second"]), sql, options: { schemas: "app" },
  });
  t.after(() => client.query("DROP OWNED BY intruder CASCADE; DROP ROLE intruder"));
  await client.query(`ALTER SCHEMA app OWNER TO intruder; GRANT CREATE ON DATABASE ${client.database} TO intruder;
    GRANT CREATE ON SCHEMA public TO intruder;
    INSERT INTO convex_tables (server, source, filter) VALUES ('convex', 'app.second', 'true')`);
  const holder = await connect();
  await holder.query("BEGIN; LOCK TABLE app.second");
  const failed = migrateFails();
  await until(async () => (await holder.query("SELECT FROM pg_locks WHERE NOT granted")).rows.length > 0);
  const intruder = await connect({ user: "intruder" });
  await intruder.query(`${escalation}
    ALTER SCHEMA app RENAME TO blue;
    CREATE SCHEMA app;
    CREATE VIEW app.second AS SELECT public.escalate() AS id, 'wrong' AS note;`);
  await holder.query("COMMIT");
  assert.match((await failed).message, /^a query would not use table blue\.second, which was checked$/);
  await assertNotEscalated(client);
});
