/** Tables of an import: modes, numbers, what is swapped and when; and an import that is disturbed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeId } from "../ids.mjs";
import { FUNCTIONS, deployForTests, post, run, stats } from "./helpers.mjs";
import { importError, importFile, look, start, steer, until, zipOf } from "./importing.mjs";

const convex = await deployForTests({ imports: { retryMs: 0 } });
const HEAD = "Hit an error while importing:\n";
const mode = (name) => ({ format: "zip", mode: name });

async function mapping() {
  const all = await run(convex, "query", "_system/frontend/getTableMapping");
  return Object.fromEntries(Object.entries(all).map(([number, name]) => [name, Number(number)]));
}

async function size(tableName) {
  return await run(convex, "query", "_system/cli/tableSize", { tableName });
}

async function insert(table, document = {}) {
  return await run(convex, "mutation", "store:insert", { table, document });
}

async function succeed(spec, file) {
  const { state } = await importFile(convex, spec, file);
  assert.equal(state.state, "completed", state.error_message);
}

const id = (number, byte = 1) => encodeId(number, Buffer.alloc(16, byte));
const withId = (number, byte, rest = {}) => JSON.stringify({ _id: id(number, byte), ...rest });
const listed = (tables) =>
  Object.entries(tables).map(([name, number]) => JSON.stringify({ name, id: number }));

test("append adds, replace takes the place, requireEmpty wants an empty table, which is what goes without saying", async () => {
  await insert("loose", { old: true });
  const file = await zipOf({ loose: ["{}", "{}"] });
  await succeed(mode("append"), file);
  assert.equal(await size("loose"), 3);
  await succeed(mode("replace"), file);
  assert.equal(await size("loose"), 2);
  for (const spec of [mode("requireEmpty"), { format: "zip" }])
    assert.match(await importError(convex, spec, file), /^Table loose already exists\./);
  await succeed(mode("requireEmpty"), await zipOf({ parents: ['{"name":"x"}'] }));
  assert.equal(await size("parents"), 1);
});

test("replaceAll deletes what is not in the file and empties what the schema names", async () => {
  await insert("extra");
  await insert("parents", { name: "x" });
  const before = await mapping();
  await succeed(mode("replaceAll"), await zipOf({ loose: ["{}"] }));
  const after = await mapping();
  assert.equal(after.extra, undefined);
  assert.equal(after.parents, before.parents);
  assert.deepEqual([await size("loose"), await size("parents")], [1, 0]);
});

test("a table that is listed without a file is emptied, one that is not mentioned stays", async () => {
  await insert("loose");
  await insert("parents", { name: "x" });
  const { loose } = await mapping();
  await succeed(mode("replace"), await zipOf({ _tables: listed({ loose }) }));
  assert.deepEqual([await size("loose"), await size("parents")], [0, 1]);
});

test("nothing is seen before the end, and then all tables at once", async () => {
  await steer(convex, { hold: ["before_batch", "before_finalize_import"] });
  const importId = await start(
    convex,
    mode("replace"),
    await zipOf({ loose: ["{}"], parents: ['{"name":"x"}'] }),
  );
  await until(convex, importId, ["waiting_for_confirmation"]);
  await post(convex, "/api/perform_import", { importId });
  assert.deepEqual(await steer(convex, { wait: true }), { at: "before_batch" });
  assert.equal((await look(convex, importId)).state.progress_message, 'Importing "loose"');
  assert.deepEqual(await steer(convex, { step: true, wait: true }), { at: "before_batch" });
  assert.deepEqual((await look(convex, importId)).state.checkpoint_messages, [
    'Imported "loose" (1 documents)',
  ]);
  assert.deepEqual(await steer(convex, { step: true, wait: true }), { at: "before_finalize_import" });
  assert.deepEqual([await size("loose"), await size("parents")], [0, 0]);
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
  assert.deepEqual([await size("loose"), await size("parents")], [1, 1]);
});

test("a failure in the last table leaves all as they were, and its hidden tables keep their numbers", async () => {
  await insert("parents", { name: "old" });
  const { loose, ...others } = await mapping();
  const highest = Math.max(loose, ...Object.values(others));
  const file = await zipOf({ brandnew: ["{}"], loose: ["{}"], parents: ['{"name":1.0}'] });
  await importError(convex, mode("replace"), file);
  assert.deepEqual([await size("loose"), await size("parents"), await size("brandnew")], [0, 1, 0]);
  await insert("another");
  const after = await mapping();
  assert.equal(after.brandnew, undefined);
  assert.equal(after.another, highest + 2);
});

test("numbers come from _tables, else from the first row's id, else they stay, else they are new", async () => {
  const before = await mapping();
  await succeed(
    mode("replace"),
    await zipOf({
      _tables: listed({ listedOne: 12345 }),
      listedOne: [withId(12345, 1)],
      guessed: [withId(12346, 1), "{}"],
      loose: ["{}"],
      fresh: ["{}"],
    }),
  );
  const after = await mapping();
  assert.deepEqual([after.listedOne, after.guessed, after.loose], [12345, 12346, before.loose]);
  assert.ok(after.fresh > 10000 && after.fresh < 12345);
});

test("two tables that want one number", async () => {
  const fails = async (name, tables) => await importError(convex, mode(name), await zipOf(tables));
  assert.equal(
    await fails("replace", { _tables: listed({ a: 12000, b: 12000 }) }),
    `${HEAD}conflict between \`a\` and \`b\` with number 12000`,
  );
  assert.match(
    await fails("replace", { a: [withId(12000, 1)], b: [withId(12000, 2)] }),
    /conflict between `a` and `b`/,
  );
  assert.equal(
    await fails("replace", { _tables: [...listed({ a: 12000 }), ...listed({ a: 12001 })] }),
    `${HEAD}\`_tables\` contains duplicate entries for \`a\``,
  );
  const { loose } = await mapping();
  for (const name of ["append", "replace", "requireEmpty"])
    assert.equal(
      await fails(name, { other: [withId(loose, 1)] }),
      `${HEAD}New table \`other\` has IDs that conflict with existing table \`loose\`. To delete all existing tables, import with \`npx convex import --replace-all\`.`,
    );
  const next = 1 + Math.max(...Object.values(await mapping()));
  assert.equal(
    await fails("replace", { afresh: ["{}"], claims: [withId(next, 1)] }),
    `${HEAD}conflict between \`afresh\` and \`claims\` with table number ${next}`,
  );
});

test("no table has a number of the system's, in any mode", async () => {
  for (const name of ["replace", "replaceAll"]) {
    assert.match(
      await importError(convex, mode(name), await zipOf({ other: [withId(540, 1)] })),
      /conflict with existing system table$/,
    );
    assert.match(
      await importError(convex, mode(name), await zipOf({ other: [withId(520, 1)] })),
      /conflict with existing internal table\. /,
    );
  }
  await succeed(mode("replace"), await zipOf({ other: [withId(600, 1)] }));
});

test("a copy of another deployment: swapped numbers can be replaced, not appended to; other names only replace all", async () => {
  await insert("one");
  await insert("two");
  const { one, two } = await mapping();
  const swapped = await zipOf({
    _tables: listed({ one: two, two: one }),
    one: [withId(two, 1)],
    two: [withId(one, 1)],
  });
  assert.equal(
    await importError(convex, mode("append"), swapped),
    `${HEAD}table one wants table number ${two} but was already assigned ${one}`,
  );
  await succeed(mode("replace"), swapped);
  assert.deepEqual([(await mapping()).one, (await mapping()).two], [two, one]);
  const others = await zipOf({
    _tables: listed({ three: one, four: two }),
    three: [withId(one, 1)],
    four: [],
  });
  assert.match(await importError(convex, mode("replace"), others), /conflict with existing table/);
  await succeed(mode("replaceAll"), others);
  assert.deepEqual([(await mapping()).three, (await mapping()).one], [one, undefined]);
});

test("a table that a full one points to cannot change its number", async () => {
  const parent = await insert("parents", { name: "x" });
  await insert("typed", { name: "y", parent });
  const moved = await zipOf({ _tables: listed({ parents: 15000 }) });
  assert.equal(
    await importError(convex, mode("replace"), moved),
    `${HEAD}Import changes table 'parents' which is referenced by 'typed' in the schema`,
  );
  await succeed(mode("replace"), await zipOf({ _tables: listed({ parents: 15000 }), typed: [] }));
  assert.equal((await mapping()).parents, 15000);
});

test("a replaced table has the indexes of the old one, a new table only those of every table", async () => {
  await succeed(mode("replace"), await zipOf({ loose: ['{"key":2.0,"n":"b"}', '{"key":1.0,"n":"a"}'] }));
  const found = await run(convex, "query", "find:range", { index: "by_key", bounds: [], order: "asc" });
  assert.deepEqual(found, ["a", "b"]);
});

test("numbers of replaced tables are not given to others", async () => {
  await insert("temporary");
  const { temporary } = await mapping();
  await succeed(mode("replaceAll"), await zipOf({}));
  await insert("later");
  assert.ok((await mapping()).later > temporary);
});

test("a schema that changes meanwhile ends the import; a push that changes nothing does not", async () => {
  const held = async (meanwhile) => {
    await steer(convex, { hold: ["before_finalize_import"] });
    const importId = await start(convex, mode("replace"), await zipOf({ loose: ["{}"] }));
    await until(convex, importId, ["waiting_for_confirmation"]);
    await post(convex, "/api/perform_import", { importId });
    await steer(convex, { wait: true });
    await meanwhile();
    await steer(convex, { hold: [] });
    return (await until(convex, importId, ["completed", "failed"])).state;
  };
  assert.equal(
    (await held(() => post(convex, "/local/functions", { directory: FUNCTIONS }))).state,
    "completed",
  );
  const { database } = convex.local;
  const { schema } = database;
  const { state, error_message: message } = await held(() =>
    database.setSchema({ ...schema, json: `${schema.json} ` }),
  );
  database.setSchema(schema);
  assert.deepEqual(
    [state, message],
    [
      "failed",
      `${HEAD}Could not complete import because schema changed. Avoid modifying schema.ts while importing tables`,
    ],
  );
});

/** More rows than go into one batch. */
const MANY = Array.from({ length: 16_003 }, (_, i) => `{"n":${i}.0}`);

