/** What each planned fault does to a call, seen byte by byte. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deployForTests, post, run, stats } from "./helpers.mjs";

const convex = await deployForTests();
const { port } = new URL(convex.url);
const MANY = { path: "store:insertMany", args: { table: "loose", documents: [{}, {}, {}] } };
const plan = (fault, match = {}) => post(convex, "/local/faults", [{ match: { times: 1, ...match }, fault }]);
const size = () => run(convex, "query", "_system/cli/tableSize", { tableName: "loose" });

/** Sends a call by hand. @returns {Promise<{text: string, error?: string}>} what came until the connection ended */
async function rawCall(body = JSON.stringify(MANY), { head = "" } = {}) {
  const socket = connect(Number(port), "127.0.0.1");
  let text = "";
  let error;
  socket.on("data", (data) => (text += data));
  socket.on("error", ({ code }) => (error = code));
  socket.write(
    `POST /api/mutation HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once("close", resolve));
  return { text, error };
}

const bodyOf = (text) => text.slice(text.indexOf("\r\n\r\n") + 4);
const lengthOf = (text) => Number(/content-length: (\d+)/i.exec(text)[1]);

const ANSWERS = [
  [
    { kind: "status", status: 400, code: "BadJsonBody", message: "no" },
    400,
    '{"code":"BadJsonBody","message":"no"}',
  ],
  [{ kind: "status", status: 504 }, 504, ""],
  [{ kind: "status", status: 502, body: "<h1>Bad Gateway" }, 502, "<h1>Bad Gateway"],
  [{ kind: "body", contentType: "application/json", body: '{"status":"succ' }, 200, '{"status":"succ'],
];

for (const [fault, status, body] of ANSWERS) {
  for (const after of [false, true]) {
    test(`${JSON.stringify(fault)} ${after ? "after" : "instead of"} the call`, async () => {
      await plan({ ...fault, after });
      const answer = await post(convex, "/api/mutation", MANY);
      assert.deepEqual([answer.status, answer.text], [status, body]);
      assert.equal(await size(), after ? 3 : 0);
    });
  }
}

test("Retry-After in seconds, as a date, absurd", async () => {
  const asked = async (retryAfter) => {
    await plan({ kind: "status", status: 429, code: "RateLimited", retryAfter });
    return (await post(convex, "/api/mutation", MANY)).headers.get("retry-after");
  };
  assert.equal(await asked(7), "7");
  assert.equal(await asked("1e99, soon"), "1e99, soon");
  assert.ok(Date.parse(await asked({ inSeconds: 3600 })) > Date.now());
});

test("a redirect", async () => {
  await plan({ kind: "redirect", status: 307, location: "http://127.0.0.1:9/elsewhere" });
  const { text } = await rawCall();
  assert.match(text, /^HTTP\/1\.1 307 [^]*location: http:\/\/127\.0\.0\.1:9\/elsewhere/i);
});

test("hang after the call: it is committed, and nobody hears of it", async () => {
  await plan({ kind: "hang", after: true });
  const socket = connect(Number(port), "127.0.0.1");
  const body = JSON.stringify(MANY);
  socket.write(
    `POST /api/mutation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  while ((await stats(convex)).mutationsCommitted === 0) await sleep(5);
  assert.equal(await size(), 3);
  assert.equal(socket.bytesRead, 0);
  socket.destroy();
});

test("a connection that is reset, before and after", async () => {
  await plan({ kind: "reset_before" });
  assert.deepEqual(await rawCall(), { text: "", error: "ECONNRESET" });
  assert.equal(await size(), 0);
  await plan({ kind: "reset_after" });
  assert.deepEqual(await rawCall(), { text: "", error: "ECONNRESET" });
  assert.equal(await size(), 3);
});

test("an answer that ends in the middle of its head or of its body", async () => {
  await plan({ kind: "truncate", at: "head" });
  const head = (await rawCall()).text;
  assert.ok(head.startsWith("HTTP/1.1 200") && !head.includes("\r\n\r\n"), head);
  await plan({ kind: "truncate", at: 0.25 });
  const { text } = await rawCall();
  assert.equal(bodyOf(text).length, Math.floor(lengthOf(text) / 4));
  assert.equal(await size(), 6);
});

test("a length that is too large or too small", async () => {
  for (const difference of [10, -10]) {
    await plan({ kind: "length", difference });
    const { text } = await rawCall();
    assert.equal(lengthOf(text) - bodyOf(text).length, difference);
    assert.equal(JSON.parse(bodyOf(text)).value.length, 3);
  }
});

