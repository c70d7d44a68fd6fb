/**
 * What PostgreSQL executes when a table is read belongs to many roles: the
 * functions of a view and of views in it, what indexes, constraints and extended
 * statistics of a table call when it is planned, the other side of a foreign
 * table. A role that is not trusted gets nothing of it executed by a superuser's
 * run; the owner of the foreign server and the role that runs do.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { errorOf, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** Says who executes it: the intruder must not find anybody else there. */
const SPY = `CREATE FUNCTION app.spy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN IF current_user <> 'intruder' THEN RAISE 'executed as %', current_user; END IF; RETURN 1; END$$;
  CREATE FUNCTION app.outer_spy(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + app.spy(1)';`;

/**
 * A database of the administrator's with a schema app, in which the intruder
 * owns the table t and prepares something; then what the administrator does.
 */
async function prepared(t, { by = "SELECT", admin = "SELECT", schemas = "app" }) {
  const scenario = await openGenerated(t, cluster, {
    sql: `CREATE ROLE intruder LOGIN; CREATE SCHEMA app; GRANT ALL ON SCHEMA app TO intruder;
      CREATE SCHEMA own; CREATE TABLE own.t (id int PRIMARY KEY); INSERT INTO own.t VALUES (1), (2);
      SET ROLE intruder; CREATE TABLE app.t (id int PRIMARY KEY, note text); INSERT INTO app.t VALUES (1, 'x');
      ${SPY} ${by}; RESET ROLE;`,
    options: { schemas },
  });
  t.after(() => scenario.client.query("DROP OWNED BY intruder CASCADE; DROP ROLE intruder"));
  await scenario.client.query(admin);
  await scenario.deployGenerated();
  return scenario;
}

/** The error of each entry point that reads rows. */
async function errorsOf(client) {
  const errors = [];
  for (const name of ["check", "migrate"]) {
    errors.push(await errorOf(client.query(`SELECT * FROM convex_${name}()`)));
  }
  return errors;
}

/** Planning the table, or reading it, would execute the spy. */
const CALLS = [
  ["an index on a constant call", "CREATE INDEX ON app.t ((app.spy(1)))"],
  ["an index on a function with a constant call in it", "CREATE INDEX ON app.t ((app.outer_spy(id)))", "inlined"],
  ["a partial index", "CREATE INDEX ON app.t (note) WHERE app.spy(1) = 1"],
  ["extended statistics", "CREATE STATISTICS app.s ON (app.spy(1)), (id + 1) FROM app.t"],
];

for (const [name, by, inlined] of CALLS) {
  test(`${name}: core executes it, a run does not`, async (t) => {
    const { client } = await prepared(t, { by });
    assert.match((await errorOf(client.query("SELECT * FROM app.t WHERE id + 1 = 2"))).message, /^executed as postgres$/);
    if (inlined) {
      // what is not put in the place of its call has nothing that is constant
      const { rows } = await client.query("SELECT source::text, rows_read, status FROM convex_migrate(tables => '{app.t}')");
      assert.deepEqual(rows[0], { source: "app.t", rows_read: "1", status: "complete" });
      return;
    }
    for (const { code, message, detail, hint } of await errorsOf(client)) {
      assert.equal(message, "function app.spy(integer) belongs to a role that is not trusted");
      assert.equal(code, "42501");
      assert.match(detail, /^What role "intruder" writes into it would run with the rights of role "postgres"\.$/);
      assert.match(hint, /Then ALTER FUNCTION app\.spy\(integer\) OWNER TO a superuser/);
    }
  });
}

const VIEW_OF_VIEW = "CREATE VIEW app.inner_view AS SELECT id, note FROM app.t";

/** What a view that the administrator has made and chosen relies on. */
const BEHIND_VIEWS = [
  ["a function", "SELECT", "SELECT app.spy(id) AS id, note FROM app.t", /^function app\.spy\(integer\) belongs/],
  ["a function in an SQL function", "SELECT", "SELECT app.outer_spy(id) AS id, note FROM app.t", /^function app\.outer_spy\(integer\) belongs/],
  ["a view", VIEW_OF_VIEW, "SELECT id, note FROM app.inner_view", /^view app\.inner_view belongs/],
  ["a view in a sub-select", VIEW_OF_VIEW, "SELECT 1 AS id, (SELECT note FROM app.inner_view) AS note", /^view app\.inner_view belongs/],
];

for (const [name, by, query, refused] of BEHIND_VIEWS) {
  test(`${name} of a role that is not trusted, behind a view of one that is`, async (t) => {
    const { client } = await prepared(t, {
      by, schemas: "own",
      admin: `CREATE VIEW own.v AS ${query};
        INSERT INTO convex_tables (source, key) VALUES ('own.v', '{id}')`,
    });
    for (const { code, message } of await errorsOf(client)) {
      assert.match(message, refused);
      assert.equal(code, "42501");
    }
  });
}

test("a CHECK constraint, where a query with a filter looks whether that contradicts it", async (t) => {
  const { client } = await prepared(t, {
    by: "ALTER TABLE app.t ADD CHECK (app.spy(1) = 1)",
    admin: "INSERT INTO convex_tables (source, filter) VALUES ('app.t', 'id > 0'); SET constraint_exclusion = on",
  });
  assert.equal((await errorOf(client.query("SELECT * FROM app.t WHERE id > 0"))).message, "executed as postgres");
  for (const { message } of await errorsOf(client)) {
    assert.equal(message, "function app.spy(integer) belongs to a role that is not trusted");
  }
});

