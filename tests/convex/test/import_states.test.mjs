/** Uploads for imports, and the states of an import until it is carried out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployForTests, post, run, runError } from "./helpers.mjs";
import { BINARY, look, start, steer, until, zipOf } from "./importing.mjs";

const convex = await deployForTests();
const s3 = await deployForTests({ imports: { storage: "s3" } });
const INTO_LOOSE = { format: "jsonLines", tableName: "loose" };
const MIB = 1 << 20;

async function startUpload(deployment) {
  const { status, json } = await post(deployment, "/api/import/start_upload", "");
  assert.equal(status, 200);
  return json.uploadToken;
}

async function sendPart(deployment, uploadToken, partNumber, part) {
  const query = new URLSearchParams({ uploadToken, partNumber });
  return await post(deployment, `/api/import/upload_part?${query}`, part, BINARY);
}

async function finish(deployment, uploadToken, partTokens, spec = INTO_LOOSE) {
  return await post(deployment, "/api/import/finish_upload", { import: spec, uploadToken, partTokens });
}

/** Total of rows that the server found in an upload. */
async function rowsFound(deployment, importId) {
  const { state, checkpoints } = await until(deployment, importId, ["waiting_for_confirmation", "failed"]);
  assert.equal(state.state, "waiting_for_confirmation", state.error_message);
  return Number(Buffer.from(checkpoints[0].total_num_rows_to_write.$integer, "base64").readBigInt64LE());
}

test("a disk appends every part, whatever its number; the token of a part says nothing", async () => {
  const token = await startUpload(convex);
  assert.ok(JSON.parse(token).filepath);
  for (const [number, part] of [
    [2, '{"a":'],
    [1, "1}\n"],
    [1, '{"a":2}\n'],
    [1, '{"a":2}\n'],
    [60000, "{}"],
  ])
    assert.equal((await sendPart(convex, token, number, part)).json, "");
  const { status, json } = await finish(convex, token, []);
  assert.equal(status, 200);
  assert.equal(await rowsFound(convex, json.importId), 4);
});

test("S3 keeps parts by their number, and takes those that are named", async () => {
  const token = await startUpload(s3);
  assert.ok(JSON.parse(token).uploadId);
  const large = Buffer.alloc(5 * MIB, '{"a":1}\n');
  const first = await sendPart(s3, token, 1, "{}\n");
  const again = await sendPart(s3, token, 1, large);
  const second = await sendPart(s3, token, 2, '{"a":2}\n');
  assert.equal((await finish(s3, token, [first.json, second.json])).status, 500);
  const third = await sendPart(s3, token, 3, large);
  assert.equal((await finish(s3, token, [third.json, again.json])).status, 500);
  const { json } = await finish(s3, token, [again.json, second.json]);
  assert.equal(await rowsFound(s3, json.importId), (5 * MIB) / 8 + 1);
});

test("S3 refuses a small part before the last, part 0 and part 10,000; no part at all is an empty file", async () => {
  const token = await startUpload(s3);
  assert.equal((await sendPart(s3, token, 0, "{}")).status, 500);
  const { status, json } = await sendPart(s3, token, 10_000, "{}");
  assert.deepEqual([status, json.code], [400, "Invalid part number"]);
  const parts = [await sendPart(s3, token, 1, "{}\n"), await sendPart(s3, token, 9999, "{}\n")];
  assert.equal(
    (
      await finish(
        s3,
        token,
        parts.map(({ json: part }) => part),
      )
    ).status,
    500,
  );
  const empty = await finish(s3, await startUpload(s3), []);
  assert.equal(await rowsFound(s3, empty.json.importId), 0);
});

test("a token that no upload has is a 500; a finished one is gone from S3 and still there on a disk", async () => {
  for (const deployment of [convex, s3]) {
    assert.equal((await sendPart(deployment, "{}", 1, "{}")).status, 500);
    assert.equal((await sendPart(deployment, "no JSON", 1, "{}")).status, 500);
  }
  const onDisk = await startUpload(convex);
  assert.equal((await finish(convex, onDisk, [])).status, 200);
  assert.equal((await finish(convex, onDisk, [])).status, 200);
  const onS3 = await startUpload(s3);
  await finish(s3, onS3, []);
  assert.equal((await finish(s3, onS3, [])).status, 500);
});

