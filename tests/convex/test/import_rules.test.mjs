/** What an import does with the rows of each format, and what it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeId } from "../ids.mjs";
import { deployForTests, float, int64, post, run } from "./helpers.mjs";
import { importError, succeed, zipOf } from "./importing.mjs";

const convex = await deployForTests({ imports: { retryMs: 0 } });
const ZIP = { format: "zip" };
const HEAD = "Hit an error while importing:\n";

async function numberOf(table) {
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  const [number] = Object.entries(mapping).find(([, name]) => name === table);
  return Number(number);
}

/** An id of a table whose 16 bytes are all the same. */
async function idOf(table, byte) {
  return encodeId(await numberOf(table), Buffer.alloc(16, byte));
}

async function documents(table) {
  const options = { numItems: 100, cursor: null };
  const args = { table, order: "asc", paginationOpts: options };
  return (await run(convex, "query", "_system/cli/tableData", args)).page;
}

/** The only document of a table without its system fields. */
async function onlyDocument(table) {
  const found = await documents(table);
  assert.equal(found.length, 1);
  const { _id, _creationTime, ...fields } = found[0];
  return fields;
}

const rows = (count) => ({ $integer: int64(count).$integer });

test("every value of a uniform ZIP file arrives as what it is", async () => {
  const line =
    `{"big":9007199254740993,"least":-9223372036854775808,"whole":5.0,"exp":1e3,"zero":-0.0,"minus":-0,
    "nan":${JSON.stringify(float(NaN))},"bytes":{"$bytes":"AQI="},"text":"a \\" 5 , 6","beyond":9223372036854775808,
    "list":[1,[2.5,"3"]],"o":{"":null,"__proto__":{"x":1},"yes":true}}`.replaceAll("\n", "");
  const state = await succeed(convex, ZIP, await zipOf({ loose: [line] }));
  assert.deepEqual(state.num_rows_written, rows(1));
  const { o, ...others } = await onlyDocument("loose");
  assert.deepEqual(others, {
    big: int64(9007199254740993n),
    least: int64(-(2n ** 63n)),
    whole: 5,
    exp: 1000,
    zero: float(-0),
    minus: float(-0),
    nan: float(NaN),
    bytes: { $bytes: "AQI=" },
    text: 'a " 5 , 6',
    beyond: 2 ** 63,
    list: [int64(1), [2.5, "3"]],
  });
  assert.equal(o.yes, true);
});