test("a filter that calls a function of another role; SECURITY DEFINER, C and the owner of the server are trusted", async (t) => {
  const { client } = await prepared(t, {
    by: "CREATE FUNCTION app.mine(int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN $1; END'",
    schemas: "own",
    admin: `INSERT INTO convex_tables (source, filter) VALUES ('own.t', 'app.spy(id) = 1')`,
  });
  for (const { message } of await errorsOf(client)) {
    assert.equal(message, "function app.spy(integer) belongs to a role that is not trusted");
  }
  const sent = async () => {
    const { rows } = await client.query("SELECT rows_read FROM convex_migrate() WHERE source IS NOT NULL");
    return rows;
  };
  await client.query("UPDATE convex_tables SET filter = 'app.mine(id) = 1'");
  assert.deepEqual(await sent(), [{ rows_read: "1" }]);
  await client.query(`CREATE FUNCTION app.compiled(text) RETURNS int LANGUAGE internal STABLE AS 'textlen';
    ALTER FUNCTION app.compiled(text) OWNER TO intruder; UPDATE convex_tables SET filter = 'app.compiled(id::text) = 1'`);
  assert.deepEqual(await sent(), [{ rows_read: "2" }]);
  await client.query("UPDATE convex_tables SET filter = 'app.spy(id) = 1'; CREATE OR REPLACE FUNCTION app.spy(int) RETURNS int LANGUAGE sql AS 'SELECT 1'");
  await client.query("GRANT USAGE ON FOREIGN DATA WRAPPER convex_migrate TO intruder; ALTER SERVER convex OWNER TO intruder");
  assert.deepEqual(await sent(), [{ rows_read: "2" }]);
});

test("whom a run trusts does not change when a filter looks at another server", async (t) => {
  const { client } = await prepared(t, {
    schemas: "own",
    admin: `CREATE SERVER other FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1', schemas 'own');
      GRANT USAGE ON FOREIGN DATA WRAPPER convex_migrate TO intruder; ALTER SERVER other OWNER TO intruder;
      CREATE FUNCTION own.looks() RETURNS bool LANGUAGE plpgsql AS
        $$BEGIN PERFORM FROM public.convex_plan('other'); RETURN true; END$$;
      INSERT INTO convex_tables (source, filter) VALUES ('own.t', 'own.looks() AND app.spy(id) = 1')`,
  });
  for (const { message } of await errorsOf(client)) {
    assert.equal(message, "function app.spy(integer) belongs to a role that is not trusted");
  }
});

/** A loopback: whoever reads the foreign table as a superuser is one on the other side too. */
function loopback({ host, port, database }, { server, table }) {
  return `CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO intruder;
    CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw
      OPTIONS (host '${host}', port '${port}', dbname '${database}');
    CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'postgres', password_required 'false');
    GRANT USAGE ON FOREIGN SERVER other TO intruder; GRANT ALL ON SCHEMA own TO intruder;
    CREATE FOREIGN TABLE own.f (id int, note text) SERVER other OPTIONS (schema_name 'app', table_name 'reader');
    ALTER SERVER other OWNER TO ${server}; ALTER FOREIGN TABLE own.f OWNER TO ${table};
    INSERT INTO convex_tables (source, key) VALUES ('own.f', '{id}');`;
}

/** Who owns what, and what is refused. */
const FAR = [
  ["a foreign table", { server: "postgres", table: "intruder" }, "foreign table own.f"],
  ["a foreign table whose server is", { server: "intruder", table: "postgres" }, 'server "other" of foreign table own.f'],
];

for (const [name, owners, what] of FAR) {
  test(`${name} of a role that is not trusted: reading it would be done by a superuser of the other side`, async (t) => {
    const { client, deployGenerated } = await prepared(t, {
      by: "CREATE VIEW app.reader AS SELECT app.spy(id) AS id, note FROM app.t", schemas: "own",
    });
    await client.query(loopback(client, owners));
    assert.equal((await errorOf(client.query("SELECT * FROM own.f"))).message, "executed as postgres");
    for (const entry of ["plan", "check", "schema", "migrate"]) {
      const { code, message, detail } = await errorOf(client.query(`SELECT * FROM convex_${entry}()`));
      assert.equal(message, `${what} belongs to a role that is not trusted`);
      assert.equal(code, "42501");
      assert.equal(detail, 'What role "intruder" makes of it would be read with the rights and the user mappings of role "postgres".');
    }
    await client.query(`CREATE VIEW own.v AS SELECT id, note FROM own.f; DELETE FROM convex_tables;
      INSERT INTO convex_tables (source, key, exclude) VALUES ('own.v', '{id}', false), ('own.f', '{id}', true)`);
    await deployGenerated();
    for (const { message } of await errorsOf(client)) {
      assert.equal(message, `${what} belongs to a role that is not trusted`);
    }
  });
}

test("a foreign partition of a role that is not trusted", async (t) => {
  const { client } = await prepared(t, {
    schemas: "own",
    admin: "CREATE TABLE own.p (id int, note text) PARTITION BY LIST (id)",
  });
  await client.query(loopback(client, { server: "postgres", table: "postgres" }));
  await client.query(`DELETE FROM convex_tables; ALTER TABLE own.p ATTACH PARTITION own.f FOR VALUES IN (1);
    INSERT INTO convex_tables (source, key) VALUES ('own.p', '{id}'); ALTER FOREIGN TABLE own.f OWNER TO intruder`);
  for (const { message } of await errorsOf(client)) {
    assert.equal(message, "foreign table own.f belongs to a role that is not trusted");
  }
});
