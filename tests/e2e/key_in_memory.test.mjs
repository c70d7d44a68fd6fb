/**
 * When a run is over, no part of the deploy key is left in the memory of the
 * session, however it ended: all that the process can write to is searched.
 *
 * These runs end before libcurl has the key, which keeps copies of what it sends
 * in memory that it has given back. The key is in a file, since an option
 * "deploy_key" is in PostgreSQL's own caches.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, chown, open, readFile, stat, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { openScenario, startCluster, temporaryFolder } from "../harness/index.mjs";

const INSTANCE = "local-convex-000";

/** Any part of the secret that is so long is looked for. */
const PART = 16;
const CHUNK = 1 << 20;

let cluster;
let folder;

before(async () => {
  cluster = await startCluster();
  folder = temporaryFolder("convex-key");
  await chmod(folder, 0o755);
});

after(() => cluster?.stop());

/** What a process can write to, but what it shares with others. @returns {Promise<{ from: number, size: number }[]>} */
async function ownMemory(pid) {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw.p /gm)].map(([, from, to]) => (
    { from: parseInt(from, 16), size: parseInt(to, 16) - parseInt(from, 16) }));
}

/** Which parts of the secret are in the memory of a process, by their places in it. */
async function partsInMemory(pid, secret) {
  const parts = Array.from({ length: Math.floor(secret.length / PART) }, (_, i) => secret.substr(i * PART, PART));
  const found = new Set();
  const memory = await open(`/proc/${pid}/mem`);
  try {
    for (const { from, size } of await ownMemory(pid)) {
      const bytes = Buffer.alloc(size);
      for (let at = 0; at < size; at += CHUNK) await memory.read(bytes, at, Math.min(CHUNK, size - at), from + at);
      parts.forEach((part, i) => { if (bytes.includes(part)) found.add(i); });
    }
  } finally {
    await memory.close();
  }
  return [...found].sort((a, b) => a - b);
}

/** A key file with a secret as long as those of Convex. @returns {Promise<string>} the secret */
async function writeKey(deployment, { ends = "" } = {}) {
  const secret = randomBytes(96).toString("hex");
  await writeFile(`${folder}/key`, `dev:${deployment}|${secret}${ends}\n`, { mode: 0o600 });
  const { uid, gid } = await stat(`${cluster.directory}/data`);
  await chown(`${folder}/key`, uid, gid);
  return secret;
}

/** What ends a run before the key is sent; `key`: its deployment, and what is behind it. */
const ENDS = {
  "the key is for another deployment": { key: ["other-animal-456"], says: /the deploy key is for deployment/ },
  "the file holds something else behind the key": { key: [INSTANCE, { ends: " and more" }], says: /holds no deploy key/ },
  "there are too few file descriptors": {
    key: [INSTANCE], option: "ADD concurrency '512'", says: /not enough file descriptors/,
  },
};

test("no part of the key is left in memory", async (t) => {
  const { client, convex, connect, migrateFails, faultStruck } = await openScenario(t, cluster, {
    sql: "CREATE TABLE items (id int PRIMARY KEY)",
  });
  await client.query(`ALTER USER MAPPING FOR CURRENT_USER SERVER convex
    OPTIONS (DROP deploy_key, ADD deploy_key_file '${folder}/key')`);

  await t.test("the run is cancelled; until then the search finds the key", async () => {
    const secret = await writeKey(INSTANCE);
    await convex.control("faults", [{ match: { path: "/instance_name" }, fault: { kind: "hang" } }]);
    const other = await connect();
    const failed = migrateFails();
    await faultStruck();
    assert.equal((await partsInMemory(client.processID, secret)).length, secret.length / PART);
    await other.query("SELECT pg_cancel_backend($1)", [client.processID]);
    assert.equal((await failed).code, "57014");
    await assertNothingLeft(client, secret);
    await convex.control("faults", []);
  });

  for (const [name, { key, option, says }] of Object.entries(ENDS)) {
    await t.test(name, async () => {
      const secret = await writeKey(...key);
      if (option !== undefined) await client.query(`ALTER SERVER convex OPTIONS (${option})`);
      assert.match((await migrateFails()).message, says);
      await assertNothingLeft(client, secret);
    });
  }
});

async function assertNothingLeft(client, secret) {
  // The words of an error come before its transaction has ended.
  await client.query("SELECT");
  assert.deepEqual(await partsInMemory(client.processID, secret), []);
}
