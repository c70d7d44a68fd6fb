/**
 * The query of a view runs with the rights of who reads it. A role that is not
 * trusted puts one in the place of a table, or writes into one that is
 * migrated: the run of a superuser is an ERROR, and executes nothing of theirs.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { errorOf, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

const REFUSED = /^view app\.t belongs to a role that is not trusted$/;

/** A schema of the intruder's, whose table is called t; then what the administrator chose, then what the intruder does. */
async function afterIntrusion(t, { choice = "SELECT", intrusion, version }) {
  const scenario = await openGenerated(t, cluster, {
    sql: `CREATE ROLE intruder LOGIN; CREATE SCHEMA app AUTHORIZATION intruder;
      SET ROLE intruder; CREATE TABLE app.t (id int, note text); RESET ROLE;`,
    options: { schemas: "app" },
  });
  const { client, connect } = scenario;
  t.after(() => client.query("DROP OWNED BY intruder CASCADE; DROP ROLE intruder"));
  const { rows: [{ server_version_num }] } = await client.query("SHOW server_version_num");
  if (server_version_num >= version) return t.skip("a table does not become a view any more");
  await client.query(choice);
  const intruder = await connect({ user: "intruder" });
  await intruder.query(`CREATE FUNCTION app.escalate() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'ALTER ROLE intruder SUPERUSER'; RETURN 1; EXCEPTION WHEN insufficient_privilege THEN RETURN 1; END$$;`);
  await intruder.query(intrusion);
  return scenario;
}

/** Each entry point refuses the view, and the intruder is what it was. */
async function assertRefused(client, parameters = "") {
  for (const name of ["plan", "check", "schema", "migrate"]) {
    const { code, message, detail, hint } = await errorOf(client.query(`SELECT * FROM convex_${name}(${parameters})`));
    assert.match(message, REFUSED);
    assert.equal(code, "42501");
    assert.match(detail, /^What role "intruder" writes into it would run with the rights of role /);
    assert.match(hint, /ALTER VIEW app\.t OWNER TO/);
  }
  const { rows } = await client.query("SELECT rolsuper FROM pg_roles WHERE rolname = 'intruder'");
  assert.deepEqual(rows, [{ rolsuper: false }]);
}

const VIEW = "SELECT app.escalate() AS id, 'x'::text AS note";

test("a table with a row of convex_tables, made into a view of the same OID", async (t) => {
  const scenario = await afterIntrusion(t, {
    version: 160000,
    choice: "INSERT INTO convex_tables (source, target) VALUES ('app.t', 'things')",
    intrusion: `CREATE RULE "_RETURN" AS ON SELECT TO app.t DO INSTEAD ${VIEW}`,
  });
  if (scenario) await assertRefused(scenario.client);
});

test("a table that a call names, dropped for a view", async (t) => {
  const { client } = await afterIntrusion(t, { intrusion: `DROP TABLE app.t; CREATE VIEW app.t AS ${VIEW}` });
  await assertRefused(client, "tables => '{app.t}'");
});

test("a view that was chosen, and written again by its owner; with a trusted owner it is read", async (t) => {
  const { client, connect } = await afterIntrusion(t, {
    intrusion: "DROP TABLE app.t; CREATE VIEW app.t AS SELECT 1 AS id, 'x'::text AS note",
  });
  await client.query("INSERT INTO convex_tables (source, key) VALUES ('app.t', '{id}')");
  const intruder = await connect({ user: "intruder" });
  await intruder.query(`CREATE OR REPLACE VIEW app.t AS ${VIEW}`);
  await assertRefused(client);
  await intruder.query("CREATE OR REPLACE VIEW app.t AS SELECT 1 AS id, 'x'::text AS note");
  await client.query("ALTER VIEW app.t OWNER TO CURRENT_USER");
  const { rows } = await client.query("SELECT source::text, kind FROM convex_plan()");
  assert.deepEqual(rows, [{ source: "app.t", kind: "view" }]);
});
