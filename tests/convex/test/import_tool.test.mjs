/** `npx convex import`, `export` and `data` of the official command line tool, and what they ask for. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";
import { makeProject, runTool } from "../../harness/deploy.mjs";
import { encodeId } from "../ids.mjs";
import { readZip } from "../import/zip.mjs";
import { deployForTests, float, int64, post, run } from "./helpers.mjs";
import { zipOf } from "./importing.mjs";

const convex = await deployForTests();
const project = makeProject();
const tool = async (...args) => await runTool(project, args, convex);

async function fileOf(name, content) {
  await writeFile(`${project}/${name}`, content);
  return `${project}/${name}`;
}

/** Lines of a file in a ZIP file, parsed. */
async function linesOf(entries, name) {
  const text = (await entries.find((entry) => entry.name === name).read()).toString();
  return text.split("\n").slice(0, -1);
}

async function documents(table) {
  const args = { table, order: "asc", paginationOpts: { numItems: 100, cursor: null } };
  return (await run(convex, "query", "_system/cli/tableData", args)).page;
}

/** Of all values that JSON alone does not have. */
const RICH = {
  big: int64(2n ** 60n + 1n),
  bytes: { $bytes: "AQID" },
  nan: float(NaN),
  whole: 5,
  text: "é",
  list: [null, true],
};

test("the tool imports JSON lines, a JSON array and CSV, and shows them", async () => {
  const { stderr } = await tool(
    "import",
    "--table",
    "loose",
    await fileOf("a.jsonl", '\ufeff{"a":1}\n{"a":2}\n'),
  );
  assert.match(stderr, /Added 2 documents to table "loose"/);
  assert.match(stderr, /loose \| 2 {6}\| 0 of 0 \|/);
  await tool("import", "--table", "loose", "--append", await fileOf("b.json", '[{"a":3}]'));
  await tool("import", "--table", "typed", await fileOf("c.csv", "name,count\nx,7\n"));
  const shown = await tool("data", "loose", "--format", "jsonLines", "--order", "asc");
  const rows = shown.stdout.trim().split("\n");
  assert.deepEqual(
    rows.map((row) => JSON.parse(row).a),
    [1, 2, 3],
  );
  assert.deepEqual((await tool("data")).stdout.trim().split("\n"), ["loose", "parents", "shapes", "typed"]);
});

test("the tool prints what an import fails with", async () => {
  await assert.rejects(
    tool("import", "--table", "typed", await fileOf("d.jsonl", '{"name":1}\n')),
    (error) => {
      assert.match(
        error.message,
        /Failed to insert or update a document in table "typed" because it does not match/,
      );
      return true;
    },
  );
});

test("what the tool exports are the documents; imported elsewhere they are the same", async () => {
  await run(convex, "mutation", "store:insert", { table: "loose", document: RICH });
  const parent = await run(convex, "mutation", "store:insert", { table: "parents", document: { name: "p" } });
  await run(convex, "mutation", "store:insert", { table: "typed", document: { name: "x", parent } });
  const path = `${project}/export.zip`;
  await tool("export", "--path", path);
  const file = await readFile(path);
  const entries = await readZip(file);
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  const listed = (await linesOf(entries, "_tables/documents.jsonl")).map((line) => JSON.parse(line));
  assert.deepEqual(
    listed,
    Object.entries(mapping)
      .filter(([, name]) => !name.startsWith("_"))
      .map(([id, name]) => ({ name, id: Number(id) })),
  );
  assert.deepEqual(await linesOf(entries, "loose/generated_schema.jsonl"), ['"uniform"']);
  const [line] = await linesOf(entries, "loose/documents.jsonl");
  assert.match(line, /"big":1152921504606846977,"bytes":\{"\$bytes":"AQID"\}/);
  assert.match(line, /"whole":5\.0/);

  const before = await Promise.all(["loose", "parents", "typed"].map(documents));
  await post(convex, "/local/reset", {});
  await tool("import", "--replace-all", "-y", path);
  assert.deepEqual(await Promise.all(["loose", "parents", "typed"].map(documents)), before);
});

