/** Document ids: vectors of the server's own tests, edge cases, minted ids, table numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeId, encodeId, mintInternalId } from "../ids.mjs";
import { deployForTests, run, runError } from "./helpers.mjs";

const VECTORS = [
  ["z43zp6c3e75gkmz1kfwj6mbbx5sw281h", 1017, "fb198371cb09d3e19bf923516be973c1"],
  ["jd7f2yq3tcc5h4ce9qhqdk0ach6hbmyb", 10003, "f17ae3d31858918e4de376cc0a644d15"],
  ["j571sbvz5zj1ps44j9f433pf1n6s7egs", 10001, "1caf7f2fe41b6484925e418ecf0d4d93"],
  ["kg21pzwemsm55e1fnt2kcsvgjh6h6gtf", 540, "1b7f8ea66852b82fae85366770944d13"],
  ["kg2ah8mk1xtg35g7zyexyc96e96yr74f", 540, "a8a2930f75019607ff9ddf3126724dec"],
  ["kg27rxfv99gzp01wmph0gvt92d6hnvy6", 540, "7c75fb4a61fb003ca5a2086f49134d1a"],
  ["k423gp2tq6nsw6ngwhkw72c3z17fkb5t", 537, "38585ab9ab9e1ab0e467c38983f84ef9"],
  ["4d9wy5r5x7rmjdjqnx45ct829fff4ar", 35, "53cf1705e9f1493657af485669024bde"],
  ["3yvf0j22p6ez1rqyy5m379kz9kh4sar", 31, "b6f04842b19df0e2fef16833a67f4ce2"],
  ["2rsfck4e88mvyb011h9k7znq9h1mb00", 22, "32f64c8e4229bf2c010c5333feb74c43"],
  ["2pj577m1qs11bje4wwb6abkt9wa3m6g", 21, "a4539e81be4215c9c4e716652e7a4f14"],
  ["074wwt1x3qmwz35bvscy44eq2yngrt8", 1, "c9ce683d1de9cf8cabde59e211d717ab"],
  ["j5700000000000000000000000001qv0", 10001, "00".repeat(16)],
  ["j57fzzzzzzzzzzzzzzzzzzzzzzzzzkyr", 10001, "ff".repeat(16)],
  ["j57000820c20a1g7104gm2rc1m70ynr8", 10001, "000102030405060708090a0b0c0d0e0f"],
  ["j5714fj5czm9p4pkmhb44sgm2x000m74", 10001, "123e4567e89b12d3a456426614174000"],
  ["zxzg0000000000000000000000000zjx", 16383, "00".repeat(16)],
  ["g2002000000000000000000000000001j4", 16384, "00".repeat(16)],
  ["0400000000000000000000000000248", 1, "00".repeat(16)],
  ["zzzzzzrfzzzzzzzzzzzzzzzzzzzzzzzzzzxjj", 4294967295, "ff".repeat(16)],
];

const NOT_IDS = [
  "mz1xn7tymdnktmmzqy5xxhn7tjs2nkkfmtjjr",
  "sssswsgggggggggsgcsssfafffsffks",
  "",
  "j57",
  "J571SBVZ5ZJ1PS44J9F433PF1N6S7EGS",
  "j571sbvz5zj1ps44j9f433pf1n6s7egi",
  "j571sbvz5zj1ps44j9f433pf1n6s7egt",
  "j571sbvz5zj1ps44j9f433pf1n6s7egs0",
  "123e4567-e89b-12d3-a456-426614174000",
];

const convex = await deployForTests();

for (const [id, tableNumber, hex] of VECTORS) {
  test(`vector ${id}`, () => {
    assert.equal(encodeId(tableNumber, Buffer.from(hex, "hex")), id);
    const decoded = decodeId(id);
    assert.equal(decoded.tableNumber, tableNumber);
    assert.equal(Buffer.from(decoded.internalId).toString("hex"), hex);
  });
}

for (const text of NOT_IDS) test(`"${text}" is no id`, () => assert.equal(decodeId(text), null));

test("table number 0 is no id", () => assert.equal(decodeId(encodeId(0, Buffer.alloc(16))), null));

test("minted ids are random and end with the day", () => {
  const minted = mintInternalId();
  assert.equal(minted.readUInt16BE(14), Math.floor(Date.now() / 86_400_000));
  assert.notDeepEqual(mintInternalId().subarray(0, 14), minted.subarray(0, 14));
});

test("tables of a schema are numbered alphabetically from 10001", async () => {
  const mapping = await run(convex, "query", "_system/frontend/getTableMapping");
  assert.deepEqual(mapping, {
    539: "_scheduled_jobs",
    540: "_file_storage",
    10001: "loose",
    10002: "parents",
    10003: "shapes",
    10004: "typed",
  });
});

test("a table outside the schema is made at the first insert, with the next number", async () => {
  const id = await run(convex, "mutation", "store:insert", { table: "extra", document: {} });
  assert.equal(decodeId(id).tableNumber, 10005);
});

test("normalizeId takes ids of the named table only", async () => {
  const id = await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  const normalize = (table, text) => run(convex, "query", "store:normalize", { table, id: text });
  assert.equal(await normalize("loose", id), id);
  assert.equal(await normalize("parents", id), null);
  assert.equal(await normalize("missing", id), null);
  assert.equal(await normalize("loose", "not an id"), null);
  assert.equal(await normalize("loose", "AAECAwQFBgcICQoLDA0ODw"), "j57000820c20a1g7104gm2rc1m70ynr8");
});

test("get: unknown ids are null, ids of another table and texts are errors", async () => {
  const id = await run(convex, "mutation", "store:insert", { table: "loose", document: {} });
  const missing = encodeId(10001, Buffer.alloc(16));
  assert.equal(await run(convex, "query", "store:get", { id: missing }), null);
  assert.equal(await run(convex, "query", "store:get", { id: encodeId(10999, Buffer.alloc(16)) }), null);
  assert.equal((await run(convex, "query", "store:get", { table: "loose", id }))._id, id);
  const wrongTable = await runError(convex, "query", "store:get", { table: "parents", id });
  assert.match(
    wrongTable,
    /Invalid argument `id` for `db.get`: expected to be an Id<"parents">, got Id<"loose"> instead\./,
  );
  const noId = await runError(convex, "query", "store:get", { id: "abc" });
  assert.match(noId, /Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID length 3/);
});