test("an answer byte by byte", async () => {
  await plan({ kind: "drip", ms: 1, bytes: 20 });
  const { text } = await rawCall();
  assert.equal(bodyOf(text).length, lengthOf(text));
  assert.equal(JSON.parse(bodyOf(text)).value.length, 3);
});

test("too few results, too many, in another order", async () => {
  const results = async (fault) => {
    await plan({ kind: "results", ...fault });
    return (await post(convex, "/api/mutation", MANY)).json.value;
  };
  assert.equal((await results({ drop: 2 })).length, 1);
  const repeated = await results({ repeat: 1 });
  assert.deepEqual([repeated.length, repeated[3]], [4, repeated[0]]);
  const exchanged = await results({ drop: 1, repeat: 1 });
  assert.deepEqual([exchanged.length, exchanged[2]], [3, exchanged[0]]);
  assert.equal(new Set(await results({ reverse: true })).size, 3);
  assert.equal(await size(), 12);
});

test("a huge answer", async () => {
  const bytes = 3_000_000;
  await plan({ kind: "huge", bytes });
  assert.equal((await post(convex, "/api/mutation", MANY)).json.value.length, bytes);
});

test("an early answer, before the body has come", async () => {
  await plan({ kind: "status", status: 413, early: true }, { path: "/api/mutation" });
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("POST /api/mutation HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{");
  const [data] = await once(socket, "data");
  assert.match(data.toString(), /^HTTP\/1\.1 413 /);
  socket.destroy();
});

test("a key that is revoked, a deployment that is paused, in the middle of a run", async () => {
  const statuses = async () => {
    const answers = [];
    for (let i = 0; i < 3; i += 1) answers.push(await post(convex, "/api/mutation", MANY));
    return answers.map(({ status, json }) => json.code ?? json.status ?? status);
  };
  await plan({ kind: "revoke_key" }, { nth: 2 });
  assert.deepEqual(await statuses(), ["success", "BadAdminKey", "BadAdminKey"]);
  await post(convex, "/local/reset", {});
  await plan({ kind: "revoke_key", after: true }, { nth: 2 });
  assert.deepEqual(await statuses(), ["success", "success", "BadAdminKey"]);
  await post(convex, "/local/reset", {});
  await plan({ kind: "state", state: "paused" }, { nth: 3 });
  assert.deepEqual(await statuses(), ["success", "success", "error"]);
});

/** Waits until the deployment listens again. */
async function untilBack() {
  for (;;) {
    try {
      return await post(convex, "/api/query", { path: "store:keys", args: {} });
    } catch {
      await sleep(5);
    }
  }
}

test("a restart that keeps data, one that loses it, and a time of refused connections", async () => {
  for (const [fault, kept] of [
    [{ kind: "restart", after: true }, 3],
    [{ kind: "restart", keepsData: false, after: true }, 0],
    [{ kind: "refuse", ms: 20 }, 0],
  ]) {
    await plan(fault);
    assert.equal((await rawCall()).error, "ECONNRESET");
    assert.equal((await untilBack()).status, 200);
    assert.equal(await size(), kept, JSON.stringify(fault));
    await post(convex, "/local/reset", {});
  }
});

test("which call is struck: by what it holds, from one on", async () => {
  const fault = { kind: "status", status: 500 };
  await plan(fault, { contains: '"key":"b"' });
  const insert = (key) =>
    post(convex, "/api/mutation", { path: "store:insert", args: { table: "loose", document: { key } } });
  const statuses = [];
  for (const key of ["a", "b", "b"]) statuses.push((await insert(key)).status);
  assert.deepEqual(statuses, [200, 500, 200]);
  await plan(fault, { path: "store:insert", from: 2, times: 2 });
  statuses.length = 0;
  for (const key of ["a", "b", "c", "d"]) statuses.push((await insert(key)).status);
  assert.deepEqual(statuses, [200, 500, 500, 200]);
});

test("what is no fault is refused", async () => {
  for (const [fault, match, message] of [
    [{ kind: "explode" }, {}, /unknown fault "explode"; there are status, /],
    [{ kind: "drip" }, {}, /a fault "drip" needs a number "ms"/],
    [{ kind: "drip", ms: 1, early: true }, { path: "/api/query" }, /a fault "drip" cannot be early/],
    [{ kind: "hang", early: true }, { path: "store:keys" }, /an "early" fault is chosen by its route/],
    [{ kind: "hang" }, { nht: 1 }, /unknown "nht" in a match/],
  ]) {
    const { status, json } = await plan(fault, match);
    assert.equal(status, 400);
    assert.match(json.message, message);
  }
});
