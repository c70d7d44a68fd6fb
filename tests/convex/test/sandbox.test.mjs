/** The realm of user code by itself: time limit, order of calls, errors of the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare, SystemTimeout } from "../call_time.mjs";
import { DeveloperError } from "../errors.mjs";
import { ModuleCode } from "../module_code.mjs";
import { Sandbox } from "../sandbox.mjs";

/** The one module of a realm: CommonJS, as module_code.mjs makes it. */
function moduleOf(text) {
  return new Map([["m.js", { text }]]);
}

/** Runs a function body as a query; syscalls are answered by `answer`. */
function run(body, { answer = () => "null", isDeferred = () => false, userTimeLimitMs = 500, sandbox, argsText = "[]" } = {}) {
  const modules = moduleOf(`exports.f = { invokeQuery: async () => { ${body} } };`);
  const realm = sandbox ?? new Sandbox(modules, { userTimeLimitMs });
  const noSyscall = () => assert.fail("no syscall expected");
  return realm.runToEnd({
    path: "m.js",
    name: "f",
    invoke: "invokeQuery",
    argsText,
    now: 0,
    logLines: [],
    syscall: noSyscall,
    asyncSyscall: answer,
    isDeferred,
  });
}

function spendMs(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("database time does not count as user time", async () => {
  const body = 'for (let i = 0; i < 20; i += 1) await Convex.asyncSyscall("x", "{}"); return "1";';
  const answer = () => {
    spendMs(60);
    return "null";
  };
  assert.deepEqual(await run(body, { answer, userTimeLimitMs: 200 }), { text: "1" });
});

test("what only the local Convex has to do counts neither as user time nor as database time", async () => {
  const modules = moduleOf('exports.f = { invokeQuery: () => Convex.asyncSyscall("x", "{}") };');
  const limits = { userTimeLimitMs: 1000, systemTimeLimitMs: 1000 };
  const spend = () => spendMs(1200);
  const read = (task) => () => (task(), "1");
  const outcome = (task) => run("", { sandbox: new Sandbox(modules, limits), answer: read(task) });
  assert.deepEqual(await outcome(() => prepare(spend)), { text: "1" });
  await assert.rejects(outcome(spend), SystemTimeout);
});

/** A realm whose function counts its calls; with "fail" it then throws. */
function counting(more) {
  const body = 'n += 1; if (how === "[fail]") throw new Error("failed"); return String(n);';
  return new Sandbox(moduleOf(`let n = 0; exports.f = { invokeQuery: async (how) => { ${body} } }; ${more}`), {
    userTimeLimitMs: 0,
  });
}

test("modules that ask for it are kept from one call that succeeds to the next", async () => {
  const texts = async (sandbox, ...calls) => {
    const outcomes = [];
    for (const argsText of calls) outcomes.push((await run("", { sandbox, argsText })).text);
    return outcomes;
  };
  const kept = counting("exports.experimental_reuseContext = true;");
  assert.deepEqual(await texts(kept, "[]", "[]", "[fail]", "[]", "[]"), ["1", "2", undefined, "1", "2"]);
  for (const more of ["", "exports.experimental_reuseContext = 1;"]) {
    assert.deepEqual(await texts(counting(more), "[]", "[]"), ["1", "1"]);
  }
});

test("a call inside another has modules of its own", async () => {
  const body = 'n += 1; const inner = how === "[nest]" ? await Convex.asyncSyscall("call", "{}") : ""; return inner + n;';
  const modules = moduleOf(
    `exports.experimental_reuseContext = true; let n = 0; exports.f = { invokeQuery: async (how) => { ${body} } };`,
  );
  const sandbox = new Sandbox(modules, { userTimeLimitMs: 0 });
  const answer = async () => (await run("", { sandbox })).text;
  const call = async (argsText) => (await run("", { sandbox, argsText, answer, isDeferred: () => true })).text;
  assert.deepEqual([await call("[]"), await call("[nest]"), await call("[]")], ["1", "12", "3"]);
});

test("each call has the whole time limit", async () => {
  const modules = moduleOf(`const now = () => globalThis.__now();
    exports.f = { invokeQuery: async () => { const end = now() + 5; while (now() < end); return "1"; } };`);
  const sandbox = new Sandbox(modules, { userTimeLimitMs: 500 });
  Object.defineProperty(sandbox.context, "__now", { value: () => performance.now() });
  for (let i = 0; i < 150; i += 1) assert.deepEqual(await run("", { sandbox }), { text: "1" });
});

test("calls are answered first come, first served, also behind one that must wait", async () => {
  const order = [];
  const answer = (operation) => {
    order.push(operation);
    return "null";
  };
  const body =
    'await Promise.all(["a", "waits", "b"].map((one) => Convex.asyncSyscall(one, "{}"))); return "1";';
  await run(body, { answer, isDeferred: (operation) => operation === "waits" });
  assert.deepEqual(order, ["a", "waits", "b"]);
});

test("a call that nobody awaits is still done", async () => {
  const done = [];
  const answer = (operation) => void done.push(operation) ?? "null";
  await run('Convex.asyncSyscall("late", "{}"); return "1";', { answer, isDeferred: () => true });
  assert.deepEqual(done, ["late"]);
});

test("user code may catch a developer's error, never a fault of the server", async () => {
  const body =
    'try { await Convex.asyncSyscall("x", "{}"); } catch (error) { return String(error instanceof Error); }';
  const failWith = (error) => ({
    answer: () => {
      throw error;
    },
  });
  assert.deepEqual(await run(body, failWith(new DeveloperError("X", "refused"))), { text: "true" });
  await assert.rejects(run(body, failWith(new TypeError("a bug"))), /a bug/);
});

test("user code sees nothing of the process, and no CommonJS", async () => {
  const globals = "[typeof require, typeof module, typeof exports, Object.keys(process)]";
  const source = `export const f = { invokeQuery: async () => JSON.stringify(${globals}) };`;
  const compiled = await ModuleCode.compile({ path: "m.js", source });
  const sandbox = new Sandbox(new Map([["m.js", compiled]]), { userTimeLimitMs: 500 });
  const { text } = await run("", { sandbox });
  assert.deepEqual(JSON.parse(text), ["undefined", "undefined", "undefined", ["env"]]);
  assert.match(
    (await run("fetch('http://x')")).failure.message,
    /Can't use fetch\(\) in queries and mutations/,
  );
});

test("globals of this realm", async () => {
  const body = `const bytes = new TextEncoder().encode("é€");
    const random = crypto.getRandomValues(new Uint8Array(4));
    return JSON.stringify([bytes instanceof Uint8Array, bytes.buffer instanceof ArrayBuffer, [...bytes],
      new TextDecoder().decode(bytes), atob(btoa("a")), random.length, crypto.randomUUID().length]);`;
  assert.deepEqual(JSON.parse((await run(body)).text), [
    true,
    true,
    [195, 169, 226, 130, 172],
    "é€",
    "a",
    4,
    36,
  ]);
});
