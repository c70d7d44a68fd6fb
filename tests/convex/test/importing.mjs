/** What the tests of imports share: uploading a file and watching what becomes of it. */
import assert from "node:assert/strict";
import { writeZip } from "../zip_writer.mjs";
import { post, run } from "./helpers.mjs";

export const BINARY = { "content-type": "application/octet-stream" };

/** Sends a file in parts. @returns what finish_upload answers */
export async function upload(convex, spec, file, { parts = [file] } = {}) {
  const { json: started } = await post(convex, "/api/import/start_upload", "");
  const partTokens = [];
  for (const [i, part] of parts.entries()) {
    const route = `/api/import/upload_part?uploadToken=${encodeURIComponent(started.uploadToken)}&partNumber=${i + 1}`;
    const answer = await post(convex, route, part, BINARY);
    assert.equal(answer.status, 200, answer.text);
    partTokens.push(answer.json);
  }
  const body = { import: spec, uploadToken: started.uploadToken, partTokens };
  return await post(convex, "/api/import/finish_upload", body);
}

/** Uploads a file that is taken. @returns {Promise<string>} the import's id */
export async function start(convex, spec, file, options) {
  const answer = await upload(convex, spec, file, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.importId;
}

export async function look(convex, importId) {
  return await run(convex, "query", "_system/cli/queryImport", { importId });
}

/** Asks, as clients do, until an import is in one of the states. */
export async function until(convex, importId, states) {
  for (;;) {
    const record = await look(convex, importId);
    if (states.includes(record.state.state)) return record;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Uploads, confirms, waits. @returns the record at the end */
export async function importFile(convex, spec, file, options) {
  const importId = await start(convex, spec, file, options);
  const parsed = await until(convex, importId, ["waiting_for_confirmation", "failed"]);
  if (parsed.state.state === "failed") return parsed;
  await post(convex, "/api/perform_import", { importId });
  return await until(convex, importId, ["completed", "failed"]);
}

/** A ZIP file in a mode. */
export function mode(name) {
  return { format: "zip", mode: name };
}

/** Number of documents of a table. */
export async function sizeOf(convex, tableName) {
  return await run(convex, "query", "_system/cli/tableSize", { tableName });
}

/** Imports a file that must be taken. @returns the state at the end */
export async function succeed(convex, spec, file) {
  const { state } = await importFile(convex, spec, file);
  assert.equal(state.state, "completed", state.error_message);
  return state;
}

/** The text that a failed import leaves. */
export async function importError(convex, spec, file, options) {
  const { state } = await importFile(convex, spec, file, options);
  assert.equal(state.state, "failed", JSON.stringify(state));
  return state.error_message;
}

/**
 * A ZIP file of tables.
 * @param {Record<string, (object | string)[]>} tables rows as JSON texts, or as objects; of `_tables` too
 * @param {{uniform?: boolean, compress?: boolean}} [options]
 */
export async function zipOf(tables, { uniform = true, compress } = {}) {
  const entries = Object.entries(tables).flatMap(([name, rows]) => {
    const lines = rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`);
    const documents = { name: `${name}/documents.jsonl`, content: lines.join("") };
    if (!uniform || name.startsWith("_")) return [documents];
    return [documents, { name: `${name}/generated_schema.jsonl`, content: '"uniform"\n' }];
  });
  return await writeZip(entries, { compress });
}

/** Steers where imports wait. */
export async function steer(convex, body) {
  const { status, json, text } = await post(convex, "/local/imports", body);
  assert.equal(status, 200, text);
  return json;
}
