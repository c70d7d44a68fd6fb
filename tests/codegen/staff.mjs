/** Two tables that refer to each other, and one to itself: their references wait for the link pass. */
import { readFileSync, writeFileSync } from "node:fs";
import { generate, prepareDatabase, startCluster } from "../harness/index.mjs";

const STAFF = `
  CREATE TABLE departments (id text PRIMARY KEY, name text NOT NULL);
  CREATE TABLE employees (id text PRIMARY KEY, name text NOT NULL, department_id text NOT NULL REFERENCES departments,
    manager_id text REFERENCES employees, note text, constructor int);
  ALTER TABLE departments ADD head_id text REFERENCES employees;`;

/** What the app has added since: a field in the middle of a table, and a function that sets it. */
const APP = `
import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
export const setNickname = internalMutation({
  args: { id: v.id("employees"), nickname: v.string() },
  handler: (ctx, { id, nickname }) => ctx.db.patch("employees", id, { nickname }),
});`;

/**
 * The generated files, which the app has gone on from, for each choice of option "orphans"; and those of a table with a
 * field of any type.
 * @returns {Promise<{ reject: string, keep: string, anything: string }>} their folders
 */
export async function staffProjects() {
  const cluster = await startCluster();
  const client = await cluster.connect();
  await client.query(STAFF);
  const nowhere = { url: "http://127.0.0.1:1", deployKey: "dev:nowhere|key" };
  await prepareDatabase(client, nowhere, { key_field: "legacyId", orphans: "reject" });
  const reject = await project(client);
  await client.query("ALTER SERVER convex OPTIONS (SET orphans 'keep')");
  const keep = await project(client);
  const anything = await projectOfAnything(client);
  await cluster.stop();
  return { reject, keep, anything };
}

async function projectOfAnything(client) {
  await client.query(`DROP TABLE departments, employees CASCADE;
    CREATE TABLE things (id text PRIMARY KEY, value jsonb)`);
  return await generate(client);
}

async function project(client) {
  const folder = await generate(client);
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema.replace("    note:", "    nickname: v.optional(v.string()),\n    note:"));
  writeFileSync(`${folder}/app.ts`, APP);
  return folder;
}
