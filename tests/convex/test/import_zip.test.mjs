/** ZIP files as other programs write them, and such as no program should. */
import assert from "node:assert/strict";
import { test } from "node:test";
import crc32 from "buffer-crc32";
import { deployForTests, spawnServer } from "./helpers.mjs";
import { importError, importFile, look, start, until, zipOf } from "./importing.mjs";
import { writeZip } from "../zip_writer.mjs";

const convex = await deployForTests();
const ZIP = { format: "zip", mode: "replace" };
const INVALID = "Hit an error while importing:\ninvalid zip file";

/** Places of the fields of an entry, from the signature of its local header and of its place in the directory. */
const LOCAL = { signature: "PK\x03\x04", flags: 6, method: 8 };
const DIRECTORY = { signature: "PK\x01\x02", flags: 8, method: 10, crc: 16, size: 24 };

/** A change of the first entry, in its local header and in the directory. */
function patch(zip, { method, flags, content }) {
  for (const { signature, ...at } of [LOCAL, DIRECTORY]) {
    const entry = zip.indexOf(signature, 0, "latin1");
    if (method !== undefined) zip.writeUInt16LE(method, entry + at.method);
    if (flags !== undefined) zip.writeUInt16LE(flags, entry + at.flags);
    if (content === undefined || at.size === undefined) continue;
    zip.writeUInt32LE(content.length, entry + at.size);
    zip.writeUInt32LE(crc32.unsigned(content), entry + at.crc);
  }
  return zip;
}

/** A frame of Zstandard with one block that is not compressed (RFC 8878). */
function zstdFrame(content) {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length]);
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.length << 3) | 1, 0, 3);
  return Buffer.concat([header, block, content]);
}

async function stored(content, name = "loose/documents.jsonl") {
  return await writeZip([{ name, content }], { compress: false });
}

async function written(file) {
  const { state } = await importFile(convex, ZIP, file);
  assert.equal(state.state, "completed", state.error_message);
  return Number(Buffer.from(state.num_rows_written.$integer, "base64").readBigInt64LE());
}

test("stored, deflated and Zstandard, of several frames", async () => {
  const rows = { loose: ["{}", "{}", "{}"] };
  assert.equal(await written(await zipOf(rows, { compress: false })), 3);
  assert.equal(await written(await zipOf(rows)), 3);
  const content = Buffer.from("{}\n{}\n");
  const frames = Buffer.concat([zstdFrame(content.subarray(0, 2)), zstdFrame(content.subarray(2))]);
  assert.equal(await written(patch(await stored(frames), { method: 93, content })), 2);
});

test("sizes and checksums are the directory's; what does not agree with them is no ZIP file", async () => {
  const content = Buffer.from("{}\n{}\n");
  const frames = zstdFrame(content);
  for (const wrong of [Buffer.from("{}\n[]\n"), content.subarray(1)])
    assert.equal(
      await importError(convex, ZIP, patch(await stored(frames), { method: 93, content: wrong })),
      INVALID,
    );
  assert.equal(await importError(convex, ZIP, patch(await stored(content), { method: 14 })), INVALID);
  assert.equal(await importError(convex, ZIP, patch(await stored(content), { flags: 1 })), INVALID);
  assert.match(
    await importError(convex, ZIP, patch(await stored(content), { method: 9 })),
    /deflate64 .*not supported/,
  );
  const larger = patch(await stored(frames), { method: 93, content });
  const place = larger.indexOf(DIRECTORY.signature, 0, "latin1") + DIRECTORY.size;
  larger.writeUInt32LE(content.length + 1, place);
  assert.equal(await importError(convex, ZIP, larger), INVALID);
  const whole = await stored(content);
  assert.equal(await importError(convex, ZIP, whole.subarray(0, whole.length - 1)), INVALID);
});

test("text that is no UTF-8 is an invalid ZIP file too", async () => {
  assert.equal(await importError(convex, ZIP, await stored(Buffer.from([0x22, 0xff, 0x22]))), INVALID);
});

