/** Control routes: planned faults, latency, statistics, the request log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post, run, stats } from "./helpers.mjs";

const convex = await deployForTests({ log: "memory" });
const INSERT = { path: "store:insert", args: { table: "loose", document: {} } };
const insert = (headers) => post(convex, "/api/mutation", INSERT, headers);
const plan = (...plans) => post(convex, "/local/faults", plans);
const size = () => run(convex, "query", "_system/cli/tableSize", { tableName: "loose" });

test("status faults answer instead of the function", async () => {
  const fault = { kind: "status", status: 503, code: "CommitterFullError", message: "busy", retryAfter: 7 };
  await plan({ match: { path: "store:insert", times: 1 }, fault });
  const { status, json, headers } = await insert();
  assert.deepEqual(
    [status, json, headers.get("retry-after")],
    [503, { code: "CommitterFullError", message: "busy" }, "7"],
  );
  assert.equal((await insert()).status, 200);
  assert.equal(await size(), 1);
});

test("a status without code has no body", async () => {
  await plan({ match: { times: 1 }, fault: { kind: "status", status: 408 } });
  const { status, text } = await insert();
  assert.deepEqual([status, text], [408, ""]);
});

test("nth, every and times choose among the calls that match", async () => {
  const fault = { kind: "status", status: 500, code: "X" };
  await plan(
    { match: { path: "store:insert", nth: 2 }, fault },
    { match: { path: "/api/mutation", every: 3, times: 1 }, fault },
  );
  const statuses = [];
  for (let i = 0; i < 7; i += 1) statuses.push((await insert()).status);
  assert.deepEqual(statuses, [200, 500, 500, 200, 200, 200, 200]);
  const report = await (await fetch(`${convex.url}/local/faults`)).json();
  assert.deepEqual(
    report.map(({ matched, used }) => [matched, used]),
    [
      [7, 1],
      [7, 1],
    ],
  );
});

test("reset_before loses the call, reset_after only its answer", async () => {
  await plan({ match: { path: "store:insert", nth: 1 }, fault: { kind: "reset_before" } });
  await assert.rejects(insert());
  assert.equal(await size(), 0);
  await plan({ match: { path: "store:insert", nth: 1 }, fault: { kind: "reset_after" } });
  await assert.rejects(insert());
  assert.equal(await size(), 1);
});

test("truncate and raw bodies", async () => {
  await plan({ match: { path: "store:insert", nth: 1 }, fault: { kind: "truncate" } });
  await assert.rejects(insert());
  const body = { kind: "body", status: 502, contentType: "text/html", body: "<h1>Bad Gateway" };
  await plan({ match: { path: "store:insert" }, fault: body });
  const { status, text, headers } = await insert();
  assert.deepEqual([status, text, headers.get("content-type")], [502, "<h1>Bad Gateway", "text/html"]);
});

test("hang never answers, delay answers late", async () => {
  await plan({ match: { path: "store:insert", nth: 1 }, fault: { kind: "hang" } });
  const abort = new AbortController();
  const hanging = fetch(`${convex.url}/api/mutation`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(INSERT),
    signal: abort.signal,
  });
  assert.equal((await insert()).status, 200);
  abort.abort();
  await assert.rejects(hanging, { name: "AbortError" });
  await plan({ fault: { kind: "delay", ms: 20 } });
  assert.equal((await insert()).status, 200);
  assert.equal(await size(), 2);
});

test("a control route that does not exist", async () => {
  assert.equal((await post(convex, "/local/nothing", {})).status, 404);
});

test("latency lets calls overlap", async () => {
  await post(convex, "/local/latency", { ms: 50 });
  await Promise.all(Array.from({ length: 8 }, () => insert()));
  await post(convex, "/local/latency", { ms: 0 });
  const counted = await stats(convex);
  // not necessarily all eight: a busy machine may begin some of them late
  assert.ok(counted.maxConcurrentRequests > 1);
  assert.equal((await post(convex, "/local/latency", { ms: -1 })).status, 400);
});

test("statistics count calls and real writes", async () => {
  await insert();
  await insert();
  await post(convex, "/api/mutation", { path: "store:insertThenThrow", args: {} });
  const id = await run(convex, "mutation", "store:insert", INSERT.args);
  await run(convex, "mutation", "store:remove", { id });
  assert.deepEqual(await stats(convex), {
    requests: { "/api/mutation": 5 },
    functionCalls: { "store:insert": 3, "store:insertThenThrow": 1, "store:remove": 1 },
    mutationsCommitted: 4,
    documentsInserted: 3,
    documentsPatched: 0,
    documentsReplaced: 0,
    documentsDeleted: 1,
    maxConcurrentRequests: 1,
    retriesInside: {},
    bytesWritten: 0,
    importWaits: 0,
  });
  await post(convex, "/local/reset", { data: false });
  assert.deepEqual([(await stats(convex)).documentsInserted, await size()], [0, 2]);
  await post(convex, "/local/reset", {});
  assert.equal(await size(), 0);
});

test("the request log has shapes and statuses, never the key", async () => {
  const documents = [{}, {}, {}];
  await run(convex, "mutation", "store:insertMany", { table: "loose", documents });
  await post(convex, "/api/nothing", {});
  const text = await (await fetch(`${convex.url}/local/requests`)).text();
  assert.deepEqual(JSON.parse(text), [
    { method: "POST", path: "/api/mutation", function: "store:insertMany", records: 3, status: 200 },
    { method: "POST", path: "/api/nothing", status: 404 },
  ]);
  assert.ok(!text.includes(convex.deployKey));
});
