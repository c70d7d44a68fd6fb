// convex-bridge where the source cannot be copied: a clear error with what to do. (When it is lost later: bridge_phases.test.mjs.)
import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun, openProject, PASSWORD, run, startForwarder, startHosted, temporaryFolder } from "../harness/index.mjs";

/** @type {Awaited<ReturnType<typeof startHosted>>} */
let hosted;
before(async () => {
  hosted = await startHosted({ sizes: { contacts: 100, conversations: 100, messages: 3000, notes: 10 } });
});
after(() => hosted.stop());

/** Runs plan, which must fail before there is a copy. */
async function failsToPlan(environment, args = []) {
  const project = await openProject();
  const { code, stdout, stderr } = await project.bridge(["plan", ...args], environment);
  assert.equal(code, 1, stderr + stdout);
  assert.equal(stdout, "");
  assert.match(stderr, /convex-bridge: error: /);
  assert.ok(!stderr.includes(PASSWORD) && !stderr.includes(encodeURIComponent(PASSWORD)), stderr);
  const status = await project.mustBridge(["status"]);
  assert.match(status.stdout, /^There is (nothing|no complete copy) in /);
  await project.mustBridge(["drop"]);
  assert.deepEqual(readdirSync(project.folder), []);
  return stderr;
}

/** A port of this machine where nobody listens. */
async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const REFUSALS = {
  "no source": { environment: () => ({}), says: /no database is named[^]*export SOURCE_URL=/ },
  "words that are no URL": { environment: () => ({ SOURCE_URL: "mysql://x/y" }), says: /neither a URL nor key=value words/ },
  "the placeholder of a password": {
    environment: () => ({ SOURCE_URL: "postgresql://postgres:[YOUR-PASSWORD]@localhost/postgres" }),
    says: /placeholder of the dashboard/,
  },
  "a wrong password": {
    environment: () => ({ SOURCE_URL: hosted.url("app", { password: "wrong" }) }),
    says: /refuses the password\n.*password authentication failed[^]*%40/,
  },
  "no password": {
    environment: () => ({ SOURCE_URL: hosted.url("app", { password: "" }) }),
    says: /wants a password, and there is none[^]*PGPASSWORD/,
  },
  "no such role": { environment: () => ({ SOURCE_URL: hosted.url("nobody_here") }), says: /refuses the password/ },
  "no such database": {
    environment: () => ({ SOURCE_URL: hosted.url("app", { database: "elsewhere" }) }), says: /has no such database/,
  },
  "no TLS": { environment: () => ({ SOURCE_URL: hosted.url("app", { parameters: "sslmode=disable" }) }), says: /wants TLS[^]*sslmode=require/ },
  "a CA that is not known": {
    environment: () => ({ SOURCE_URL: hosted.url("app", { parameters: "sslmode=verify-full" }) }),
    says: /cannot be verified[^]*PGSSLROOTCERT/,
  },
  "nobody listening": {
    environment: async () => ({ SOURCE_URL: hosted.url("app", { at: await closedPort() }) }), says: /nothing listens at localhost/,
  },
  "Supabase's transaction pooler": {
    environment: () => ({ SOURCE_URL: "postgresql://postgres.abc:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres" }),
    says: /port 6543 .* transaction pooler[^]*port 5432/,
  },
  "Neon's pooler": {
    environment: () => ({ SOURCE_URL: "postgresql://u:x@ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech/neondb" }),
    says: /Neon's transaction pooler[^]*Take "-pooler" out/,
  },
  "a schema that is not there": {
    environment: () => ({ SOURCE_URL: hosted.url("app") }), args: ["--schemas", "public,shop"],
    says: /no such thing at the source[^]*schema shop\n[^]*Schemas with tables there: .*public/,
  },
  "a schema of the provider": {
    environment: () => ({ SOURCE_URL: hosted.url("app") }), args: ["--schemas", "auth"], says: /belongs to the provider[^]*--with auth\.users/,
  },
  "a table that --with is not for": {
    environment: () => ({ SOURCE_URL: hosted.url("app") }), args: ["--with", "public.contacts"], says: /--with is for tables of a provider's schema/,
  },
  "row-level security": {
    environment: () => ({ SOURCE_URL: hosted.url("reader") }),
    says: /row-level security would hide rows[^]*public\.contacts, public\.profiles[^]*ALTER ROLE reader BYPASSRLS/,
  },
};

for (const [name, { environment, args, says }] of Object.entries(REFUSALS)) {
  test(`${name}: an error that says what to do`, async () => {
    assert.match(await failsToPlan(await environment(), args), says);
  });
}

