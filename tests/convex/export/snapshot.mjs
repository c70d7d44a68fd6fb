/** The ZIP file of an export (crates/exports/src/{lib,zip_uploader}.rs). */
import { exportText } from "../export.mjs";
import { writeZip } from "../zip_writer.mjs";

const README =
  "# Snapshot of a deployment of the local Convex\n\nDocuments are in <table>/documents.jsonl.\n";

/**
 * @param {import("../database.mjs").Database} database while no transaction runs
 * @returns {Promise<Buffer>}
 */
export async function makeSnapshot(database) {
  const { tables } = database;
  const listed = tables.map(({ name, number }) => `{"name":"${name}","id":${number}}\n`);
  const entries = tables.flatMap((table) => [
    { name: `${table.name}/documents.jsonl`, content: documentLines(table) },
    { name: `${table.name}/generated_schema.jsonl`, content: '"uniform"\n' },
  ]);
  return await writeZip([
    { name: "README.md", content: README },
    { name: "_tables/documents.jsonl", content: listed.join("") },
    ...entries,
  ]);
}

/** In the order of their ids. */
function documentLines(table) {
  const documents = table.byId.tree.valuesArray();
  return documents.map(({ json }) => `${exportText(JSON.parse(json), "export")}\n`).join("");
}
