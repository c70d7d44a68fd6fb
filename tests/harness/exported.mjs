/**
 * A file of convex_export(), read by other programs: unzip, or bsdtar for what unzip does not know (zstd).
 *
 *   const exported = await readExport("/tmp/x/all.zip");
 *   await exported.tableData("contacts");     // documents, as a deployment gives them
 *   exported.numbers;                         // Map of tables and their numbers
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readJson, valueOfImport } from "./expected_json.mjs";
import { mustRun, temporaryFolder } from "./process.mjs";

/** A folder that the server may write to, as long as the test process lives. */
export function exportFolder() {
  const folder = temporaryFolder("convex-export");
  chmodSync(folder, 0o777);
  return folder;
}

/**
 * @param {string} path
 * @returns {Promise<{ numbers: Map<string, number>, lines: Map<string, string[]>,
 *   tableData(table: string): Promise<Record<string, unknown>[]> }>}
 */
export async function readExport(path) {
  const folder = mkdtempSync(`${path}.`);
  try {
    await unpack(path, folder);
    return contentOf(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The first method in the archive tells which program knows it: that of zstd is 93. */
async function unpack(path, folder) {
  const method = readFileSync(path).readUInt16LE(8);
  if (method === 93) await mustRun("bsdtar", ["-xf", path, "-C", folder]);
  else await mustRun("unzip", ["-q", path, "-d", folder]);
}

function contentOf(folder) {
  const linesOf = (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    assert.ok(text === "" || text.endsWith("\n"), `${name} does not end in a line`);
    return text.split("\n").slice(0, -1);
  };
  const numbers = linesOf("_tables/documents.jsonl").map((line) => JSON.parse(line));
  const tables = readdirSync(folder).filter((name) => name !== "_tables");
  assert.deepEqual(numbers.map(({ name }) => name).sort(), tables.sort(), "a table without a number, or twice");
  for (const table of tables) assert.deepEqual(linesOf(`${table}/generated_schema.jsonl`), ['"uniform"']);
  const lines = new Map(tables.map((table) => [table, linesOf(`${table}/documents.jsonl`)]));
  return {
    numbers: new Map(numbers.map(({ name, id }) => [name, id])),
    lines,
    tableData: async (table) => (lines.get(table) ?? []).map((line) => valueOfImport(readJson(line))),
  };
}