test("names may begin with folders, their order does not matter, and others are passed over", async () => {
  const file = await writeZip([
    { name: "README.md", content: "…" },
    { name: "my/snapshot/loose/documents.jsonl", content: '{"a":1}\n' },
    { name: "my/snapshot/loose/more.jsonl", content: "no JSON" },
    { name: "my/snapshot/_tables/documents.jsonl", content: '{"name":"fresh","id":11111}\n' },
    { name: "my/snapshot/loose/generated_schema.jsonl", content: '"uniform"\n' },
  ]);
  assert.equal(await written(file), 1);
  const stored = convex.local.database.table("loose").byId.tree.valuesArray()[0];
  assert.deepEqual(Object.keys(JSON.parse(stored.json).a), ["$integer"]);
  assert.equal(convex.local.database.table("fresh").number, 11111);
});

test("files of the file storage are refused, and their names are looked at first", async () => {
  const failed = async (name) => await importError(convex, ZIP, await stored(Buffer.from("x"), name));
  assert.match(await failed("_storage/nonsense.png"), /_storage id 'nonsense' invalid: Unable to decode ID/);
  assert.match(
    await failed("_storage/kg21pzwemsm55e1fnt2kcsvgjh6h6gtf.png"),
    /File storage is not supported/,
  );
});

test("a generated schema that is something else", async () => {
  const failed = async (content) => {
    const entries = [
      { name: "loose/documents.jsonl", content: "" },
      { name: "loose/generated_schema.jsonl", content },
    ];
    return await importError(convex, ZIP, await writeZip(entries));
  };
  assert.match(
    await failed("5\n"),
    /^Row 1 wasn't a valid Convex value: first line of generated_schema must be a string/,
  );
  assert.match(await failed("uniform\n"), /^Row 1 wasn't valid JSON: /);
  assert.match(await failed(""), /^Row 1 wasn't valid JSON: /);
  assert.match(await failed('"{a: string}"\n'), /is not supported by the local Convex/);
});

test("a ZIP file without tables changes nothing, and nothing has to be told of it", async () => {
  const importId = await start(convex, ZIP, await writeZip([{ name: "README.md", content: "" }]));
  const { state } = await until(convex, importId, ["waiting_for_confirmation"]);
  assert.match(state.message_to_confirm, /^Once the import has started/);
  assert.deepEqual((await look(convex, importId)).checkpoints, []);
});

test("the command has the options of imports", async () => {
  const args = ["--storage", "s3", "--version", "2026-01-01", "--import-retry", "0"];
  const server = await spawnServer(args);
  const answer = await fetch(`${server.url}/api/import/start_upload`, {
    method: "POST",
    headers: { authorization: `Convex ${server.deployKey}` },
  });
  assert.ok(JSON.parse((await answer.json()).uploadToken).uploadId);
  assert.equal(await (await fetch(`${server.url}/version`)).text(), "2026-01-01");
  await server.stop();
});

test("a ZIP file that is broken", async () => {
  const failed = (file) => importError(convex, { format: "zip" }, file);
  assert.equal(await failed("no ZIP file"), INVALID);
  const whole = await zipOf({ loose: ['{"a":"findme"}'] }, { compress: false });
  whole[whole.indexOf("findme")] ^= 1;
  assert.equal(await failed(whole), INVALID);
  assert.match(await failed(await zipOf({ loose: ["\ufeff{}"] })), /^Row 1 wasn't valid JSON: /);
  assert.match(await failed(await zipOf({ loose: ["{}", "", "{}"] })), /^Row 2 wasn't valid JSON: /);
  assert.match(
    await failed(await zipOf({ "a-b": ["{}"] })),
    /^Hit an error while importing:\ntable name 'a-b' invalid: /,
  );
  assert.match(await failed(await zipOf({ _tables: ["[]"] })), /^Row 1 wasn't an object/);
  assert.match(
    await failed(await zipOf({ _tables: ['{"id":1}'] })),
    /^Row 1 wasn't a valid Convex value: table requires name/,
  );
  assert.match(
    await failed(await zipOf({ _tables: ['{"name":"a-b","id":1}'] })),
    /^"a-b" isn't a valid table name: /,
  );
  assert.match(await failed(await zipOf({ "_components/part/loose": ["{}"] })), /component is not supported/);
});
