/** Tables of an import: modes, numbers, what is swapped and when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Database } from "../database.mjs";
import { encodeId } from "../ids.mjs";
import { parseSchema } from "../schema.mjs";
import { SchemaState } from "../schema_states.mjs";
import { FUNCTIONS, deployForTests, post, run } from "./helpers.mjs";
import { importError, mode, sizeOf, start, steer, succeed, until, zipOf, look } from "./importing.mjs";

const convex = await deployForTests({ imports: { retryMs: 0 } });
const HEAD = "Hit an error while importing:\n";

async function mapping() {
  const all = await run(convex, "query", "_system/frontend/getTableMapping");
  return Object.fromEntries(Object.entries(all).map(([number, name]) => [name, Number(number)]));
}

async function insert(table, document = {}) {
  return await run(convex, "mutation", "store:insert", { table, document });
}

const id = (number, byte = 1) => encodeId(number, Buffer.alloc(16, byte));
const withId = (number, byte, rest = {}) => JSON.stringify({ _id: id(number, byte), ...rest });
const listed = (tables) =>
  Object.entries(tables).map(([name, number]) => JSON.stringify({ name, id: number }));

test("append adds, replace takes the place, requireEmpty wants an empty table, which is what goes without saying", async () => {
  await insert("loose", { old: true });
  const file = await zipOf({ loose: ["{}", "{}"] });
  await succeed(convex, mode("append"), file);
  assert.equal(await sizeOf(convex, "loose"), 3);
  await succeed(convex, mode("replace"), file);
  assert.equal(await sizeOf(convex, "loose"), 2);
  for (const spec of [mode("requireEmpty"), { format: "zip" }])
    assert.match(await importError(convex, spec, file), /^Table loose already exists\./);
  await succeed(convex, mode("requireEmpty"), await zipOf({ parents: ['{"name":"x"}'] }));
  assert.equal(await sizeOf(convex, "parents"), 1);
});

test("replaceAll deletes what is not in the file and empties what the schema names", async () => {
  await insert("extra");
  await insert("parents", { name: "x" });
  const before = await mapping();
  await succeed(convex, mode("replaceAll"), await zipOf({ loose: ["{}"] }));
  const after = await mapping();
  assert.equal(after.extra, undefined);
  assert.equal(after.parents, before.parents);
  assert.deepEqual([await sizeOf(convex, "loose"), await sizeOf(convex, "parents")], [1, 0]);
});

test("a table that is listed without a file is emptied, one that is not mentioned stays", async () => {
  await insert("loose");
  await insert("parents", { name: "x" });
  const { loose } = await mapping();
  await succeed(convex, mode("replace"), await zipOf({ _tables: listed({ loose }) }));
  assert.deepEqual([await sizeOf(convex, "loose"), await sizeOf(convex, "parents")], [0, 1]);
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
  assert.deepEqual([await sizeOf(convex, "loose"), await sizeOf(convex, "parents")], [0, 0]);
  await steer(convex, { hold: [] });
  await until(convex, importId, ["completed"]);
  assert.deepEqual([await sizeOf(convex, "loose"), await sizeOf(convex, "parents")], [1, 1]);
});

test("a failure in the last table leaves all as they were, and its hidden tables keep their numbers", async () => {
  await insert("parents", { name: "old" });
  const { loose, ...others } = await mapping();
  const highest = Math.max(loose, ...Object.values(others));
  const file = await zipOf({ brandnew: ["{}"], loose: ["{}"], parents: ['{"name":1.0}'] });
  await importError(convex, mode("replace"), file);
  assert.deepEqual(
    [await sizeOf(convex, "loose"), await sizeOf(convex, "parents"), await sizeOf(convex, "brandnew")],
    [0, 1, 0],
  );
  await insert("another");
  const after = await mapping();
  assert.equal(after.brandnew, undefined);
  assert.equal(after.another, highest + 2);
});

test("numbers come from _tables, else from the first row's id, else they stay, else they are new", async () => {
  const before = await mapping();
  await succeed(
    convex,
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
  await succeed(convex, mode("replace"), await zipOf({ other: [withId(600, 1)] }));
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
  await succeed(convex, mode("replace"), swapped);
  assert.deepEqual([(await mapping()).one, (await mapping()).two], [two, one]);
  const others = await zipOf({
    _tables: listed({ three: one, four: two }),
    three: [withId(one, 1)],
    four: [],
  });
  assert.match(await importError(convex, mode("replace"), others), /conflict with existing table/);
  await succeed(convex, mode("replaceAll"), others);
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
  await succeed(convex, mode("replace"), await zipOf({ _tables: listed({ parents: 15000 }), typed: [] }));
  assert.equal((await mapping()).parents, 15000);
});

test("a replaced table has the indexes of the old one, a new table only those of every table", async () => {
  await succeed(
    convex,
    mode("replace"),
    await zipOf({ loose: ['{"key":2.0,"n":"b"}', '{"key":1.0,"n":"a"}'] }),
  );
  const found = await run(convex, "query", "find:range", { index: "by_key", bounds: [], order: "asc" });
  assert.deepEqual(found, ["a", "b"]);
});

test("numbers of replaced tables are not given to others", async () => {
  await insert("temporary");
  const { temporary } = await mapping();
  await succeed(convex, mode("replaceAll"), await zipOf({}));
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

function schemaOf(table) {
  const tables = [{ tableName: "loose", indexes: [], documentType: null, ...table }];
  return parseSchema(JSON.stringify({ tables, schemaValidation: true }));
}

test("staged indexes are not those of the new table: a push adds them again", () => {
  const index = (indexDescriptor) => ({ indexDescriptor, fields: [indexDescriptor] });
  const schema = schemaOf({ indexes: [index("enabled")], stagedDbIndexes: [index("staged")] });
  const database = new Database();
  database.createTables(schema);
  database.indexes.prepare(schema);
  database.indexes.commit(schema);
  database.setSchema(schema);
  assert.deepEqual(database.indexes.diff(schema).added, []);
  const hidden = database.createHiddenTable("loose");
  database.showTables([hidden], []);
  assert.deepEqual(
    hidden.indexDefinitions.map(({ name }) => name),
    ["enabled"],
  );
  assert.deepEqual(
    database.indexes.diff(schema).added.map(({ name }) => name),
    ["loose.staged"],
  );
});

test("a schema in progress that a row does not match is failed by it, and so has changed", async () => {
  const { database } = convex.local;
  const number = { type: "object", value: { n: { fieldType: { type: "number" }, optional: false } } };
  const submitted = new SchemaState(schemaOf({ documentType: number }));
  submitted.state = "validated";
  database.schemaInProgress = submitted;
  await succeed(convex, mode("replace"), await zipOf({ loose: ['{"n":1.0}'] }));
  assert.equal(submitted.state, "validated");
  assert.match(
    await importError(convex, mode("replace"), await zipOf({ loose: ['{"n":"x"}'] })),
    /Could not complete import because schema changed/,
  );
  assert.equal(submitted.state, "failed");
  database.schemaInProgress = undefined;
});
