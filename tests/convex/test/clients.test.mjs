/** The official client, ConvexHttpClient, against the local Convex; and the command itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";
import { deployForTests, FUNCTIONS, SERVER, spawnServer } from "./helpers.mjs";

const convex = await deployForTests();

function admin() {
  const client = new ConvexHttpClient(convex.url);
  client.setAdminAuth(convex.deployKey);
  return client;
}

test("values of every type survive both ways", async () => {
  const client = new ConvexHttpClient(convex.url);
  const bytes = new Uint8Array([0, 1, 254, 255]).buffer;
  const value = {
    integers: [0n, -1n, 9223372036854775807n, -9223372036854775808n],
    floats: [0, -0, 1.5, NaN, Infinity, -Infinity, 5e-324, 2 ** 53],
    bytes,
    text: '\u{1f600}\u0000"\\\n',
    nothing: null,
    flags: [true, false],
    "any key!": {},
  };
  const back = await client.query("store:echo", { value });
  assert.deepEqual(back, value);
  assert.ok(Object.is(back.floats[1], -0));
  const id = await client.mutation("store:insert", { table: "loose", document: value });
  const { _id, _creationTime, ...stored } = await client.query("store:get", { id });
  assert.deepEqual(stored, value);
});

test("public functions need no key, internal ones do", async () => {
  const client = new ConvexHttpClient(convex.url);
  assert.deepEqual(await client.query("store:all", { table: "loose" }), []);
  await assert.rejects(client.query("store:keys", {}), /Could not find public function for 'store:keys'/);
  assert.deepEqual(await admin().query("store:keys", {}), []);
  await assert.rejects(admin().mutation("store:fail", { key: "x" }), (error) => error instanceof ConvexError);
});

test("ConvexError arrives with its data", async () => {
  const data = { code: 5n, at: [1, null] };
  await assert.rejects(admin().mutation("store:insertThenThrow", { data }), (error) => {
    assert.ok(error instanceof ConvexError);
    assert.deepEqual(error.data, data);
    return true;
  });
});

test("actions", async () => {
  assert.equal((await admin().action("store:insertByAction", { key: "k" })).key, "k");
});

test("a wrong key", async () => {
  const client = new ConvexHttpClient(convex.url);
  client.setAdminAuth("dev:local-convex-000|wrong");
  await assert.rejects(client.query("store:keys", {}), /BadAdminKey/);
});

test("the command prints where it is, and ends on SIGTERM", async () => {
  const args = ["--functions", FUNCTIONS, "--instance", "other-name-1", "--redact", "--latency", "1"];
  const { url, deployKey, instance, stop } = await spawnServer(args);
  assert.equal(instance, "other-name-1");
  assert.match(deployKey, /^dev:other-name-1\|[0-9a-f]{48}$/);
  const client = new ConvexHttpClient(url);
  client.setAdminAuth(deployKey);
  await assert.rejects(client.mutation("store:insertThenThrow", {}), /\] Server Error$/);
  assert.deepEqual(await stop(), [0, null]);
});

test("the command says what is wrong", async () => {
  for (const [args, message] of [
    [["--port", "x"], /--port must be a whole number/],
    [["--functions", "/no/such"], /the local Convex cannot start: \/no\/such is no folder/],
    [["--nonsense"], /Unknown option .--nonsense.\ntests\/convex\/README\.md lists the options/],
    [["--class", "S1"], /unknown class S1; there are S16/],
  ]) {
    const child = spawn(process.execPath, [SERVER, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (chunk) => (text += chunk));
    const [code] = await once(child, "close");
    assert.equal(code, 1);
    assert.match(text, message);
  }
});
