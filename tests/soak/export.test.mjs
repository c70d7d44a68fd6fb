/**
 * convex_export() of 10,000,000 messages, 4.5 GB of JSON ("make export-soak"): it takes no more memory than a tenth of
 * them, and as much CPU time per row; unzip finds every byte of an entry that only ZIP64 can have.
 *
 *   EXPORT_ROWS   messages, 10000000 by default; from 9,500,000 on the entry has more than 4 GB
 */
import assert from "node:assert/strict";
import { statSync, unlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { timed } from "../bench/measure.mjs";
import { exportFolder } from "../harness/exported.mjs";
import { mustRun, startCluster } from "../harness/index.mjs";

const ROWS = Number(process.env.EXPORT_ROWS ?? 10_000_000);
const MB = 1024 * 1024;
const MOST_MEMORY = 96 * MB;
const MOST_GROWTH = 1.1;
const FOUR_GB = 2 ** 32;

const folder = exportFolder();
let cluster;

before(async () => {
  cluster = await startCluster({
    settings: ["jit = off", "max_parallel_workers_per_gather = 0", "autovacuum = off", "shared_buffers = 128MB"],
  });
});

after(() => cluster?.stop());

/** As in the benchmark of the encoder, with a reference. */
const messages = (rows) => `
  CREATE UNLOGGED TABLE conversations (id uuid PRIMARY KEY, title text);
  INSERT INTO conversations SELECT md5('c' || n)::uuid, 'Conversation ' || n FROM generate_series(0, 99999) AS n;
  CREATE UNLOGGED TABLE messages (
    id uuid NOT NULL, conversation_id uuid NOT NULL, sender_id uuid NOT NULL, body text NOT NULL,
    channel text NOT NULL, payload jsonb NOT NULL, position int8 NOT NULL, sent_at timestamptz NOT NULL);
  INSERT INTO messages
    SELECT md5('m' || n)::uuid, md5('c' || n % 100000)::uuid, md5('s' || n % 1000)::uuid,
      'Message ' || n || ': ' || repeat('what people write to each other ', 3 + n % 3),
      (ARRAY['email', 'chat', 'phone'])[1 + n % 3],
      jsonb_build_object('n', n, 'read', n % 2 = 0, 'tags', jsonb_build_array('a', 'tag ' || n % 7),
        'score', (n / 100.0)::numeric(10, 2)),
      n, '2026-01-01 00:00+00'::timestamptz + n * '1.000001 s'::interval
    FROM generate_series(1, ${rows}) AS n;
  ALTER TABLE messages ADD PRIMARY KEY (id);
  ALTER TABLE messages ADD FOREIGN KEY (conversation_id) REFERENCES conversations NOT VALID;
  ANALYZE conversations; ANALYZE messages;
  CREATE EXTENSION convex_migrate;
  CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1')`;

async function openDatabase(name, rows) {
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${name}`);
  await administrator.end();
  const client = await cluster.connect({ database: name });
  for (const sql of messages(rows).split(";")) await client.query(sql);
  await client.query("CHECKPOINT");
  await client.end();
}

/** CPU seconds, private memory at the peak and the bytes of lines of an export in a connection of its own. */
async function measure(database, compression) {
  const path = `${folder}/${database}.zip`;
  const client = await cluster.connect({ database });
  await client.query(`SET client_min_messages = error; ALTER SERVER convex OPTIONS (ADD compression '${compression}')`);
  const { rows: [row], ...measured } = await timed(client,
    `SELECT exported::int AS rows, bytes::float8 AS bytes FROM convex_export('${path}') WHERE target = 'messages'`);
  await client.query("ALTER SERVER convex OPTIONS (DROP compression)");
  await client.end();
  return { path, ...measured, ...row };
}

test("ten times the rows: memory, time, and an archive that is whole", async (t) => {
  await openDatabase("few", ROWS / 10);
  await openDatabase("many", ROWS);
  for (const compression of ["none", "deflate", "zstd"]) {
    const few = await measure("few", compression);
    const many = await measure("many", compression);
    assert.equal(many.rows, ROWS);
    const growth = many.cpu / many.rows / (few.cpu / few.rows);
    const file = statSync(many.path).size;
    t.diagnostic(`${compression}: ${many.rows} rows, ${(many.bytes / MB).toFixed(0)} MB of lines, a file of ${(file / MB).toFixed(0)} MB, `
      + `${many.seconds.toFixed(1)} s, ${many.cpu.toFixed(1)} s of CPU time, ${((many.cpu / many.rows) * 1e6).toFixed(2)} us a row `
      + `(${growth.toFixed(2)} times that of a tenth), ${(many.anonymous / MB).toFixed(1)} MB at the peak`);
    if (ROWS >= 9_500_000) assert.ok(many.bytes > FOUR_GB);
    assert.ok(many.anonymous < MOST_MEMORY, `${many.anonymous} bytes at the peak`);
    assert.ok(growth < MOST_GROWTH, `${growth} times the CPU time per row`);
    if (compression === "zstd") await mustRun("sh", ["-c", `bsdtar -xOf ${many.path} >/dev/null`]);
    else await mustRun("unzip", ["-tq", many.path]);
    unlinkSync(many.path);
  }
});