async function beginLarge(deployment, spec, file) {
  await steer(deployment, { hold: ["before_batch"] });
  const importId = await start(deployment, spec, file);
  await until(deployment, importId, ["waiting_for_confirmation"]);
  await post(deployment, "/api/perform_import", { importId });
  await steer(deployment, { wait: true });
  return importId;
}

test("batches of 8,001 rows; progress is told after each", async () => {
  const importId = await beginLarge(convex, mode("append"), await zipOf({ loose: MANY }));
  assert.equal(await size("loose"), 0);
  await steer(convex, { step: true, wait: true });
  assert.equal(await size("loose"), 8001);
  assert.equal((await look(convex, importId)).state.progress_message, 'Importing "loose" (8,000 documents)');
  await steer(convex, { step: true, wait: true });
  assert.equal(await size("loose"), 16_002);
  await steer(convex, { hold: [] });
  const { state } = await until(convex, importId, ["completed"]);
  assert.equal(Buffer.from(state.num_rows_written.$integer, "base64").readBigInt64LE(), 16_003n);
});

test("a batch ends with the row that makes it more than 8 MiB", async () => {
  const rows = Array.from({ length: 10 }, () => JSON.stringify({ text: "x".repeat(1_000_000) }));
  const importId = await beginLarge(convex, mode("append"), await zipOf({ loose: rows }));
  await steer(convex, { step: true, wait: true });
  assert.equal(await size("loose"), 9);
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
});

