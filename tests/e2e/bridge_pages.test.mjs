// What docs/from-supabase.md and docs/from-hosted.md tell to type is typed here, block by block: only the source, the key
// and Convex's own tool are replaced.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openProject, run, startConvex, startHosted } from "../harness/index.mjs";

import { assertAllArrived } from "../hosted/migration.mjs";

const push = fileURLToPath(new URL("../hosted/push.mjs", import.meta.url));

let hosted;
before(async () => {
  hosted = await startHosted({ sizes: { contacts: 50, conversations: 50, messages: 200, notes: 10 } });
});
after(() => hosted.stop());

/** The blocks of a language in a page, each with the heading it is below. */
function blocksOf(page, language) {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  return text.split(/\n(?=## )/).flatMap((section) =>
    [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))]
      .map(([, code]) => ({ heading: section.split("\n")[0], code })));
}

/** A project in which the blocks can be typed, one after another, as in one terminal. */
async function openTerminal(t, url) {
  const project = await openProject();
  const convex = await startConvex();
  t.after(() => convex.stop());
  mkdirSync(`${project.folder}/bin`);
  symlinkSync(project.program, `${project.folder}/bin/convex-bridge`);
  writeFileSync(`${project.folder}/bin/npx`, `#!/bin/sh\nexec node ${push}\n`);
  chmodSync(`${project.folder}/bin/npx`, 0o755);
  let exported = "";
  async function type(code) {
    const typed = code
      .replace(/^export SOURCE_URL=.*$/m, `export SOURCE_URL='${url.replaceAll("'", "'\\''")}'`)
      .replace("/path/of/ca.crt", hosted.certificate)
      .replace(/^export CONVEX_DEPLOY_KEY=.*$/m, `export CONVEX_DEPLOY_KEY='${convex.deployKey}'`);
    exported += (typed.match(/^export .*$/gm) ?? []).map((line) => `${line}\n`).join("");
    const { code: status, stdout, stderr } = await run("sh", ["-ec", exported + typed.replaceAll(/^export .*$/gm, "")], {
      cwd: project.folder,
      env: { PATH: `${project.folder}/bin:${process.env.PATH}`, HOME: project.folder, CONVEX_URL: convex.url },
    });
    assert.equal(status, 0, `${code}\n${stderr}${stdout}`);
    return stdout;
  }
  return { ...project, convex, type };
}

test("from Supabase", async (t) => {
  const { type, convex, folder } = await openTerminal(t, hosted.url("app"));
  const blocks = blocksOf("from-supabase.md", "sh");
  const migration = blocks.filter(({ heading }) => heading === "## The migration");
  for (const { code } of migration.slice(0, 2)) await type(code);
  await assertAllArrived(hosted, convex);
  for (const { code } of blocks.filter(({ heading }) => heading === "## Choices")) assert.match(await type(code), /\| members/);
  for (const { code } of blocks.filter(({ heading }) => heading === "## Users")) await type(code);
  const schema = readFileSync(`${folder}/convex/schema.ts`, "utf8");
  const [users] = schema.match(/ users: defineTable\(\{\n[^}]*\}\)/);
  assert.deepEqual([...users.matchAll(/^    (\w+): (.*),(?: \/\/.*)?$/gm)].map(([, name, type]) => `${name}: ${type}`), [
    "supabaseId: v.string()", "email: v.optional(v.string())", "phone: v.optional(v.string())",
    "emailVerificationTime: v.optional(v.number())", "phoneVerificationTime: v.optional(v.number())", "isAnonymous: v.boolean()",
  ]);
  assert.match(schema, /owner_id: v\.id\("users"\)/);
  await type(migration[2].code);
});

test("from other hosts, with a role that reads", async (t) => {
  const [{ code: sql }] = blocksOf("from-hosted.md", "sql");
  await hosted.administrator.query(sql);
  await hosted.administrator.query("ALTER ROLE mover BYPASSRLS");
  const { type, convex } = await openTerminal(t, hosted.url("mover", { password: "something-long", parameters: "sslmode=verify-full" }));
  for (const { code } of blocksOf("from-hosted.md", "sh")) await type(code);
  await assertAllArrived(hosted, convex);
});
