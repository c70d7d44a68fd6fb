/**
 * A deployment that describes its functions in a form that no Convex has: the
 * run ends with an ERROR, the session goes on.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { openScenario, startCluster, textsOf } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** Validators of one field of a record. */
const oddRecords = {
  "fields without names": { type: "object", value: [{ fieldType: { type: "string" }, optional: false }] },
  "an id of no table": { type: "object", value: { parent: { fieldType: { type: "id" }, optional: false } } },
  "a literal without a value": { type: "object", value: { parent: { fieldType: { type: "literal" }, optional: false } } },
};

/** Answers as a deployment of generated functions, with this validator of items. */
function answers(record, instance) {
  const argument = { fieldType: { type: "array", value: record }, optional: false };
  const values = {
    "_system/cli/modules:apiSpec": [
      { identifier: "migrate.js:about", functionType: "Query", args: { type: "object", value: {} } },
      { identifier: "migrate.js:complete", functionType: "Mutation", args: { type: "any" } },
      { identifier: "migrate.js:migrateItems", functionType: "Mutation", args: { type: "object", value: { items: argument } } },
    ],
    "migrate:about": { generator: "convex_migrate", fingerprint: "0" },
    "_system/frontend/getSchemas": {
      active: JSON.stringify({ tables: [{ tableName: "items", indexes: [{ indexDescriptor: "by_supabaseId" }] }] }),
    },
  };
  return createServer(async (request, response) => {
    if (request.url === "/instance_name") return response.end(instance);
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify({ status: "success", value: values[JSON.parse(body).path] }));
  });
}

for (const [name, record] of Object.entries(oddRecords)) {
  test(`${name}: the run ends with an ERROR`, async (t) => {
    const { client, convex, migrateFails } = await openScenario(t, cluster, {
      sql: "CREATE TABLE items (id int PRIMARY KEY, parent int REFERENCES items)",
    });
    const instance = await (await fetch(`${convex.url}/instance_name`)).text();
    const server = answers(record, instance).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    await client.query(`ALTER SERVER convex OPTIONS (SET url 'http://127.0.0.1:${server.address().port}')`);
    const error = await migrateFails();
    assert.equal(error.code, "55000", textsOf(error));
    assert.match(error.detail, /^Table "items", field "parent": /);
    await client.query("SELECT 1");
  });
}