test("the tool imports a ZIP file with ids of its own over documents that are there", async () => {
  await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  const number = Number(Object.keys(mapping).find((key) => mapping[key] === "loose"));
  const _id = encodeId(number, Buffer.alloc(16, 7));
  const path = await fileOf("e.zip", await zipOf({ loose: [JSON.stringify({ _id, a: "x" })] }));
  const { stderr } = await tool("import", "--replace", "-y", path);
  assert.match(stderr, /loose \| 1 {6}\| 1 of 1 \|/);
  assert.deepEqual(
    (await documents("loose")).map(({ _id: id, a }) => [id, a]),
    [[_id, "x"]],
  );
});

test("a query over WebSocket is answered again when its result changes, and only then", async () => {
  const socket = new WebSocket(`${convex.url.replace("http", "ws")}/api/1.48.0/sync`);
  await once(socket, "open");
  const next = async () => JSON.parse((await once(socket, "message"))[0].toString());
  const ask = async (message) => {
    const answer = next();
    socket.send(JSON.stringify(message));
    return await answer;
  };
  await ask({ type: "Authenticate", tokenType: "Admin", value: convex.deployKey, baseVersion: 0 });
  const query = { queryId: 0, udfPath: "_system/cli/tableSize", args: [{ tableName: "loose" }] };
  const modifications = [{ type: "Add", ...query }];
  const asked = await ask({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications });
  assert.equal(asked.modifications[0].value, 0);
  const changed = next();
  await run(convex, "mutation", "store:insert", { table: "parents", document: { name: "x" } });
  await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  const { modifications: answers, startVersion } = await changed;
  assert.deepEqual(
    answers.map(({ queryId, value }) => [queryId, value]),
    [[0, 1]],
  );
  assert.deepEqual(startVersion, asked.endVersion);
  socket.close();
});

async function exportNow() {
  assert.equal((await post(convex, "/api/export/request/zip", "")).status, 200);
  return await untilExported();
}

async function untilExported() {
  for (;;) {
    const latest = await run(convex, "query", "_system/cli/exports:getLatest");
    if (latest.state === "completed") return latest;
  }
}

async function download(id, key = convex.deployKey) {
  return await fetch(`${convex.url}/api/export/zip/${id}`, { headers: { authorization: `Convex ${key}` } });
}

test("an export is found by its id and its time; others are not there", async () => {
  assert.equal(await run(convex, "query", "_system/cli/exports:getLatest"), null);
  const { _id, start_ts: startedAt, size } = await exportNow();
  const time = Buffer.from(startedAt.$integer, "base64").readBigInt64LE();
  for (const id of [_id, time]) {
    const answer = await download(id);
    assert.equal(
      answer.headers.get("content-disposition"),
      `attachment; filename=snapshot_${convex.instance}_${time}.zip`,
    );
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(BigInt(bytes.length), Buffer.from(size.$integer, "base64").readBigInt64LE());
  }
  const failed = async (id, key) => {
    const answer = await download(id, key);
    return [answer.status, (await answer.json()).code];
  };
  assert.deepEqual(await failed("1"), [404, "ExportNotFound"]);
  assert.deepEqual(await failed("x"), [400, "BadSnapshotId"]);
  await post(convex, "/local/keys", [{}, { key: "viewer", operations: ["ViewBackups"] }]);
  assert.deepEqual(await failed(_id, "viewer"), [403, "OperationNotPermitted"]);
  const asked = await post(convex, "/api/export/request/zip", "", { authorization: "Convex viewer" });
  assert.deepEqual([asked.status, asked.json.code], [403, "OperationNotPermitted"]);
});

test("one export at a time", async () => {
  let release;
  const busy = convex.local.database.alone.run(() => new Promise((resolve) => (release = resolve)));
  assert.equal((await post(convex, "/api/export/request/zip?includeStorage=true", "")).status, 200);
  const second = await post(convex, "/api/export/request/zip", "");
  assert.deepEqual([second.status, second.json.code], [400, "ExportInProgress"]);
  assert.equal(
    (await post(convex, "/api/export/request/zip?includeStorage=x", "")).json.code,
    "BadQueryArgs",
  );
  release();
  await busy;
  await untilExported();
});