test("query strings and bodies of another shape", async () => {
  const bad = async (route, body, headers) => {
    const { status, json } = await post(convex, route, body, headers);
    return [status, json.code, json.message];
  };
  const query = "Failed to deserialize query string: ";
  assert.deepEqual(await bad("/api/import/upload_part?partNumber=1", "", BINARY), [
    400,
    "BadQueryArgs",
    `${query}missing field \`uploadToken\``,
  ]);
  for (const number of ["65536", "-1", "x"])
    assert.equal(
      (await bad(`/api/import/upload_part?uploadToken=t&partNumber=${number}`, "", BINARY))[1],
      "BadQueryArgs",
    );
  assert.deepEqual(await bad("/api/import?format=xml", "", BINARY), [
    400,
    "BadQueryArgs",
    `${query}unknown variant \`xml\`, expected one of \`csv\`, \`jsonLines\`, \`jsonArray\`, \`zip\``,
  ]);
  const finishBad = (body) => bad("/api/import/finish_upload", body);
  assert.equal((await finishBad({ uploadToken: "t", partTokens: [] }))[1], "BadJsonBody");
  assert.equal(
    (await finishBad({ import: { format: "zip" }, uploadToken: "t", partTokens: [1] }))[1],
    "BadJsonBody",
  );
  assert.equal((await bad("/api/perform_import", {}))[1], "BadJsonBody");
  assert.equal((await bad("/api/perform_import", "{}", { "content-type": "text/plain" }))[1], "BadJsonBody");
  assert.equal((await finishBad({ pad: "x".repeat(2 * MIB) }))[1], "BadJsonBody");
});

test("a table has to be named except for a ZIP file, by a legal name", async () => {
  const refused = async (spec) => {
    const { status, json } = await finish(convex, await startUpload(convex), [], spec);
    return [status, json.code, json.message];
  };
  assert.deepEqual(await refused({ format: "zip", tableName: "loose" }), [
    400,
    "InvalidName",
    "ZIP import cannot have table name",
  ]);
  assert.equal((await refused({ format: "csv" }))[2], "CSV import requires table name");
  assert.equal((await refused({ format: "jsonArray" }))[2], "JSON import requires table name");
  assert.equal((await refused({ format: "jsonLines" }))[2], "JSONL import requires table name");
  assert.equal((await refused({ format: "csv", tableName: "a-b" }))[1], "ImportInvalidName");
  assert.equal((await refused({ format: "zip", componentPath: "part" }))[1], "NotSupported");
});

test("rights: a key that may not import, no key, a wrong key; looking needs another right", async () => {
  await post(convex, "/local/keys", [
    {},
    { key: "viewer", operations: ["ViewBackups"] },
    { key: "data", operations: ["ViewData"] },
  ]);
  const as = async (authorization, route, body = {}) => {
    const { status, json } = await post(convex, route, body, { authorization });
    return [status, json.code];
  };
  const bodies = {
    "/api/import/start_upload": "",
    "/api/import/upload_part?uploadToken=t&partNumber=1": "",
    "/api/import/finish_upload": { import: { format: "zip" }, uploadToken: "t", partTokens: [] },
    "/api/perform_import": { importId: "j5700000000000000000000000001qv0" },
    "/api/cancel_import": { importId: "j5700000000000000000000000001qv0" },
    "/api/import?format=zip": "",
  };
  for (const [route, body] of Object.entries(bodies)) {
    assert.deepEqual(await as("Convex viewer", route, body), [403, "OperationNotPermitted"], route);
    assert.deepEqual(await as(undefined, route, body), [403, "BadDeployKey"], route);
    assert.deepEqual(await as("Convex wrong", route, body), [401, "BadAdminKey"], route);
  }
  const list = { path: "_system/cli/queryImport:list", args: {} };
  const asked = async (key) =>
    (await post(convex, "/api/query", list, { authorization: `Convex ${key}` })).json;
  assert.equal((await asked("viewer")).status, "success");
  assert.match((await asked("data")).errorMessage, /deployment:backups:view/);
});

