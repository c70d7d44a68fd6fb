/** The HTTP protocol by raw requests: routes, headers, keys, the error table, answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { removeTypePrefix } from "../auth.mjs";
import { deployForTests, post, run, runError } from "./helpers.mjs";

const convex = await deployForTests({
  instance: "happy-animal-123",
  deployKey: "dev:happy-animal-123|secret",
});
const ECHO = { path: "store:echo", args: { value: 1 } };

async function get(pathAndQuery, headers = {}) {
  const response = await fetch(convex.url + pathAndQuery, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

test("health routes need no key", async () => {
  assert.deepEqual(await get("/instance_name"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    text: "happy-animal-123",
  });
  assert.deepEqual(await get("/version"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    text: "unknown",
  });
  assert.match((await get("/")).text, /^This Convex deployment is running\./);
});

test("what is no route is a bare 404, a wrong method a bare 405", async () => {
  assert.deepEqual(await get("/api/nothing"), { status: 404, type: null, text: "" });
  assert.deepEqual(await get("/api/mutation"), { status: 405, type: null, text: "" });
  const { status, text } = await post(convex, "/nothing", ECHO);
  assert.deepEqual([status, text], [404, ""]);
});

const BAD_REQUESTS = [
  [
    "no content type",
    ECHO,
    { "content-type": "text/plain" },
    "BadJsonBody",
    /^Expected request with `Content-Type: application\/json`$/,
  ],
  ["no JSON", "{", {}, "BadJsonBody", /^Failed to parse the request body as JSON/],
  ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), {}, "BadJsonBody", /^Failed to parse/],
  ["byte order mark", `\ufeff${JSON.stringify(ECHO)}`, {}, "BadJsonBody", /^Failed to parse/],
  ["no object", "[]", {}, "BadJsonBody", /^Failed to deserialize/],
  ["no path", { args: {} }, {}, "BadJsonBody", /missing field `path`/],
  ["no args", { path: "store:echo" }, {}, "BadJsonBody", /missing field `args`/],
  ["path of another type", { path: 1, args: {} }, {}, "BadJsonBody", /invalid type/],
  ["format of another type", { ...ECHO, format: 1 }, {}, "BadJsonBody", /invalid type/],
  [
    "unknown format",
    { ...ECHO, format: "xml" },
    {},
    "BadFormat",
    /^format param must be one of \[`json`\]\. Got xml$/,
  ],
  ["client without version", ECHO, { "convex-client": "pgconvex" }, "InvalidClientVersion", /'pgconvex'/],
  [
    "old npm client",
    ECHO,
    { "convex-client": "npm-0.19.1" },
    "ClientVersionUnsupported",
    /npm package at version 0\.19\.1/,
  ],
  [
    "npm client of no version",
    ECHO,
    { "convex-client": "npm-latest" },
    "ClientVersionUnsupported",
    /npm package at version latest/,
  ],
  [
    "short header",
    ECHO,
    { authorization: "short" },
    "InvalidHeaderFailure",
    /^Invalid authentication header$/,
  ],
  ["unknown scheme", ECHO, { authorization: "Basic abcdef" }, "InvalidAdminKey", /^Invalid admin key$/],
  [
    "malformed acting user",
    ECHO,
    { authorization: "Convex dev:happy-animal-123|secret:!!" },
    "HeaderParseFailure",
    /Malformed/,
  ],
  [
    "two colons",
    { ...ECHO, path: "a:b:c" },
    {},
    "BadConvexFunctionIdentifier",
    /^a:b:c is not a valid path to a Convex function\./,
  ],
  ["absolute path", { ...ECHO, path: "/a:b" }, {}, "BadConvexFunctionIdentifier", /must be relative/],
  ["parent folder", { ...ECHO, path: "../a:b" }, {}, "BadConvexFunctionIdentifier", /Invalid path component/],
  [
    "other extension",
    { ...ECHO, path: "a.ts:b" },
    {},
    "BadConvexFunctionIdentifier",
    /extension that isn't 'js'/,
  ],
  [
    "bad function name",
    { ...ECHO, path: "a:b-c" },
    {},
    "BadConvexFunctionIdentifier",
    /Identifier b-c has invalid character '-'/,
  ],
  ["empty path", { ...ECHO, path: "" }, {}, "BadConvexFunctionIdentifier", /doesn't have a filename/],
];

for (const [name, body, headers, code, message] of BAD_REQUESTS) {
  test(`400: ${name}`, async () => {
    const { status, json } = await post(convex, "/api/query", body, headers);
    assert.equal(status, 400);
    assert.deepEqual(Object.keys(json), ["code", "message"]);
    assert.equal(json.code, code);
    assert.match(json.message, message);
  });
}

test("an unknown format is found only after the function ran", async () => {
  const insert = { path: "store:insert", args: { table: "loose", document: {} }, format: "xml" };
  assert.equal((await post(convex, "/api/mutation", insert)).status, 400);
  assert.equal(await run(convex, "query", "_system/cli/tableSize", { tableName: "loose" }), 1);
});

test("tolerated: +json types, charsets, strange but dashed clients, null format", async () => {
  const tolerated = [
    { "content-type": "application/vnd.api+json" },
    { "content-type": "Application/JSON; charset=utf-8" },
    { "convex-client": "pgconvex-0.1.0" },
    { "convex-client": "pg-convex-not.a.version" },
    { "convex-client": "npm-1.48.0" },
    { "convex-client": "npm-cli-0.19.2" },
  ];
  for (const headers of tolerated)
    assert.equal((await post(convex, "/api/query", ECHO, headers)).status, 200);
  assert.equal((await post(convex, "/api/query", { ...ECHO, format: null, more: 1 })).json.value, 1);
});

test("old npm clients get the encoded format when they name none", async () => {
  const call = { path: "store:echo", args: { value: { $bytes: "AA==" } } };
  const old = await post(convex, "/api/query", call, { "convex-client": "npm-1.4.0" });
  assert.deepEqual(old.json.value, { $bytes: "AA==" });
  const current = await post(convex, "/api/query", call, { "convex-client": "npm-1.4.1" });
  assert.equal(current.json.value, "AA==");
});

const GOOD_KEYS = [
  "dev:happy-animal-123|secret",
  "prod:happy-animal-123|secret",
  "happy-animal-123|secret",
  `dev:happy-animal-123|secret:${Buffer.from('{"subject":"x"}').toString("base64")}`,
];
const BAD_KEYS = [
  "dev:happy-animal-123|wrong",
  "dev:other|secret",
  "nonsense",
  "preview:team:project|secret",
];
const FAIL = { path: "store:keys", args: {} };

test("deploy keys in all spellings open internal functions", async () => {
  for (const key of GOOD_KEYS) {
    for (const scheme of ["Convex", "convex", "CONVEX"]) {
      const { status, json } = await post(convex, "/api/query", FAIL, { authorization: `${scheme} ${key}` });
      assert.equal(status, 200);
      assert.equal(json.status, "success", key);
    }
  }
  const inUrl = `/api/query?adminKey=${encodeURIComponent("happy-animal-123|secret")}`;
  assert.equal((await post(convex, inUrl, FAIL, { authorization: undefined })).json.status, "success");
});

test("a wrong key is refused even for public functions", async () => {
  for (const key of BAD_KEYS) {
    const { status, json } = await post(convex, "/api/query", ECHO, { authorization: `Convex ${key}` });
    assert.equal(status, 401);
    assert.deepEqual(json, {
      code: "BadAdminKey",
      message: "The provided admin key was invalid for this instance",
    });
  }
  const user = await post(convex, "/api/query", ECHO, { authorization: "Bearer a.b.c" });
  assert.deepEqual([user.status, user.json.code], [401, "NoAuthProvider"]);
  assert.equal(removeTypePrefix("preview:team:project|x"), "x");
});

test("without a key, public functions run; internal and system ones seem not to exist", async () => {
  const withoutKey = { authorization: undefined };
  assert.equal((await post(convex, "/api/query", ECHO, withoutKey)).json.value, 1);
  for (const path of ["store:keys", "store:nothing", "nothing:at", "_system/cli/tables", "_system/nothing"]) {
    const { json } = await post(convex, "/api/query", { path, args: {} }, withoutKey);
    assert.equal(json.status, "error");
    assert.ok(
      json.errorMessage.endsWith(`Server Error\nCould not find public function for '${path}'.\n`),
      json.errorMessage,
    );
  }
});

test("names of functions: default export, extension", async () => {
  assert.equal(await run(convex, "query", "store"), "the default export");
  assert.equal(await run(convex, "query", "store.js:default"), "the default export");
  assert.equal(await run(convex, "query", "store.js:echo", { value: 2 }), 2);
  assert.equal(await runError(convex, "query", "nothing"), "Could not find public function for 'nothing'.\n");
});

test("a function called as another type", async () => {
  assert.equal(
    await runError(convex, "mutation", "store:echo"),
    "Trying to execute store.js:echo as Mutation, but it is defined as Query.\n",
  );
  assert.equal(
    await runError(convex, "query", "store:insertByAction"),
    "Trying to execute store.js:insertByAction as Query, but it is defined as Action.\n",
  );
});

test("/api/function: any type, admins only", async () => {
  const insert = { path: "store:insert", args: { table: "loose", document: {} } };
  assert.equal((await post(convex, "/api/function", insert)).json.status, "success");
  assert.equal((await post(convex, "/api/function", ECHO)).json.value, 1);
  const { status, json } = await post(convex, "/api/function", ECHO, { authorization: undefined });
  assert.deepEqual([status, json.code], [403, "BadDeployKey"]);
  const missing = await post(convex, "/api/function", { path: "store:nothing", args: {} });
  assert.match(
    missing.json.errorMessage,
    /Could not find function for 'store:nothing'\. Did you forget to run `npx convex dev`\?\n$/,
  );
});

test("/api/run/…: the path is the function", async () => {
  assert.equal((await post(convex, "/api/run/store/echo", { args: { value: 3 } })).json.value, 3);
  assert.deepEqual((await post(convex, "/api/run/store/keys", { args: {} })).json.value, []);
  const hidden = await post(convex, "/api/run/store/keys", { args: {} }, { authorization: undefined });
  assert.match(hidden.json.errorMessage, /Could not find function for 'store:keys'/);
  const { status, json } = await post(convex, "/api/run/store", { args: {} });
  assert.deepEqual([status, json.code], [400, "MissingIdentifier"]);
});

test("GET /api/query", async () => {
  const { status, text } = await get(
    `/api/query?path=store:echo&args=${encodeURIComponent('{"value":"é"}')}&format=json`,
  );
  assert.deepEqual([status, JSON.parse(text)], [200, { status: "success", value: "é" }]);
  assert.match((await get("/api/query?path=store:echo")).text, /"code":"BadQueryArgs"/);
});

test("check_admin_key", async () => {
  const key = { authorization: `Convex ${convex.deployKey}` };
  const { status, text } = await get("/api/check_admin_key", key);
  assert.deepEqual([status, JSON.parse(text)], [200, { success: true, allowedOps: [], isReadOnly: false }]);
  assert.equal((await get("/api/check_admin_key")).status, 403);
});

test("errors carry the request id that the client chose", async () => {
  const { json } = await post(
    convex,
    "/api/query",
    { path: "x:y", args: {} },
    { "convex-request-id": "my-id" },
  );
  assert.ok(json.errorMessage.startsWith("[Request ID: my-id] Server Error\n"));
});

test("a thrown error: name, message, place in the source", async () => {
  const text = await runError(convex, "mutation", "store:insertThenThrow");
  assert.match(
    text,
    /^Uncaught Error: thrown on purpose\n {4}at handler \(\.\.\/convex\/store\.ts:\d+:\d+\)\n$/,
  );
});

test("frames of convex/server itself are left out at both ends", async () => {
  const text = await runError(convex, "query", "store:throwAtOnce");
  assert.match(text, /^Uncaught TypeError: at once\n {4}at handler \(\.\.\/convex\/store\.ts:\d+:\d+\)\n$/);
});

test("a ConvexError: errorData in the asked format", async () => {
  const call = { path: "store:insertThenThrow", args: { data: { code: { $integer: "BQAAAAAAAAA=" } } } };
  const clean = (await post(convex, "/api/mutation", call)).json;
  assert.deepEqual(clean.errorData, { code: "5" });
  assert.match(clean.errorMessage, /Uncaught ConvexError: /);
  const encoded = (await post(convex, "/api/mutation", { ...call, format: "convex_encoded_json" })).json;
  assert.deepEqual(encoded.errorData, { code: { $integer: "BQAAAAAAAAA=" } });
  const plain = (await post(convex, "/api/mutation", { ...call, args: {} })).json;
  assert.ok(!("errorData" in plain));
});

test("log lines come with the answer, and only when there are any", async () => {
  const { json } = await post(convex, "/api/query", { path: "store:logs", args: {} });
  assert.deepEqual(json.logLines, ["[LOG] 'hello' 1", "[WARN] { a: 1 }"]);
  assert.ok(!("logLines" in (await post(convex, "/api/query", ECHO)).json));
});

test("redaction takes text and logs away and leaves errorData", async () => {
  await post(convex, "/local/redact", { redact: true });
  const call = { path: "store:insertThenThrow", args: { data: { code: 7 } } };
  const { json } = await post(convex, "/api/mutation", call);
  assert.match(json.errorMessage, /^\[Request ID: [0-9a-f]{16}\] Server Error$/);
  assert.deepEqual(json.errorData, { code: 7 });
  const refused = await post(convex, "/api/query", { path: "store:get", args: {} });
  assert.match(refused.json.errorMessage, /Server Error$/);
  assert.ok(!("logLines" in (await post(convex, "/api/query", { path: "store:logs", args: {} })).json));
  await post(convex, "/local/redact", { redact: false });
});

test("promises that never resolve, frozen time", async () => {
  assert.equal(
    await runError(convex, "query", "store:neverResolves"),
    "Returned promise will never resolve\n",
  );
  assert.deepEqual(await run(convex, "query", "store:clock"), { isFrozen: true, isSame: true });
});