test("without uniform every number is a Float64, and nothing stands for an Int64 or bytes", async () => {
  await succeed(convex, ZIP, await zipOf({ loose: ['{"a":5,"b":[6]}'] }, { uniform: false }));
  assert.deepEqual(await onlyDocument("loose"), { a: 5, b: [6] });
  for (const special of [int64(1), { $bytes: "" }, float(NaN)]) {
    const text = JSON.stringify([{}, { a: [special] }].slice(1)[0]);
    const message = await importError(
      convex,
      { ...ZIP, mode: "replace" },
      await zipOf({ loose: ["{}", text] }, { uniform: false }),
    );
    assert.match(message, /^Row 2 wasn't a valid Convex value: Field name \$\w+ starts with '\$'/);
  }
});

test("JSON lines and a JSON array", async () => {
  await succeed(convex, { format: "jsonLines", tableName: "loose" }, '{"a":1}\r\n{"a":"x"}');
  await succeed(convex, { format: "jsonArray", tableName: "loose", mode: "append" }, '[{"a":null}]');
  assert.deepEqual(
    (await documents("loose")).map(({ a }) => a),
    [1, "x", null],
  );
  const message = await importError(
    convex,
    { format: "jsonArray", tableName: "loose", mode: "append" },
    "[{},[1]]",
  );
  assert.equal(message, "Row 2 wasn't a valid Convex value: expected object, received [1]");
});

test("CSV: what reads as a number is one, what is not finite is null, an empty optional field is left out", async () => {
  const file = 'a, b ,c\n1.5,"x,""y""",\n+2e1,.5,NaN\ninf,1., 7\n';
  await succeed(convex, { format: "csv", tableName: "loose" }, file);
  assert.deepEqual(
    (await documents("loose")).map(({ a, b, c }) => [a, b, c]),
    [
      [1.5, 'x,"y"', ""],
      [20, 0.5, null],
      [null, 1, " 7"],
    ],
  );
  await succeed(convex, { format: "csv", tableName: "typed" }, "name,count\nx,\n,3\n");
  const typed = (await documents("typed")).map(({ _id, _creationTime, ...fields }) => fields);
  assert.deepEqual(typed, [{ name: "x" }, { name: "", count: 3 }]);
});

test("ids and creation times are kept, or made", async () => {
  const id = await idOf("loose", 0xff);
  await succeed(
    convex,
    ZIP,
    await zipOf({ loose: [`{"_id":"${id}","_creationTime":0.5}`, '{"other":true}'] }),
  );
  const [first, second] = await documents("loose");
  assert.deepEqual([first._id, first._creationTime], [id, 0.5]);
  assert.ok(second._creationTime > 1.6e12);
  assert.notEqual(second._id, id);
});

test("an id that is none, of another table, or no text", async () => {
  const fails = async (line, mode = "replace") =>
    await importError(convex, { ...ZIP, mode }, await zipOf({ loose: ["{}", line] }));
  assert.equal(await fails('{"_id":"nonsense"}'), `${HEAD}invalid _id 'nonsense'`);
  const other = await idOf("parents", 1);
  assert.ok(
    (await fails(`{"_id":"${other}"}`)).startsWith(
      `${HEAD}_id ${other} cannot be imported into 'loose' because`,
    ),
  );
  assert.match(
    await fails('{"_id":5}'),
    /^Hit an error while importing:\nProvided document ID "\w+" doesn't match '_id' field 5$/,
  );
  assert.equal((await documents("loose")).length, 0);
});

test("an id twice in a batch, and one that is there already or was deleted", async () => {
  const id = await idOf("loose", 1);
  const line = JSON.stringify({ _id: id });
  assert.equal(
    await importError(convex, ZIP, await zipOf({ loose: [line, line] })),
    `${HEAD}Objects in table "loose" have duplicate _id fields`,
  );
  await succeed(convex, ZIP, await zipOf({ loose: [line] }));
  const append = { ...ZIP, mode: "append" };
  assert.match(
    await importError(convex, append, await zipOf({ loose: [line] })),
    /Cannot create document with _id \w+ that already exists/,
  );
  await run(convex, "mutation", "store:remove", { id });
  assert.match(
    await importError(convex, append, await zipOf({ loose: [line] })),
    /Cannot recreate document with _id \w+ that was deleted/,
  );
  await succeed(convex, { ...ZIP, mode: "replace" }, await zipOf({ loose: [line] }));
  assert.deepEqual(
    (await documents("loose")).map(({ _id }) => _id),
    [id],
  );
});

test("creation times that are refused; some the server takes for a mistake of its own, five times", async () => {
  const fails = async (time) =>
    await importError(
      convex,
      { ...ZIP, mode: "replace" },
      await zipOf({ loose: [`{"_creationTime":${time}}`] }),
    );
  assert.match(
    await fails("0.0"),
    /isn't a valid document: The '_creationTime' field should be a timestamp in milliseconds, is 0$/,
  );
  assert.match(await fails("9007199254740992.0"), /in milliseconds, is 9007199254740992$/);
  assert.match(
    await fails("5"),
    /^Hit an error while importing:\nProvided creation time \S+ doesn't match '_creationTime' field in /,
  );
  assert.match(await fails('"now"'), /doesn't match '_creationTime'/);
  for (const time of ["-1.0", "-0.0", JSON.stringify(float(NaN)), JSON.stringify(float(Infinity))])
    assert.equal(await fails(time), "Your request couldn't be completed. Try again later.");
});

test("the active schema is enforced, references by the numbers of the import", async () => {
  const fails = async (tables) => await importError(convex, { ...ZIP, mode: "replace" }, await zipOf(tables));
  assert.match(
    await fails({ typed: ['{"name":5.0}'] }),
    /^Hit an error while importing:\nFailed to insert or update a document in table "typed" because it does not match the schema: /,
  );
  assert.match(await fails({ typed: ['{"name":"x","more":1}'] }), /extra field `more`/);
  const parent = encodeId(20000, Buffer.alloc(16, 1));
  const child = JSON.stringify({ name: "x", parent });
  assert.match(await fails({ typed: [child] }), /does not match/);
  const tables = { _tables: ['{"name":"parents","id":20000}'], typed: [child], parents: [] };
  await succeed(convex, { ...ZIP, mode: "replace" }, await zipOf(tables));
  assert.equal(await numberOf("parents"), 20000);
  assert.equal((await onlyDocument("typed")).parent, parent);
});

test("limits of a document", async () => {
  const fails = async (line) =>
    await importError(convex, { ...ZIP, mode: "replace" }, await zipOf({ loose: [line] }));
  assert.match(
    await fails(JSON.stringify({ a: "x".repeat(1 << 20) })),
    /Value is too large \(1\.00 MiB > maximum size 1 MiB\)/,
  );
  assert.match(await fails(JSON.stringify({ _x: 1 })), /Field '_x' starts with an underscore/);
  const nested = (levels) => (levels === 0 ? 1 : { a: nested(levels - 1) });
  assert.match(await fails(JSON.stringify(nested(17))), /too nested \(nested 17 levels deep/);
  assert.match(
    await fails(JSON.stringify(nested(65))),
    /^Row 1 wasn't a valid Convex value: Value is too nested/,
  );
  assert.match(
    await fails(JSON.stringify({ a: Array(8193).fill(null) })),
    /^Row 1 wasn't a valid Convex value: Array length/,
  );
  const fields = Object.fromEntries(Array.from({ length: 1023 }, (_, i) => [`f${i}`, null]));
  assert.match(
    await fails(JSON.stringify(fields)),
    /Object has too many fields \(1025 > maximum number 1024\)/,
  );
});

test("a system table is refused where it is listed, passed over where it only has documents", async () => {
  assert.equal(
    await importError(convex, ZIP, await zipOf({ _tables: ['{"name":"_schemas","id":30000}'] })),
    `${HEAD}Invalid table name _schemas starts with metadata prefix '_'`,
  );
  await succeed(convex, ZIP, await zipOf({ _schemas: ["{}"], loose: ["{}"] }));
  assert.match(
    await importError(convex, { format: "csv", tableName: "_own" }, "a\n1"),
    /Invalid table name _own/,
  );
  assert.match(
    await importError(convex, { ...ZIP, mode: "append" }, await zipOf({ _storage: ["{}"] })),
    /File storage is not supported/,
  );
  await succeed(convex, { ...ZIP, mode: "replace" }, await zipOf({ _storage: [], loose: ["{}"] }));
});

test("a whole import in one request", async () => {
  const binary = { "content-type": "application/octet-stream" };
  const answer = await post(convex, "/api/import?format=jsonLines&tableName=loose", "{}\n{}", binary);
  assert.deepEqual([answer.status, answer.json], [200, { numWritten: 2 }]);
  const again = await post(convex, "/api/import?format=jsonLines&tableName=loose", "{}\n{}", binary);
  assert.deepEqual([again.status, again.json.code], [400, "ImportFailed"]);
  const wrong = await post(convex, "/api/import?format=jsonLines&tableName=typed", '{"name":1}', binary);
  assert.match(wrong.json.message, /^Hit an error while importing:\nFailed to insert/);
  const unnamed = await post(convex, "/api/import?format=csv", "", binary);
  assert.deepEqual([unnamed.status, unnamed.json.code], [400, "InvalidName"]);
});

test("a file that is not what it is said to be fails while it is parsed", async () => {
  const failed = (spec, file) => importError(convex, { tableName: "loose", ...spec }, file);
  const jsonLines = (file) => failed({ format: "jsonLines" }, file);
  assert.match(await jsonLines("{}\n\n{}"), /^Row 2 wasn't valid JSON: /);
  assert.match(await jsonLines('{"a":1e999}'), /^Row 1 wasn't valid JSON: number out of range/);
  assert.match(await jsonLines('{"a":"\\ud800"}'), /^Row 1 wasn't valid JSON: lone leading surrogate/);
  assert.match(await jsonLines(Buffer.from([0xff])), /^Import wasn't valid UTF8: /);
  assert.match(await jsonLines("\ufeff{}"), /^UTF-8 BOM is not supported/);
  const jsonArray = (file) => failed({ format: "jsonArray" }, file);
  assert.equal(await jsonArray("{}"), "Not a JSON array");
  assert.match(await jsonArray("[{}"), /^Not valid JSON: /);
  assert.match(await jsonArray("\ufeff[]"), /^UTF-8 BOM is not supported/);
  assert.equal(
    await jsonArray(Buffer.alloc((16 << 20) + 1, " ")),
    "Import is too large for JSON (16777217 bytes > maximum 16 MiB). Consider converting data to JSONLines",
  );
  const csv = (file) => failed({ format: "csv" }, file);
  assert.equal(
    await csv("a,$b\n1,2"),
    "CSV header \"$b\" isn't a valid field name: Field name $b starts with '$', which is reserved.",
  );
  assert.equal(await csv("a,b\n1,2\n\n3\n"), "CSV row 3 doesn't have all of the fields in the header");
});
