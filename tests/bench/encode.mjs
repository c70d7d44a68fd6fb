/**
 * Promise: rows are encoded at least 3 times as fast as row_to_json() does it,
 * in wall time and in CPU time. convex_check() encodes every row as a run would,
 * into a buffer that is thrown away; the table has no references to look at.
 * COPY in binary is what comes of reading and copying the values alone.
 */
import { COPY } from "./speed.mjs";
import { grouped, median, printTable, timed } from "./measure.mjs";
import { prepareDatabase } from "../harness/index.mjs";

/** Nothing is sent, so nobody has to be there. */
const NOBODY = { url: "http://127.0.0.1:1", deployKey: "dev:nobody|x" };

const LEAST_RATIO = 3;
const RUNS = 5;

const CONTESTANTS = {
  "COPY of row_to_json to /dev/null": COPY,
  "COPY in binary to /dev/null": "COPY messages TO '/dev/null' (FORMAT binary)",
  "convex_check()": "SELECT * FROM convex_check()",
};

/** Eight columns, about 450 bytes of JSON a row, the same in every run. */
const MESSAGES = `
  CREATE TABLE messages (
    id uuid PRIMARY KEY, conversation_id uuid NOT NULL, sender_id uuid NOT NULL,
    body text NOT NULL, channel text NOT NULL, payload jsonb NOT NULL, position int8 NOT NULL,
    sent_at timestamptz NOT NULL);
  INSERT INTO messages
    SELECT md5('m' || n)::uuid, md5('c' || n / 10)::uuid, md5('s' || n % 1000)::uuid,
      'Message ' || n || ': ' || repeat('what people write to each other ', 3 + n % 3),
      (ARRAY['email', 'chat', 'phone'])[1 + n % 3],
      jsonb_build_object('n', n, 'read', n % 2 = 0, 'tags', jsonb_build_array('a', 'tag ' || n % 7),
        'score', (n / 100.0)::numeric(10, 2)),
      n, '2026-01-01 00:00+00'::timestamptz + n * '1.000001 s'::interval
    FROM generate_series(1, $1) AS n`;

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchEncode({ cluster, databases: [, { messages }] }) {
  const client = await openDatabase(cluster, messages);
  const { rows: [{ bytes }] } = await client.query(
    "SELECT avg(length(convex_document(m)))::float8 AS bytes FROM messages AS m WHERE position <= 1000");
  const results = Object.entries(CONTESTANTS).map(([name, sql]) => ({ name, sql, all: [] }));
  // By turns, so that whatever else the machine does meets all.
  for (let run = 0; run < RUNS; run++) {
    for (const { sql, all } of results) all.push(await timed(client, sql));
  }
  await client.end();
  return judge(results, messages, bytes);
}

async function openDatabase(cluster, messages) {
  const administrator = await cluster.connect();
  await administrator.query("CREATE DATABASE bench_encode");
  await administrator.end();
  const client = await cluster.connect({ database: "bench_encode" });
  for (const sql of MESSAGES.replace("$1", messages).split(";")) await client.query(sql);
  await client.query("VACUUM ANALYZE messages");
  await prepareDatabase(client, NOBODY);
  return client;
}

function judge(results, messages, bytes) {
  const medians = results.map(({ name, all }) => ({
    name, seconds: median(all.map(({ seconds }) => seconds)), cpu: median(all.map(({ cpu }) => cpu)),
  }));
  const [json, , check] = medians;
  printTable(`Encoding: ${grouped(messages)} messages of ${grouped(bytes)} bytes of JSON, median of ${RUNS}`,
    ["", "seconds", "CPU s", "rows/s", "ratio", "CPU ratio"],
    medians.map(({ name, seconds, cpu }) => [name, seconds.toFixed(2), cpu.toFixed(2), grouped(messages / seconds),
      (json.seconds / seconds).toFixed(2), (json.cpu / cpu).toFixed(2)]));
  const least = Math.min(json.seconds / check.seconds, json.cpu / check.cpu);
  return least >= LEAST_RATIO ? [] : [`encoding: ${least.toFixed(2)} times as fast as row_to_json, not ${LEAST_RATIO}`];
}
