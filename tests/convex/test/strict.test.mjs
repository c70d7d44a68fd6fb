/** What the server does to user code that a friendlier host would let pass. In a process of its own: `node:test` too
 * would see the promises that nobody listens to. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FUNCTIONS, post, run, runError, spawnServer } from "./helpers.mjs";

const convex = await spawnServer(["--functions", FUNCTIONS, "--query-ms", "100"]);
beforeEach(() => post(convex, "/local/reset", {}));

const keysOf = async () =>
  (await run(convex, "query", "store:all", { table: "loose" })).map((one) => one.key);

test("modules are evaluated anew in every call, and the global object is new", async () => {
  for (let i = 0; i < 3; i += 1) assert.deepEqual(await run(convex, "query", "strict:countCalls"), [1, 1]);
  const [calls] = await run(convex, "query", "strict:countInside");
  assert.equal(calls, 1);
});

test("the time zone is UTC", async () => {
  assert.equal(
    await run(convex, "query", "strict:zone", { year: 2024, month: 6 }),
    "2024-07-01T00:00:00.000Z",
  );
});

test("text is not compiled", async () => {
  for (const how of ["eval", "new Function"]) {
    assert.match(
      await runError(convex, "query", "strict:compileText", { how }),
      /^Uncaught EvalError: Code generation from strings disallowed for this context\n/,
    );
  }
});

test("a rejection that nobody listens to fails the call, and nothing is written", async () => {
  for (const listen of ["never", "after another write"]) {
    assert.match(
      await runError(convex, "mutation", "strict:refuseAWrite", { listen }),
      /^Uncaught Error: Document\(value: .*\) isn't a valid document: Field '_own' starts with an underscore/,
      listen,
    );
    assert.deepEqual(await keysOf(), [], listen);
  }
  assert.match(
    await runError(convex, "mutation", "strict:dropOwnRejection"),
    /^Uncaught TypeError: nobody listens\n {4}at handler \(\.\.\/convex\/strict\.ts:\d+:\d+\)\n$/,
  );
  assert.deepEqual(await keysOf(), []);
});

test("one that somebody listens to in time does not", async () => {
  assert.equal(await run(convex, "mutation", "strict:refuseAWrite", { listen: "at once" }), "caught");
  assert.equal(await run(convex, "mutation", "strict:refuseAWrite", { listen: "all" }), "rejected");
  assert.equal(await run(convex, "query", "strict:refuseARead"), "caught");
});

test("in a nested mutation it fails that one alone", async () => {
  const message = "Uncaught TypeError: nobody listens";
  assert.deepEqual(await run(convex, "mutation", "strict:nestDropped"), ["outer", message]);
});

test("database calls may take 15 s in all", async () => {
  assert.equal(await run(convex, "query", "strict:readMany", { times: 149 }), 149);
  assert.equal(
    await runError(convex, "query", "strict:readMany", { times: 151 }),
    "Your request timed out performing too many system operations.\n",
  );
});

test("64 MiB of objects, and of array buffers", async () => {
  for (const [what, message] of [
    ["objects", "JavaScript execution ran out of memory (maximum memory usage: 64 MB)\n"],
    ["buffers", "Uncaught RangeError: Array buffer allocation failed\n"],
  ]) {
    assert.equal(await run(convex, "query", "strict:hold", { what, mebibytes: 50 }), 50);
    assert.equal(await runError(convex, "query", "strict:hold", { what, mebibytes: 80 }), message);
  }
});
