/**
 * convex_verify() of a table with references, against the same calls sent again by a client that only receives
 * (flood.c), by turns. The receiver answers pages that were made before (shelf.c): PostgreSQL makes its documents, in SQL
 * that knows nothing of the extension, so that a fast verification is one that compared what it should.
 *
 * Promises: see MOST_GROWTH and LEAST_SHARE.
 */
import { chmodSync } from "node:fs";
import { temporaryFolder } from "../harness/index.mjs";
import { grouped, median, megabytes, printTable, timed } from "./measure.mjs";
import { askAgain, pointAt, startSink } from "./receivers.mjs";

/** More rows may add so many bytes to the backend's memory. */
const MOST_GROWTH = 64 * 1024 * 1024;

/** Of the flood's speed, where a page takes so many milliseconds. */
const LEAST_SHARE = 0.8;
const LATENCY = 200;

const PARENTS = 10_000;
const CONCURRENCY = 8;
const FUNCTIONS = ["Owners", "Things"].map((name) => `migrate:migrate${name}`)
  .concat(["complete", "remove", "resolve", "range", "about"].map((name) => `migrate:${name}`));

/** Documents of both tables, as "range" answers them, in the order of keys: a text each. */
const DOCUMENTS = {
  owners: `SELECT format('{"supabaseId":"%1$s","convexId":"%2$s","document":{"_creationTime":1764201600000.5,"_id":"%2$s","name":"%3$s","supabaseId":"%1$s"}}',
    id, md5('id of ' || id), name) FROM owners ORDER BY id::text COLLATE "C"`,
  things: `SELECT format('{"supabaseId":"%1$s","convexId":"%2$s","document":{"_creationTime":1764201600000.5,"_id":"%2$s","amount":%3$s,"body":"%4$s","created":%5$s.0,"done":%6$s,"n":%7$s.0,"owner":"%8$s","supabaseId":"%1$s"}}',
    id, md5('id of ' || id), amount, body, (extract(epoch FROM created) * 1000)::int8, done::text, n, md5('id of ' || owner))
    FROM things ORDER BY id::text COLLATE "C"`,
};

/** @param {import("./bench.mjs").Bench} bench @returns {Promise<string[]>} promises that were not kept */
export async function benchVerify({ cluster, databases: [, { messages }], runs }) {
  const sizes = [Math.ceil(messages / 100), Math.ceil(messages / 10), messages];
  const worlds = [];
  for (const rows of sizes) worlds.push(await makeWorld(cluster, rows));
  const fast = await measure(cluster, worlds[1], { latency: 0, runs });
  const far = await measure(cluster, worlds[1], { latency: LATENCY, runs });
  const few = await measure(cluster, worlds[0], { latency: 0, runs: 1 });
  const many = await measure(cluster, worlds[2], { latency: 0, runs: 1 });
  const farthest = await measure(cluster, worlds[2], { latency: LATENCY, runs: 1 });
  const lines = [fast, far, few, many, farthest].flatMap(show);
  printTable(`Verify: rows of 400 bytes with a reference, pages of up to 1,000, ${CONCURRENCY} at once; median of ${runs} (1 of the smallest and the largest)`,
    ["", "rows", "latency", "seconds", "rows/s", "share", "CPU µs/row", "memory", "calls"], lines);
  const growth = many.verify.anonymous - few.verify.anonymous;
  const share = far.again.seconds / far.verify.seconds;
  return [
    ...growth < MOST_GROWTH ? [] : [`verify: ${megabytes(growth)} more for ${grouped(many.rows)} rows than for ${grouped(few.rows)}`],
    ...share >= LEAST_SHARE ? [] : [`verify: ${(share * 100).toFixed(0)} % of the speed of the same calls at ${LATENCY} ms, not ${LEAST_SHARE * 100} %`],
  ];
}