test("tables that the role may not read: all of them, with the GRANTs; SELECT is enough then", async (t) => {
  const { administrator } = hosted;
  await administrator.query("ALTER ROLE reader BYPASSRLS; REVOKE SELECT ON public.contacts, public.messages FROM reader");
  t.after(() => administrator.query("ALTER ROLE reader NOBYPASSRLS; GRANT SELECT ON public.contacts, public.messages TO reader"));
  const said = await failsToPlan({ SOURCE_URL: hosted.url("reader") });
  const grants = [...said.matchAll(/^ *(GRANT .*;)$/gm)].map(([, grant]) => grant);
  assert.deepEqual(grants, ["GRANT SELECT ON public.contacts TO reader;", "GRANT SELECT ON public.messages TO reader;"]);
  await administrator.query(grants.join(" "));
  const project = await openProject();
  const { stdout } = await project.mustBridge(["plan"], { SOURCE_URL: hosted.url("reader") });
  assert.match(stdout, /public\.messages -> messages/);
  // what is nobody's table but the provider's may be closed to it: that is no error, and told
  const left = await project.mustBridge(["shell"], {}, { input: "SELECT kind, definition FROM convex_left_behind() WHERE object = 'unknown';" });
  assert.match(left.stdout, /bucket +\| the role may not read storage\.buckets[^]*cron_job +\| the role may not read cron\.job/);
  await project.mustBridge(["drop"]);
});

test("limits of the source on statements do not end the copy", async (t) => {
  await hosted.administrator.query("ALTER ROLE app SET statement_timeout = '1ms'; ALTER ROLE app SET idle_in_transaction_session_timeout = '100ms'");
  t.after(() => hosted.administrator.query("ALTER ROLE app RESET ALL"));
  const project = await openProject();
  // only the first statement of each session has the limit
  const { code, stderr } = await project.bridge(["plan"], { SOURCE_URL: hosted.url("app") });
  assert.ok(code === 0 || /ended a statement that took too long/.test(stderr), stderr);
  await project.mustBridge(["drop"]);
});

test("a password from PGPASSWORD, a service file and ~/.pgpass", async () => {
  for (const place of ["PGPASSWORD", "service", "pgpass"]) {
    const project = await openProject();
    let environment = { SOURCE_URL: `host=localhost port=${hosted.port} user=app dbname=postgres sslmode=require` };
    if (place === "PGPASSWORD") environment.PGPASSWORD = PASSWORD;
    if (place === "service") {
      writeFileSync(`${project.folder}/services`,
        `[hosted]\nhost=localhost\nport=${hosted.port}\nuser=app\ndbname=postgres\npassword=${PASSWORD}\nsslmode=require\n`);
      environment = { PGSERVICEFILE: `${project.folder}/services`, PGSERVICE: "hosted" };
    }
    if (place === "pgpass") {
      const file = `${project.folder}/.pgpass`;
      writeFileSync(file, `localhost:${hosted.port}:postgres:app:${PASSWORD.replace(/[\\:]/g, "\\$&")}\n`);
      chmodSync(file, 0o600);
      environment.PGPASSFILE = file;
    }
    const { stdout } = await project.mustBridge(["plan", "--leave-out", "public.messages"], environment);
    assert.match(stdout, /public\.contacts -> contacts/, place);
    await project.mustBridge(["drop"]);
  }
});

test("a source that takes connections and never answers", async () => {
  const silent = await startForwarder(null);
  const said = await failsToPlan({ SOURCE_URL: hosted.url("app", { at: new URL(silent.url).port }), PGCONNECT_TIMEOUT: "2" });
  assert.match(said, /does not answer|connection to the source was lost/);
  await silent.refuse();
});

test("not enough disk", async () => {
  const folder = temporaryFolder("convex-bridge-df");
  writeFileSync(`${folder}/df`, "#!/bin/sh\necho Filesystem\necho '/dev/x 1000 900 100 90% /'\n");
  chmodSync(`${folder}/df`, 0o755);
  const said = await failsToPlan({ SOURCE_URL: hosted.url("app"), PATH: `${folder}:${process.env.PATH}` });
  assert.match(said, /not enough disk[^]*100 kB are free[^]*--leave-out/);
});

test("a transaction pooler that looks like a server", async (t) => {
  const pgbouncer = (await run("sh", ["-c", "PATH=$PATH:/usr/sbin command -v pgbouncer"])).stdout.trim();
  if (pgbouncer === "") return t.skip("there is no pgbouncer");
  const folder = temporaryFolder("convex-pgbouncer");
  chmodSync(folder, 0o755);
  const port = await closedPort();
  writeFileSync(`${folder}/users`, `"app" "${PASSWORD}"\n`);
  writeFileSync(`${folder}/pgbouncer.ini`, `[databases]
postgres = host=localhost port=${hosted.port} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = scram-sha-256
auth_file = ${folder}/users
pool_mode = transaction
server_tls_sslmode = require
unix_socket_dir =
logfile = ${folder}/log
pidfile = ${folder}/pid
`);
  if (process.getuid() === 0) await mustRun("chown", ["-R", "nobody", folder]);
  await mustRun(pgbouncer, ["-q", "-d", ...(process.getuid() === 0 ? ["-u", "nobody"] : []), `${folder}/pgbouncer.ini`]);
  t.after(() => run("sh", ["-c", `kill $(cat ${folder}/pid)`]));
  const said = await failsToPlan({ SOURCE_URL: hosted.url("app", { at: port, parameters: "sslmode=disable" }) });
  assert.match(said, /a transaction pooler is between here and the database[^]*session pooler/);
});

