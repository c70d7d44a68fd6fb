/** Values in and out: the JSON dialects, what is refused, and sizes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { displayValue } from "../display.mjs";
import { canonicalize } from "../values.mjs";
import { deployForTests, float, int64, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests();

async function echoText(value, format) {
  const { text } = await post(convex, "/api/query", { path: "store:echo", args: { value }, format });
  return text.replace(/^{"status":"success","value":/, "").replace(/}$/, "");
}

const OUTPUTS = [
  // value, encoded, clean, export
  [5, "5.0", "5.0", "5.0"],
  [0.1, "0.1", "0.1", "0.1"],
  [1700000000000.25, "1700000000000.25", "1700000000000.25", "1700000000000.25"],
  [1e16, "1e16", "1e16", "1e16"],
  [123456789012345680, "1.2345678901234568e17", "1.2345678901234568e17", "1.2345678901234568e17"],
  [1e-7, "1e-7", "1e-7", "1e-7"],
  [0.00001, "0.00001", "0.00001", "0.00001"],
  [int64(-5), JSON.stringify(int64(-5)), '"-5"', "-5"],
  [
    int64("9223372036854775807"),
    JSON.stringify(int64("9223372036854775807")),
    '"9223372036854775807"',
    "9223372036854775807",
  ],
  [float(NaN), JSON.stringify(float(NaN)), '"NaN"', JSON.stringify(float(NaN))],
  [float(-Infinity), JSON.stringify(float(-Infinity)), '"-Infinity"', JSON.stringify(float(-Infinity))],
  [float(-0), JSON.stringify(float(-0)), "-0.0", "-0.0"],
  [{ $bytes: "AAEC/w==" }, '{"$bytes":"AAEC/w=="}', '"AAEC/w=="', '{"$bytes":"AAEC/w=="}'],
  [
    'a\u0001"\\\n\u{1f600}é',
    JSON.stringify('a\u0001"\\\n\u{1f600}é'),
    JSON.stringify('a\u0001"\\\n\u{1f600}é'),
    JSON.stringify('a\u0001"\\\n\u{1f600}é'),
  ],
  [[null, true, []], "[null,true,[]]", "[null,true,[]]", "[null,true,[]]"],
  [
    { b: 1, a: {}, "": false },
    '{"":false,"a":{},"b":1.0}',
    '{"":false,"a":{},"b":1.0}',
    '{"":false,"a":{},"b":1.0}',
  ],
];

for (const [value, encoded, clean, exported] of OUTPUTS) {
  test(`formats of ${JSON.stringify(value)}`, async () => {
    assert.equal(await echoText(value, "convex_encoded_json"), encoded);
    assert.equal(await echoText(value, "convex_json"), encoded);
    assert.equal(await echoText(value, "json"), clean);
    assert.equal(await echoText(value, "convex_clean_json"), clean);
    assert.equal(await echoText(value, undefined), clean);
    assert.equal(await echoText(value, "export_json"), exported);
  });
}

const REFUSED = [
  [{ $integer: "AAAA" }, "Int64 must be exactly eight bytes"],
  [{ $integer: "!!!!" }, "Invalid base64 value"],
  [{ $float: float(1.5).$float }, "Float64 1.5 should be encoded as a number"],
  [{ $bytes: "AB==" }, "Invalid base64 value"],
  [{ $set: [] }, "Field name $set starts with '$', which is reserved."],
  [{ $a: 1, b: 2 }, "Field name $a starts with '$', which is reserved."],
  [
    { größe: 1 },
    "Field name größe has invalid character 'ö': Field names can only contain non-control ASCII characters",
  ],
  [
    { "a\tb": 1 },
    "Field name a\tb has invalid character '\\t': Field names can only contain non-control ASCII characters",
  ],
  [{ ["x".repeat(1025)]: 1 }, "Field name is too long (1025 > maximum 1024)"],
  [Array(8193).fill(0), "Array length is too long (8193 > maximum length 8192)"],
  [
    Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, 0])),
    "Object has too many fields (1025 > maximum number 1024)",
  ],
  // The arguments' array and object are two of the 64 levels.
  [nest(63), "Value is too nested (nested 65 levels deep > maximum nesting 64)"],
];

function nest(levels) {
  return levels === 1 ? [] : [nest(levels - 1)];
}

for (const [value, message] of REFUSED) {
  test(`refused as argument: ${JSON.stringify(value).slice(0, 40)}`, async () => {
    const text = await runError(convex, "query", "store:echo", { value });
    assert.equal(text, `Invalid arguments for store.js:echo: ${message}\n`);
  });
}

test("values at the limits pass", async () => {
  const values = [
    Array(8192).fill(0),
    Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [`f${i}`, 0])),
    { ["x".repeat(1024)]: 1 },
    nest(62),
  ];
  for (const value of values) assert.deepEqual(await run(convex, "query", "store:echo", { value }), value);
});

test("lone surrogates and numbers out of range are no JSON for the server", async () => {
  for (const value of ['"\\ud800"', '"x\\udc00"', "1e999"]) {
    const { json } = await post(convex, "/api/query", `{"path":"store:echo","args":{"value":${value}}}`);
    assert.match(json.errorMessage, /Server Error\nInvalid arguments provided\n$/);
  }
  const pair = await post(convex, "/api/query", '{"path":"store:echo","args":{"value":"\\ud83d\\ude00"}}');
  assert.equal(pair.json.value, "\u{1f600}");
});

test("a value has one spelling", () => {
  assert.deepEqual(canonicalize([-0]).value, [float(-0)]);
  assert.deepEqual(canonicalize({ $bytes: "AAEC/w" }).value, { $bytes: "AAEC/w==" });
  assert.deepEqual(Object.keys(canonicalize({ b: 1, a: 1, "": 1 }).value), ["", "a", "b"]);
});

test("base64 without padding passes the server, but not the client library inside the function", async () => {
  const error = await runError(convex, "query", "store:echo", { value: { $bytes: "AAEC/w" } });
  assert.match(error, /^Uncaught Error: Invalid string\. Length must be a multiple of 4\n/);
});

test("functions get their arguments as they were sent", async () => {
  const { json } = await post(
    convex,
    "/api/query",
    ' { "args" : {"text":"\\"}]", "b":-0.0,"a":[{}, 1e3]} ,\n"x":"}\\\\","path" :"store:argsAsSent"}',
  );
  assert.deepEqual(json.value, { order: ["text", "b", "a"], isMinusZero: true, text: '"}]' });
});

test("sizes follow the server's formula", () => {
  const sizes = [
    [null, 1],
    [true, 1],
    [1.5, 9],
    [int64(1), 9],
    [float(NaN), 9],
    ["é", 4],
    [{ $bytes: "AAEC" }, 5],
    [[1, "a"], 2 + 9 + 3],
    [{ ab: null }, 2 + 3 + 1],
  ];
  for (const [value, size] of sizes) assert.equal(canonicalize(value).size, size, JSON.stringify(value));
  assert.equal(canonicalize({ a: [{}] }).nesting, 3);
  assert.equal(canonicalize(1).nesting, 0);
});

test("values in messages are printed as Rust prints them", () => {
  const printed = [
    [5, "5.0"],
    [1e16, "1e16"],
    [0.00001, "1e-5"],
    [float(Infinity), "inf"],
    [float(-0), "-0.0"],
    [int64(-7), "-7"],
    ['a"b\n\u0001é\u200b', '"a\\"b\\n\\u{1}é\\u{200b}"'],
    [{ $bytes: "AAEC" }, 'b"AAEC"'],
    [{ b: [null, true], a: "x" }, '{a: "x", b: [null, true]}'],
  ];
  for (const [value, text] of printed) assert.equal(displayValue(value), text);
});