async function restartServer(deployment) {
  await post(deployment, "/local/faults", [{ match: { path: "/version" }, fault: { kind: "restart" } }]);
  await assert.rejects(fetch(`${deployment.url}/version`));
  for (;;) {
    const answer = await fetch(`${deployment.url}/local/stats`).catch(() => undefined);
    if (answer?.ok) return;
  }
}

test("after a restart the import goes on behind the rows that are in, and so does an uploaded one", async () => {
  const importId = await beginLarge(convex, mode("replace"), await zipOf({ loose: MANY }));
  await steer(convex, { step: true, wait: true });
  await restartServer(convex);
  await steer(convex, { wait: true });
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
  const numbers = new Set();
  for (const document of convex.local.database.table("loose").byId.tree.valuesArray())
    numbers.add(JSON.parse(document.json).n);
  assert.deepEqual([numbers.size, await size("loose")], [16_003, 16_003]);
});

test("an append into a new table cannot be resumed; into one that is there it begins anew", async () => {
  const fresh = await beginLarge(convex, mode("append"), await zipOf({ brandnew: MANY }));
  await restartServer(convex);
  await steer(convex, { hold: [] });
  const { state } = await until(convex, fresh, ["completed", "failed"]);
  assert.equal(state.error_message, "Your request couldn't be completed. Try again later.");
  const again = await beginLarge(convex, mode("append"), await zipOf({ loose: MANY }));
  await steer(convex, { step: true, wait: true });
  await restartServer(convex);
  await steer(convex, { hold: [] });
  await until(convex, again, ["completed"]);
  assert.equal(await size("loose"), 8001 + 16_003);
});

