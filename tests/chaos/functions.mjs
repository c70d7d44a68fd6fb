/**
 * Generated functions of a scenario, which refuse some records as users' own
 * code may: those whose note begins with "refused" one by one, and calls with
 * one whose note begins with "thrown" as a whole. Beside them is a module by
 * which the application changes its data.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { generate } from "../harness/index.mjs";

const HANDLER = "handler: async (ctx, { [argument]: records = [] }) => {";
const RECORD = "const { id, _id, _pending = [], ...sent } = record;";

/** What takes the place of a line of the generated text. */
const REFUSING = [
  [HANDLER, `${HANDLER} if (records.some(({ note }) => note?.startsWith("thrown"))) throw new Error("not in my house");`],
  [RECORD, `${RECORD} if (sent.note?.startsWith("refused")) throw new Error("not this one");`],
];

const APPLICATION = `
import { internalMutationGeneric as internalMutation } from "convex/server";
export const insert = internalMutation({ handler: (ctx, { table, fields }) => ctx.db.insert(table, fields) });
export const patch = internalMutation({ handler: (ctx, { id, fields }) => ctx.db.patch(id, fields) });
export const remove = internalMutation({ handler: (ctx, { id }) => ctx.db.delete(id) });
`;

/**
 * Writes schema and functions for the tables of the server "convex".
 * @param {pg.Client} client
 * @param {string} folder
 * @param {[string, string][]} changes further lines with what takes their place
 */
export async function writeRefusing(client, folder, changes) {
  await generate(client, { folder });
  const file = `${folder}/migrate.ts`;
  let text = readFileSync(file, "utf8");
  for (const [line, replacement] of [...REFUSING, ...changes]) {
    if (!text.includes(line)) throw new Error(`the generated functions do not have this line any more: ${line}`);
    text = text.replace(line, () => replacement);
  }
  writeFileSync(file, text);
  writeFileSync(`${folder}/application.ts`, APPLICATION);
}
