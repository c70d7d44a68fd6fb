/**
 * What is in Convex, in the words of PostgreSQL: documents by table and old key, without what Convex adds, and with
 * every Convex id replaced by the table and old key of its document.
 *
 *   assert.deepEqual(await arrived(convex, ["usr", "chat"]), { usr: { 1: { name: "ann" } }, chat: { 7: { owner: "usr:1" } } });
 *
 * For tests whose tables compareDocuments() does not know how to read: views, arrays of references.
 */

/**
 * @param {{ tableData: (table: string) => Promise<object[]> }} convex
 * @param {string[]} tables
 * @param {string} [keyField]
 * @returns {Promise<Record<string, Record<string, object>>>} a key that stands in two documents is an error
 */
export async function arrived(convex, tables, keyField = "supabaseId") {
  const data = await Promise.all(tables.map(async (table) => [table, await convex.tableData(table)]));
  const names = new Map(data.flatMap(([table, all]) => all.map((document) => [document._id, `${table}:${document[keyField]}`])));
  const named = (value) => {
    if (Array.isArray(value)) return value.map(named);
    return typeof value === "string" ? (names.get(value) ?? value) : value;
  };
  return Object.fromEntries(data.map(([table, all]) => [table, byKey(table, all, keyField, named)]));
}

function byKey(table, all, keyField, named) {
  const documents = {};
  for (const { _id, _creationTime, [keyField]: key, ...fields } of all) {
    if (Object.hasOwn(documents, key)) throw new Error(`${table} has two documents of the key ${key}`);
    documents[key] = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, named(value)]));
  }
  return documents;
}
