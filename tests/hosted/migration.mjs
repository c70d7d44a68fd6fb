/**
 * A migration of the hosted database (supabase.sql) with convex-bridge: the project, its deployment, and what must arrive.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { compareDocuments, openProject, startConvex } from "../harness/index.mjs";

const push = fileURLToPath(new URL("push.mjs", import.meta.url));

/** From nothing to all documents, deploying in between. */
export const MIGRATE = ["migrate", "--deploy", `node ${push}`];

/** What the hosted rows become, beyond the defaults: for compareDocuments. */
export const EXPECTED = {
  excluded: ["public.places", "public.parcels"],
  targets: { 'public.Odd "names"': "oddNames" },
  fields: { 'public.Odd "names"': { "a b": "a_b" } },
};

/** A project with a deployment of its own, and the environment for it; both end with the test. */
export async function openMigration(t, hosted, { source = hosted.url("app") } = {}) {
  const project = await openProject();
  // a busy machine is no reason to end a function that reads a page
  const convex = await startConvex({ args: ["--user-time-limit", "0"] });
  t.after(() => convex.stop());
  t.after(() => project.mustBridge(["drop"]));
  const environment = { SOURCE_URL: source, CONVEX_URL: convex.url, CONVEX_DEPLOY_KEY: convex.deployKey };
  return { ...project, convex, environment };
}

/** Every document against the *hosted* rows, field by field. @returns {Promise<number>} how many there are */
export async function assertAllArrived(hosted, convex, expected = EXPECTED) {
  // what names objects is printed as the extension has it
  await hosted.administrator.query("SET search_path = pg_catalog");
  const { documents, differences } = await compareDocuments(hosted.administrator, convex, expected);
  assert.deepEqual(differences.slice(0, 5), []);
  return documents;
}
