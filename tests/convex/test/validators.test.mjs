/** Schema, argument and return validation: what is refused, with the server's words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeId } from "../ids.mjs";
import { parseSchema } from "../schema.mjs";
import { displayValidator, parseValidator } from "../validators.mjs";
import { deployForTests, float, int64, run, runError, writeError } from "./helpers.mjs";

const convex = await deployForTests();

const insert = (table, document) => run(convex, "mutation", "store:insert", { table, document });
const insertError = (table, document) => writeError(convex, "store:insert", { table, document });
const MISMATCH =
  'Failed to insert or update a document in table "typed" because it does not match the schema: ';

const FITTING = [
  { name: "a", count: 1.5, big: int64(-1), blob: { $bytes: "AA==" }, flag: false, nothing: null },
  { name: "b", color: "red", level: 3, tags: [], scores: { "any key": 1, "": 2 }, point: { x: 1 } },
  { name: "c", point: { x: 1, y: 2 }, anything: { a: [int64(1)] }, maybe: null, count: float(NaN) },
  { name: "d", maybe: "text" },
];

test("documents that fit go in and come back as they were", async () => {
  for (const document of FITTING) {
    const id = await insert("typed", document);
    const { _id, _creationTime, ...rest } = await run(convex, "query", "store:get", { id });
    assert.deepEqual(rest, document);
    assert.equal(_id, id);
    assert.equal(typeof _creationTime, "number");
  }
});

const NO_MATCH = [
  ["name", 1, "1.0", "v.string()"],
  ["count", int64(1), "1", "v.float64()"],
  ["big", 1, "1.0", "v.int64()"],
  ["blob", "AA==", '"AA=="', "v.bytes()"],
  ["flag", null, "null", "v.boolean()"],
  ["nothing", false, "false", "v.null()"],
  ["color", "blue", '"blue"', 'v.union(v.literal("red"), v.literal("green"))'],
  ["tags", "x", '"x"', "v.array(v.string())"],
  ["scores", [], "[]", "v.record(v.string(), v.float64())"],
  ["point", 1, "1.0", "v.object({x: v.float64(), y: v.optional(v.float64())})"],
  ["parent", "x", '"x"', 'v.id("parents")'],
  ["maybe", 1, "1.0", "v.union(v.string(), v.null())"],
];

for (const [field, value, printed, validator] of NO_MATCH) {
  test(`typed.${field} refuses ${JSON.stringify(value)}`, async () => {
    const error = await insertError("typed", { name: "x", [field]: value });
    assert.equal(
      error,
      `${MISMATCH}Value does not match validator.\nPath: .${field}\nValue: ${printed}\nValidator: ${validator}`,
    );
  });
}

test("paths lead into arrays, records and objects", async () => {
  const paths = [
    [{ name: "x", tags: ["a", null] }, ".tags[1]"],
    [{ name: "x", scores: { a: 1, b: "2" } }, ".scores.values()"],
    [{ name: "x", point: { x: "1" } }, ".point.x"],
  ];
  for (const [document, path] of paths) {
    assert.ok((await insertError("typed", document)).includes(`\nPath: ${path}\n`), path);
  }
});

test("missing and extra fields, literals", async () => {
  const missing = await insertError("parents", {});
  assert.equal(
    missing,
    'Failed to insert or update a document in table "parents" because it does not match the schema: Object is missing the required field `name`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\n\nObject: {}\nValidator: v.object({name: v.string()})',
  );
  const extra = await insertError("parents", { name: "x", b: 1, a: 2 });
  assert.ok(extra.includes("Object contains extra field `a` that is not in the validator.\n"));
  const literal = await insertError("typed", { name: "x", level: 4 });
  assert.equal(
    literal,
    `${MISMATCH}\`4.0\` does not match literal validator \`v.literal(3.0)\`.Path: .level`,
  );
});

test("v.id looks at the table of the id, not at the document", async () => {
  const dangling = encodeId(10002, Buffer.alloc(16, 7));
  await insert("typed", { name: "x", parent: dangling });
  const other = encodeId(10001, Buffer.alloc(16));
  assert.equal(
    await insertError("typed", { name: "x", parent: other }),
    `${MISMATCH}Found ID "${other}" from table \`loose\`, which does not match the table name in validator \`v.id("parents")\`.Path: .parent`,
  );
  const unknown = await insertError("typed", { name: "x", parent: encodeId(10900, Buffer.alloc(16)) });
  assert.match(unknown, /Value does not match validator\.\nPath: \.parent\n/);
});

test("a union of objects at the top of a table", async () => {
  await insert("shapes", { kind: "circle", radius: 1 });
  await insert("shapes", { kind: "square", side: 1 });
  assert.match(
    await insertError("shapes", { kind: "square", radius: 1 }),
    /Value does not match validator\./,
  );
});

test("patch and replace are held to the schema, and leave the old document when refused", async () => {
  const id = await insert("parents", { name: "before" });
  assert.match(await writeError(convex, "store:patch", { id, value: { name: 1 } }), /Path: \.name/);
  assert.match(
    await writeError(convex, "store:patch", { id, value: {}, remove: ["name"] }),
    /missing the required field/,
  );
  assert.match(
    await writeError(convex, "store:replace", { id, value: { other: 1 } }),
    /missing the required field/,
  );
  assert.equal((await run(convex, "query", "store:get", { id })).name, "before");
});

test("arguments: one bad record fails the whole call before any code runs", async () => {
  const error = await runError(convex, "mutation", "store:insertMany", { table: "loose", documents: "x" });
  assert.equal(
    error,
    'ArgumentValidationError: Value does not match validator.\nPath: .documents\nValue: "x"\nValidator: v.array(v.any())\n\n',
  );
  const missing = await runError(convex, "query", "store:get", {});
  assert.match(missing, /^ArgumentValidationError: Object is missing the required field `id`\./);
  const extra = await runError(convex, "query", "store:all", { table: "loose", more: 1 });
  assert.match(extra, /^ArgumentValidationError: Object contains extra field `more`/);
});

test("arguments must be one object", async () => {
  const two = await runError(convex, "query", "store:all", [{}, {}]);
  assert.equal(
    two,
    "ArgumentValidationError: Expected to receive a single object as the function's argument. Instead received 2 arguments: [{}, {}]\n\n",
  );
  const text = await runError(convex, "query", "store:all", "x");
  assert.equal(
    text,
    'ArgumentValidationError: Expected to receive an object as the function\'s argument. Instead received: "x"\n\n',
  );
  assert.deepEqual(await run(convex, "query", "store:noArgsValidator", { anything: [1] }), { anything: [1] });
  assert.deepEqual(await run(convex, "query", "store:echo", [{ value: 1 }]), 1);
});

test("return values are validated", async () => {
  assert.equal(await run(convex, "query", "store:returnsString", { value: "x" }), "x");
  assert.equal(
    await runError(convex, "query", "store:returnsString", { value: 1 }),
    "ReturnsValidationError: Value does not match validator.\n\nValue: 1.0\nValidator: v.string()\n",
  );
});

test("validators that may not exist", () => {
  const record = (keys, optional = false) => ({
    type: "record",
    keys,
    values: { fieldType: { type: "any" }, optional },
  });
  assert.throws(() => parseValidator(record({ type: "number" })), /Records can only have string keys/);
  assert.throws(
    () => parseValidator(record({ type: "literal", value: "a" })),
    /Records cannot have string literal keys/,
  );
  assert.throws(
    () => parseValidator(record({ type: "string" }, true)),
    /Records cannot have optional values/,
  );
  const badField = { type: "object", value: { "user-id": { fieldType: { type: "any" }, optional: false } } };
  assert.throws(() => parseValidator(badField), /Identifier user-id has invalid character '-'/);
  assert.equal(
    displayValidator(parseValidator(record({ type: "id", tableName: "t" }))),
    'v.record(v.id("t"), v.any())',
  );
});

const table = (indexes, extra = {}) => ({
  tableName: "t",
  indexes: indexes.map(([name, fields]) => index(name, fields)),
  documentType: { type: "any" },
  ...extra,
});
const index = (indexDescriptor, fields) => ({ indexDescriptor, fields });
const search = (indexDescriptor, searchField, filterFields = []) => ({
  indexDescriptor,
  searchField,
  filterFields,
});
const vector = (indexDescriptor, vectorField, dimensions) => ({
  indexDescriptor,
  vectorField,
  dimensions,
  filterFields: [],
});
const FIELDS_17 = Array.from({ length: 17 }, (_, n) => `f${n}`);
const NAMED = { type: "object", value: { name: { fieldType: { type: "string" }, optional: false } } };
const BAD_SCHEMAS = [
  [table([], { tableName: "_t" }), /_t is a reserved table name/],
  [table([], { tableName: "1t" }), /Invalid table name: "1t"/],
  [table([["by_id", ["a"]]]), /the name is reserved/],
  [table([["_x", ["a"]]]), /the name is reserved/],
  [table([["by-x", ["a"]]]), /Invalid index name: "by-x"/],
  [table([["i", []]]), /must have at least one field/],
  [table([["i", ["a", "a"]]]), /Duplicate field "a"/],
  [table([["i", ["_id"]]]), /`_id` is not a valid index field/],
  [table([["i", ["a", "_creationTime"]]]), /automatically added to the end of each index/],
  [table([["i", ["_x"]]]), /Reserved fields/],
  [
    table([
      ["i", ["a"]],
      ["j", ["a"]],
    ]),
    /index "j" and index "i" have the same fields/,
  ],
  [
    table([
      ["i", ["a"]],
      ["i", ["b"]],
    ]),
    /two or more definitions of index "i"/,
  ],
  [table([["i", Array.from({ length: 16 }, (_, n) => `f${n}`)]]), /Indexes may have up to 16 fields/],
  [
    table([["i", Array.from({ length: 17 }, (_, n) => `f${n}`)]]),
    /In table "t": In index "i": Indexes may have up to 16/,
  ],
  [
    table([], { stagedDbIndexes: [index("i", [])] }),
    /In table "t" staged index "i" must have at least one field/,
  ],
  [
    table([["i", ["a"]]], { stagedDbIndexes: [index("j", ["a"])] }),
    /index "j" and index "i" have the same fields/,
  ],
  [table([["i", ["a"]]], { searchIndexes: [search("i", "a")] }), /two or more definitions of index "i"/],
  [
    table([], { searchIndexes: [search("i", "a")], stagedSearchIndexes: [search("j", "a")] }),
    /search index "j" and search index "i" have the same `searchField`/,
  ],
  [
    table([], { searchIndexes: [search("i", "a", FIELDS_17)] }),
    /Search indexes may have up to 16 filter fields/,
  ],
  [table([], { vectorIndexes: [vector("i", "a", 1)] }), /Dimensions 1 must be between 2 and 4096/],
  [
    table([], { stagedVectorIndexes: [vector("i", "a", 4097)] }),
    /Dimensions 4097 must be between 2 and 4096/,
  ],
  [
    table([], { vectorIndexes: [vector("i", "a", 2), vector("j", "a", 2)] }),
    /vector index "j" and vector index "i" have the same `vectorField`/,
  ],
  [
    table([], { vectorIndexes: [vector("i", "name", 2)], documentType: NAMED }),
    /vector index "i" is invalid because it references the field "name" that is neither an array of float64/,
  ],
  [
    table([], { searchIndexes: [search("i", "b")], documentType: NAMED }),
    /references the field "b" that does not exist/,
  ],
  [table(Array.from({ length: 65 }, (_, n) => [`i${n}`, [`f${n}`]])), /cannot have more than 64 indexes/],
  [
    table([["i", ["b"]]], { documentType: { type: "object", value: {} } }),
    /references the field "b" that does not exist/,
  ],
  [table([], { documentType: { type: "string" } }), /must be an object, a union of objects, or `v\.any\(\)`/],
];

for (const [definition, message] of BAD_SCHEMAS) {
  test(`schema refused: ${message.source}`, () => {
    assert.throws(
      () => parseSchema(JSON.stringify({ tables: [definition], schemaValidation: true })),
      message,
    );
  });
}

test("a schema at the limits passes, and indexes show their _creationTime", () => {
  const fields = Array.from({ length: 15 }, (_, n) => `f${n}`);
  const schema = parseSchema(JSON.stringify({ tables: [table([["i", fields]])], schemaValidation: true }));
  assert.deepEqual(JSON.parse(schema.json).tables[0].indexes[0].fields, [...fields, "_creationTime"]);
});

test("64 indexes of all kinds pass; vectors of 2 and of 4096 numbers, of the same field", () => {
  const indexes = Array.from({ length: 60 }, (_, n) => [`i${n}`, [`f${n}`]]);
  const definition = table(indexes, {
    stagedDbIndexes: [index("staged", ["x"])],
    searchIndexes: [search("s", "text", FIELDS_17.slice(1))],
    vectorIndexes: [vector("v2", "v", 2), vector("v4096", "v", 4096)],
  });
  const schema = parseSchema(JSON.stringify({ tables: [definition], schemaValidation: true }));
  assert.equal(schema.tables.get("t").indexes.length, 64);
});
