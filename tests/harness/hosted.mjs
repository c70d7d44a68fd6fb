/**
 * A database as a provider hosts it: reached by TCP, with a password and TLS,
 * by roles that are no superusers; Supabase's schemas in it, policies, triggers
 * and a type of an extension that is nowhere else (tests/hosted).
 *
 *   const hosted = await startHosted({ sizes: { messages: 1000 } });
 *   hosted.url("app");           // postgresql://app:…@localhost:…/postgres?sslmode=…
 *   await hosted.administrator;  // a client that may do anything
 *   await hosted.stop();
 */
import { chmodSync, copyFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { startCluster } from "./cluster.mjs";
import { loadMessaging } from "./database.mjs";
import { mustRun, temporaryFolder } from "./process.mjs";

const files = fileURLToPath(new URL("../hosted/", import.meta.url));

/** Of both roles; what a URL must write otherwise is in it, and what nobody writes by chance. */
export const PASSWORD = "s3cret/pass@word:100%'\\&";

/** Only with TLS and a password from outside. */
const HBA = `
local all postgres trust
hostnossl all all all reject
hostssl all all all scram-sha-256
`;

/**
 * @param {{ sizes?: Record<string, number>, database?: string }} [options] rows of the messaging example
 */
export async function startHosted({ sizes = {} } = {}) {
  const folder = temporaryFolder("convex-hosted");
  await makeCertificates(folder);
  writeFileSync(`${folder}/pg_hba.conf`, HBA);
  chmodSync(folder, 0o755);
  const port = await freePort();
  const cluster = await startCluster({ port, settings: [
    "listen_addresses = 'localhost'", "password_encryption = 'scram-sha-256'", `hba_file = '${folder}/pg_hba.conf'`,
    "ssl = on", `ssl_cert_file = '${folder}/server.crt'`, `ssl_key_file = '${folder}/server.key'`,
  ] });
  const administrator = await cluster.connect();
  await administrator.query(`
    CREATE ROLE app LOGIN PASSWORD '${PASSWORD.replaceAll("'", "''")}';
    CREATE ROLE reader LOGIN PASSWORD '${PASSWORD.replaceAll("'", "''")}'`);
  await createFaraway(administrator);
  await loadMessaging(cluster, { sizes });
  const made = await cluster.psql(["-q", "-f", `${files}supabase.sql`]);
  if (made.code !== 0) throw new Error(made.stderr);
  return {
    cluster, administrator, port, folder,
    certificate: `${folder}/ca.crt`,
    /** The URL of a role, with further parameters and another port where a test stands between. */
    url: (role, { password = PASSWORD, parameters = "sslmode=require", at = port, database = "postgres" } = {}) =>
      `postgresql://${role}${password === "" ? "" : `:${encodeURIComponent(password)}`}@localhost:${at}/${database}?${parameters}`,
    stop: () => cluster.stop(),
  };
}

/** A CA, and a certificate of it for localhost, whose key the server's user can read. */
async function makeCertificates(folder) {
  const openssl = (...args) => mustRun("openssl", args, { cwd: folder });
  await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA",
    "-keyout", "ca.key", "-out", "ca.crt");
  await openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr");
  await openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
    "-out", "server.crt");
  // owned by root it may be read by the group that the server is in; as any other user it is its own
  if (process.getuid() === 0) await mustRun("sh", ["-c", "chown postgres server.key 2>/dev/null || chown nobody server.key"], { cwd: folder });
  chmodSync(`${folder}/server.key`, 0o600);
}

/** Create the extension, whose files are in PostgreSQL's folder for the moment only. */
async function createFaraway(client) {
  const { stdout } = await mustRun(process.env.PG_CONFIG ?? "pg_config", ["--sharedir"]);
  const there = `${stdout.trim()}/extension/`;
  writeFileSync(`${there}faraway.control`, "default_version = '1.0'\nrelocatable = true\n");
  copyFileSync(`${files}faraway--1.0.sql`, `${there}faraway--1.0.sql`);
  try {
    await client.query("CREATE SCHEMA geo; CREATE EXTENSION faraway SCHEMA geo");
  } finally {
    rmSync(`${there}faraway.control`);
    rmSync(`${there}faraway--1.0.sql`);
  }
}

/** A TCP port that nobody has at the moment, below the range of outgoing connections. */
export async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
