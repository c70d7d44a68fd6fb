/** deploy(): the command line tool in a temporary project. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { deploy } from "../deploy.mjs";
import { startConvex, upsertsInto, writeFunctions } from "../index.mjs";

test("a folder is deployed as it is, and gets nothing written into it", async () => {
  const convex = await startConvex();
  const folder = upsertsInto(["items"]);
  const output = await deploy(folder, convex);
  assert.match(output, /\[\+\] items\.by_supabaseId /);
  assert.match(output, /Deployed Convex functions/);
  assert.equal(existsSync(`${folder}/_generated`), false);
  const [answer] = await convex.mutation("migrate:migrateItems", { items: [{ id: "1" }] });
  assert.equal(answer.supabaseId, "1");
  await convex.stop();
});

test("a deploy that fails throws with the tool's output, and without the key", async () => {
  const convex = await startConvex();
  await assert.rejects(deploy(writeFunctions("export default ;"), convex), (error) => {
    assert.match(error.message, /convex deploy failed \(exit code 1\):\n/);
    assert.match(error.message, /Unexpected ";"/);
    assert.equal(error.message.includes(convex.deployKey), false);
    return true;
  });
  await convex.stop();
});
