/**
 * Tables that change when their documents are in Convex: what the HINT says leads to a deployment that works, since
 * Convex takes a schema only if all documents pass it. The steps are those of docs/generated.md.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { assertArrives, compareDocuments, deploy, generate, openGenerated, startCluster } from "../harness/index.mjs";

const sql = `
  CREATE TABLE contact (id int PRIMARY KEY, name text NOT NULL, nick text, age text, kind text CHECK (kind IN ('a', 'b')));
  INSERT INTO contact VALUES (1, 'ann', 'an', '30', 'a'), (2, 'bob', NULL, '40', 'b');`;

const PLAIN = /^Write convex\/schema\.ts and convex\/migrate\.ts again by convex_schema\(\) and convex_functions\(\), then run /;
const WIDE = /^Documents that are stored would not pass the new schema\. Write convex\/schema\.ts by convex_schema\(wide => true\) /;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** The function that docs/generated.md shows for a field that nobody sends. */
function forget() {
  const page = readFileSync(new URL("../../docs/generated.md", import.meta.url), "utf8");
  const [, code] = page.match(/### Fields that nobody sends\n[^]*?```ts\n([^]*?)```/);
  return code;
}

/** Writes both files for the tables as they are, and deploys them as users do: every document must pass. */
async function deployFor({ client, convex }, { wide = false } = {}) {
  const folder = await generate(client);
  if (wide) {
    const { rows: [{ schema }] } = await client.query("SELECT public.convex_schema(wide => true) AS schema");
    writeFileSync(`${folder}/schema.ts`, `${schema}\n`);
  }
  writeFileSync(`${folder}/forget.ts`, forget());
  await deploy(folder, convex);
}

for (const { what, change, hint, gone = [] } of [
  { what: "a column that may be NULL is added", change: "ALTER TABLE contact ADD city text", hint: PLAIN },
  { what: "a CHECK gains a value", change: "ALTER TABLE contact DROP CONSTRAINT contact_kind_check, ADD CHECK (kind IN ('a', 'b', 'c'))", hint: PLAIN },
  { what: "a column that is NOT NULL is added", change: "ALTER TABLE contact ADD city text NOT NULL DEFAULT 'Rome'", hint: WIDE },
  { what: "a type changes", change: "ALTER TABLE contact ALTER age TYPE int USING age::int", hint: WIDE },
  { what: "a column is renamed", change: "ALTER TABLE contact RENAME nick TO nickname", hint: WIDE, gone: ["nick"] },
  {
    what: "a CHECK has other values",
    change: "UPDATE contact SET kind = 'b'; ALTER TABLE contact DROP CONSTRAINT contact_kind_check, ADD CHECK (kind IN ('b', 'c'))",
    hint: WIDE,
  },
]) {
  test(`${what}: the steps of the HINT`, async (t) => {
    const scenario = await openGenerated(t, cluster, { sql });
    await assertArrives(scenario);
    await scenario.client.query(change);
    const error = await scenario.migrateFails();
    assert.match(error.hint, hint);
    if (hint === WIDE) {
      await assert.rejects(deployFor(scenario), /does not match the schema|Schema validation failed/);
      await deployFor(scenario, { wide: true });
      await scenario.migrate();
      for (const name of gone) {
        assert.equal(await scenario.convex.mutation("forget:field", { table: "contact", name, cursor: null }), null);
      }
    }
    await deployFor(scenario);
    await scenario.migrate();
    const { differences } = await compareDocuments(scenario.client, scenario.convex);
    assert.deepEqual(differences, []);
  });
}
