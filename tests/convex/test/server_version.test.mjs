/** The version that a deployment says it has, and what an old one does not know. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post } from "./helpers.mjs";
import { importError, importFile, zipOf } from "./importing.mjs";

const OLD = "precompiled-2026-03-10-abc1234";
const convex = await deployForTests();
const old = await deployForTests({ version: OLD });

async function versionsOf({ url }) {
  return [
    await (await fetch(`${url}/version`)).text(),
    await (await fetch(`${url}/instance_version`)).text(),
  ];
}

test("the version is unknown unless it is said; it can be changed", async () => {
  assert.deepEqual(await versionsOf(convex), ["unknown", "unknown"]);
  assert.deepEqual(await versionsOf(old), [OLD, OLD]);
  await post(convex, "/local/version", { version: "2026-05-01" });
  assert.deepEqual(await versionsOf(convex), ["2026-05-01", "2026-05-01"]);
  await post(convex, "/local/version", { version: "unknown" });
  for (const version of ["", 5, undefined])
    assert.equal((await post(convex, "/local/version", { version })).status, 400);
});

test("a server of before 2026-03-11 does not know uniform", async () => {
  const file = await zipOf({ loose: ["{}"] });
  const wrong = /^Hit an error while importing:\ncannot parse loose\/generated_schema\.jsonl: /;
  assert.match(await importError(old, { format: "zip" }, file), wrong);
  const plain = await zipOf({ loose: ["{}"] }, { uniform: false });
  assert.equal((await importFile(old, { format: "zip" }, plain)).state.state, "completed");
  await post(old, "/local/version", { version: "2026-03-11" });
  assert.equal((await importFile(old, { format: "zip", mode: "replace" }, file)).state.state, "completed");
});