test("the folder is somebody else's", async () => {
  const project = await openProject();
  writeFileSync(`${project.folder}/mine`, "");
  const { code, stderr } = await project.bridge(["plan", "--dir", project.folder], { SOURCE_URL: hosted.url("app") });
  assert.equal(code, 1);
  assert.match(stderr, /is in use/);
  const dropped = await project.bridge(["drop", "--dir", project.folder]);
  assert.match(dropped.stderr, /was not made by convex-bridge/);
  assert.ok(existsSync(`${project.folder}/mine`));
});

test("what is no option, and no command", async () => {
  const project = await openProject();
  for (const args of [["plan", "--tables", "x"], ["explode"], ["plan", "check"], ["plan", "--jobs", "many"], ["plan", "--schemas"]])
    assert.equal((await project.bridge(args, {})).code, 1, args.join(" "));
  assert.match((await project.bridge([], {})).stdout, /convex-bridge COMMAND/);
});

/** What providers say (or libpq, of hosts that are not reachable here), and what is made of it. */
const WORDS = {
  'psql: error: could not translate host name "db.abc.supabase.co" to address: Name or service not known': /not known[^]*paused or deleted/,
  'connection to server at "db.abc.supabase.co" (2a05:d014:1c06:5f0c::1), port 5432 failed: Network is unreachable': /IPv6 address only[^]*session pooler/,
  'connection to server at "1.2.3.4", port 5432 failed: Connection timed out': /does not answer[^]*security group/,
  'FATAL:  Tenant or user not found': /pooler does not know this user[^]*postgres\.PROJECT[^]*paused/,
  'FATAL:  unsupported startup parameter: options': /pgbouncer is between/,
  'ERROR:  Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support': /options=endpoint%3D/,
  'FATAL:  MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size': /no connection left[^]*--jobs 1/,
  'FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute': /no connection left/,
  'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", no encryption': /wants TLS/,
  'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", SSL encryption': /does not let this user in/,
  'server certificate for "x.rds.amazonaws.com" does not match host name "10.0.0.1"': /for another host/,
  'ERROR:  canceling statement due to statement timeout': /took too long/,
  'ERROR:  canceling statement due to lock timeout': /locked for longer/,
  'ERROR:  canceling statement due to conflict with recovery': /replica ended the copy/,
  'FATAL:  terminating connection due to administrator command\nserver closed the connection unexpectedly': /connection to the source was lost/,
  'ERROR:  permission denied for table x': /may not read something[^]*GRANT/,
  'something that nobody has thought of': /cannot be read\n *something that nobody/,
};

test("words of providers", async () => {
  const bridge = fileURLToPath(new URL("../../bridge", import.meta.url));
  const folder = temporaryFolder("convex-bridge-words");
  for (const [words, says] of Object.entries(WORDS)) {
    writeFileSync(`${folder}/errors`, `${words}\n`);
    const host = words.includes("supabase.co") ? "db.abc.supabase.co" : "db.example.com";
    const { code, stderr } = await run("sh", ["-euc", `
      . "$0/say.sh"; . "$0/source.sh"; . "$0/source_failure.sh"
      source_env="PGHOST=${host}; export PGHOST"
      source_failure '${folder}/errors'`, bridge]);
    assert.equal(code, 1);
    assert.match(stderr, says, words);
  }
});

test("a source that has answered, and cannot be reached any more", async () => {
  const bridge = fileURLToPath(new URL("../../bridge", import.meta.url));
  const folder = temporaryFolder("convex-bridge-words");
  for (const words of ["Connection refused", "timeout expired", "Network is unreachable", 'could not translate host name "db.example.com"']) {
    writeFileSync(`${folder}/errors`, `connection to server at "db.example.com" (1.2.3.4), port 5432 failed: ${words}\n`);
    const { code, stderr } = await run("sh", ["-euc", `
      . "$0/say.sh"; . "$0/source.sh"; . "$0/source_failure.sh"
      source_env="PGHOST=db.example.com; export PGHOST"
      source_version=150000
      source_failure '${folder}/errors'`, bridge]);
    assert.equal(code, 1);
    assert.match(stderr, /connection to the source was lost[^]*Run the same command again/, words);
  }
});