test("an import that is cancelled goes on to the end of its table, and shows nothing", async () => {
  const importId = await beginLarge(
    convex,
    mode("replace"),
    await zipOf({ loose: MANY, parents: ['{"name":"x"}'] }),
  );
  await post(convex, "/api/cancel_import", { importId });
  await steer(convex, { step: true, wait: true });
  await steer(convex, { step: true, wait: true });
  const next = await start(convex, mode("append"), await zipOf({ parents: ['{"name":"next"}'] }));
  assert.equal((await look(convex, next)).state.state, "uploaded");
  await steer(convex, { step: true });
  await until(convex, next, ["waiting_for_confirmation"]);
  assert.deepEqual((await look(convex, importId)).state, {
    state: "failed",
    error_message: "Import canceled",
  });
  assert.equal(await size("loose"), 0);
});

test("cancelled while it is about to end", async () => {
  await steer(convex, { hold: ["before_finalize_import"] });
  const importId = await start(convex, mode("replace"), await zipOf({ loose: ["{}"] }));
  await until(convex, importId, ["waiting_for_confirmation"]);
  await post(convex, "/api/perform_import", { importId });
  await steer(convex, { wait: true });
  await post(convex, "/api/cancel_import", { importId });
  await steer(convex, { hold: [] });
  await importFile(convex, mode("replace"), await zipOf({ parents: [] }));
  assert.equal((await look(convex, importId)).state.error_message, "Import canceled");
  assert.equal(await size("loose"), 0);
});

test("a paused deployment imports", async () => {
  await post(convex, "/local/state", { state: "paused" });
  await succeed(mode("append"), await zipOf({ loose: ["{}"] }));
});

test("a batch is written at once; then the import waits for the limit, and mutations are refused meanwhile", async () => {
  let now = 0;
  const slow = await deployForTests({ plan: { writeLimit: 1000, now: () => now } });
  const importId = await beginLarge(slow, mode("append"), await zipOf({ loose: MANY }));
  await steer(slow, { hold: [] });
  for (;;) if ((await stats(slow)).importWaits > 0) break;
  assert.equal(await run(slow, "query", "_system/cli/tableSize", { tableName: "loose" }), 8001);
  const refused = await post(slow, "/api/mutation", {
    path: "store:insert",
    args: { table: "loose", document: {} },
  });
  assert.deepEqual([refused.status, refused.json.code], [429, "TooManyWrites"]);
  const ended = until(slow, importId, ["completed"]);
  for (const later of [2000, 4000]) {
    const before = (await stats(slow)).bytesWritten;
    now = later;
    while ((await stats(slow)).bytesWritten === before);
  }
  await ended;
});
