/** States of a deployment in which no function runs, and keys that do not allow everything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests();
const ECHO = { path: "store:echo", args: { value: 1 } };

const STATES = {
  disabled_free: /^You have exceeded the free plan limits, so your deployments have been disabled\./,
  disabled_paid: /^You have exceeded your spending limits, so your deployments have been disabled\./,
  usage_limit: /^This deployment has been disabled because it exceeded a configured usage limit\./,
  suspended: /^Cannot run functions while this deployment is suspended\./,
  paused: /^Cannot run functions while this deployment is paused\./,
};

for (const [state, message] of Object.entries(STATES)) {
  test(`${state}: no function runs, whether it exists or not; system functions do`, async () => {
    await post(convex, "/local/state", { state });
    for (const path of ["store:echo", "store:keys", "no:where"])
      assert.match(await runError(convex, "query", path), message);
    assert.match(await runError(convex, "mutation", "store:insert"), message);
    assert.match(await runError(convex, "action", "store:insertByAction"), message);
    assert.equal(await run(convex, "query", "_system/cli/tableSize", { tableName: "loose" }), 0);
    await post(convex, "/local/state", { state: "running" });
    assert.equal(await run(convex, "query", "store:echo", { value: 1 }), 1);
  });
}

test("a state that does not exist", async () => {
  const { status, json } = await post(convex, "/local/state", { state: "asleep" });
  assert.equal(status, 400);
  assert.match(json.message, /unknown state "asleep"; there are running, disabled_free/);
});

const allow = (...operations) => post(convex, "/local/keys", [{ operations }]);
const notAllowed = (action) => `You do not have permission to perform this operation (${action}).`;

test("a key that does not allow internal functions: an error of the function", async () => {
  await allow("ViewData", "RunInternalMutations");
  const error = await runError(convex, "query", "store:keys");
  assert.equal(error, `${notAllowed("deployment:functions:runInternalQueries")}\n`);
  assert.equal((await post(convex, "/api/query", ECHO)).json.status, "success");
  await allow("RunInternalQueries");
  assert.deepEqual(await run(convex, "query", "store:keys"), []);
  assert.equal(
    await runError(convex, "mutation", "store:fail"),
    `${notAllowed("deployment:functions:runInternalMutations")}\n`,
  );
});

test("of an internal action it is one of the request", async () => {
  await allow("RunInternalQueries");
  const { status, json } = await post(convex, "/api/action", { path: "strict:internalAct", args: {} });
  assert.deepEqual([status, json.code], [403, "OperationNotPermitted"]);
  assert.equal(json.message, notAllowed("deployment:functions:runInternalActions"));
});

test("system functions and pushes ask for operations too; check_admin_key tells them", async () => {
  await allow("RunInternalQueries");
  assert.match(
    await runError(convex, "query", "_system/frontend/getSchemas"),
    /^Uncaught Error: You do not have permission to perform this operation \(deployment:data:view\)\.\n/,
  );
  const { status, json } = await post(convex, "/api/get_config_hashes", { adminKey: convex.deployKey });
  assert.deepEqual([status, json.message], [403, notAllowed("deployment:deploy")]);
  const headers = { authorization: `Convex ${convex.deployKey}` };
  const known = await (await fetch(`${convex.url}/api/check_admin_key`, { headers })).json();
  assert.deepEqual(known, { success: true, allowedOps: ["RunInternalQueries"], isReadOnly: false });
});

test("a key that is good no longer, until a reset", async () => {
  await post(convex, "/local/keys", [{ key: "dev:local-convex-000|other" }]);
  const { status, json } = await post(convex, "/api/query", ECHO);
  assert.deepEqual([status, json.code], [401, "BadAdminKey"]);
  const other = { authorization: "Convex dev:local-convex-000|other" };
  assert.equal((await post(convex, "/api/query", ECHO, other)).json.value, 1);
  await post(convex, "/local/reset", {});
  assert.equal((await post(convex, "/api/query", ECHO)).json.value, 1);
});