test("an uploaded file is parsed later; confirming it before does nothing", async () => {
  await steer(convex, { hold: ["before_parse"] });
  const importId = await start(convex, INTO_LOOSE, '{"_id":"x"}\n{"b":2}');
  assert.deepEqual(await steer(convex, { wait: true }), { at: "before_parse" });
  const uploaded = await look(convex, importId);
  assert.deepEqual(
    [uploaded.state, uploaded.checkpoints, uploaded.format, uploaded.mode, uploaded.requestor],
    [
      { state: "uploaded" },
      null,
      { format: "jsonl", table: "loose" },
      "RequireEmpty",
      { type: "snapshotImport" },
    ],
  );
  const confirmed = await post(convex, "/api/perform_import", { importId });
  assert.deepEqual([confirmed.status, confirmed.text], [200, ""]);
  assert.equal((await look(convex, importId)).state.state, "uploaded");
  await steer(convex, { hold: [] });
  const { state, checkpoints } = await until(convex, importId, ["waiting_for_confirmation"]);
  assert.equal(state.require_manual_confirmation, false);
  assert.equal(
    state.message_to_confirm,
    `Import change summary:
table | create | delete |
-------------------------
loose | 2      | 0 of 0 |
Once the import has started, it will run in the background.
Interrupting \`npx convex import\` will not cancel it.`,
  );
  assert.equal(checkpoints[0].display_table_name, "loose");
  assert.equal(checkpoints[0].is_missing_id_field, true);
});

test("what goes away is told, and has to be confirmed", async () => {
  for (let i = 0; i < 3; i += 1)
    await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  const replaced = await start(convex, { format: "zip", mode: "replaceAll" }, await zipOf({ extra: ["{}"] }));
  const { state } = await until(convex, replaced, ["waiting_for_confirmation"]);
  assert.equal(state.require_manual_confirmation, true);
  assert.match(state.message_to_confirm, /^extra {3}\| 1 {6}\| 0 of 0 \|$/m);
  assert.match(state.message_to_confirm, /^loose {3}\| 0 {6}\| 3 of 3 \|$/m);
  const appended = await start(convex, { ...INTO_LOOSE, mode: "append" }, "{}");
  const appending = await until(convex, appended, ["waiting_for_confirmation"]);
  assert.match(appending.state.message_to_confirm, /\| 0 of 3 \|/);
  const refused = await start(convex, INTO_LOOSE, "{}");
  assert.deepEqual((await until(convex, refused, ["waiting_for_confirmation", "failed"])).state, {
    state: "failed",
    error_message: "Table loose already exists. Please choose a new table name or use replace/append modes.",
  });
});

test("cancelling an import, once", async () => {
  const importId = await start(convex, INTO_LOOSE, "{}");
  await until(convex, importId, ["waiting_for_confirmation"]);
  assert.equal((await post(convex, "/api/cancel_import", { importId })).status, 200);
  assert.deepEqual((await look(convex, importId)).state, {
    state: "failed",
    error_message: "Import canceled",
  });
  const { status, json } = await post(convex, "/api/cancel_import", { importId });
  assert.deepEqual(
    [status, json.code, json.message],
    [400, "CannotCancelImport", "Cannot cancel an import that has failed"],
  );
});

test("an import that does not exist", async () => {
  const importId = "kn200000000000000000000000001000";
  for (const route of ["/api/perform_import", "/api/cancel_import"]) {
    const { status, json } = await post(convex, route, { importId });
    assert.deepEqual([status, json.code], [400, "InvalidImport"]);
  }
  const other = await start(s3, INTO_LOOSE, "{}");
  const { status, json } = await post(convex, "/api/perform_import", { importId: other });
  assert.deepEqual([status, json.code], [404, "ImportNotFound"]);
  assert.equal(await run(convex, "query", "_system/cli/queryImport", { importId: other }), null);
  assert.match(
    await runError(convex, "query", "_system/cli/queryImport", {
      importId: "j5700000000000000000000000001qv0",
    }),
    /_snapshot_imports/,
  );
});

test("the list has the newest first, twenty at most", async () => {
  const ids = [];
  for (let i = 0; i < 22; i += 1) ids.push(await start(convex, INTO_LOOSE, "{}"));
  const listed = await run(convex, "query", "_system/cli/queryImport:list");
  assert.deepEqual(
    listed.map(({ _id }) => _id),
    ids.reverse().slice(0, 20),
  );
});

test("an import is done when it is a week old", async () => {
  await steer(convex, { hold: ["before_parse"] });
  const importId = await start(convex, INTO_LOOSE, "{}");
  await steer(convex, { wait: true });
  convex.local.imports.records.get(importId).creationTime -= 7 * 24 * 3600 * 1000;
  await steer(convex, { hold: [] });
  assert.equal(
    (await until(convex, importId, ["failed"])).state.error_message,
    "Hit an error while importing:\nImport took too long. Try again or contact Convex.",
  );
});