function show({ rows, latency, verify, again }) {
  const line = (name, { seconds, cpu, anonymous }) => [
    name, grouped(rows), `${latency} ms`, seconds.toFixed(2), grouped((rows + PARENTS) / seconds), (again.seconds / seconds).toFixed(2),
    ((cpu / (rows + PARENTS)) * 1e6).toFixed(2), anonymous === undefined ? "" : megabytes(anonymous), grouped(again.requests)];
  return [line("convex_verify()", verify), line("the same calls", again)];
}

/** Makes a database, and files with what its deployment has. */
async function makeWorld(cluster, rows) {
  const database = `verify_${rows}`;
  const administrator = await cluster.connect();
  await administrator.query(`CREATE DATABASE ${database}`);
  await administrator.end();
  const client = await cluster.connect({ database });
  await client.query(`
    CREATE TABLE owners (id uuid PRIMARY KEY, name text NOT NULL);
    CREATE TABLE things (id uuid PRIMARY KEY, owner uuid NOT NULL, body text NOT NULL, n int NOT NULL, amount float8 NOT NULL,
      done bool NOT NULL, created timestamptz NOT NULL);
    INSERT INTO owners SELECT md5('owner ' || i)::uuid, 'owner ' || i FROM generate_series(1, ${PARENTS}) AS i;
    INSERT INTO things SELECT md5('thing ' || i)::uuid, md5('owner ' || 1 + i * 7919::int8 % ${PARENTS})::uuid, rpad('body of ' || i, 200, ' and more'),
      i, i + 0.25, i % 2 = 0, '2024-01-01 00:00:00+00'::timestamptz + i * interval '1 second' FROM generate_series(1, ${rows}) AS i;
    ALTER TABLE things ADD FOREIGN KEY (owner) REFERENCES owners`);
  await client.query("VACUUM ANALYZE");
  const folder = temporaryFolder("convex-shelf");
  chmodSync(folder, 0o777);
  for (const [table, query] of Object.entries(DOCUMENTS)) await client.query(`COPY (${query}) TO '${folder}/${table}.json'`);
  await client.query("CREATE EXTENSION convex_migrate");
  await client.query("CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate OPTIONS (url 'http://127.0.0.1:1')");
  const { rows: [{ text }] } = await client.query("SELECT convex_functions() AS text");
  await client.end();
  const about = { generator: "convex_migrate", contract: Number(/contract: (\d+)/.exec(text)[1]), fingerprint: /fingerprint: "([^"]+)"/.exec(text)[1], sources: {} };
  return { rows, database, about: JSON.stringify(about), documents: Object.keys(DOCUMENTS).map((table) => `${folder}/${table}.json`) };
}

/** Medians of both, by turns. */
async function measure(cluster, { rows, database, ...shelf }, { latency, runs }) {
  const sink = await startSink({ functions: FUNCTIONS, latency, ...shelf });
  await pointAt(cluster, database, sink, { concurrency: CONCURRENCY });
  const all = { verify: [], again: [] };
  for (let run = 0; run < runs; run++) {
    const client = await cluster.connect({ database });
    await client.query("SET client_min_messages = warning");
    const { rows: report, ...figures } = await timed(client, "SELECT equal::int, different::int, missing::int, unexpected::int, status FROM convex_verify() WHERE source IS NULL");
    await client.end();
    if (report[0].status !== "pass" || report[0].equal !== rows + PARENTS) throw new Error(`not equal: ${JSON.stringify(report[0])}`);
    all.verify.push(figures);
    const calls = await (await fetch(`${sink.url}/local/calls`)).text();
    all.again.push(await askAgain(sink, calls, CONCURRENCY));
    await (await fetch(`${sink.url}/local/calls`)).text();
  }
  await sink.stop();
  const middle = (figures) => Object.fromEntries(["seconds", "cpu", "anonymous", "requests"]
    .filter((name) => figures[0][name] !== undefined).map((name) => [name, median(figures.map((one) => one[name]))]));
  return { rows, latency, verify: middle(all.verify), again: middle(all.again) };
}
