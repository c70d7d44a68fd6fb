/** Two tables that refer to each other, and one to itself: their references wait for the second pass. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { temporaryFolder } from "../harness/index.mjs";
import { writeProject } from "./write.mjs";

const root = temporaryFolder("convex-staff");

const staff = {
  database: "staff",
  keyField: "legacyId",
  tables: [
    {
      name: "departments",
      fields: { name: ["string"], head_id: ["optional", ["id", "employees"]] },
      indexes: [["head_id"]],
    },
    {
      name: "employees",
      fields: {
        name: ["string"],
        department_id: ["id", "departments"],
        manager_id: ["optional", ["id", "employees"]],
        contact_id: ["optional", ["union", ["id", "employees"], ["string"]]],
        note: ["optional", ["string"]],
        constructor: ["optional", ["number"]],
      },
      indexes: [["department_id"], ["manager_id"]],
    },
  ],
};

/** What the app has added since: a field in the middle of a table, and a function that sets it. */
const APP = `
import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
export const setNickname = internalMutation({
  args: { id: v.id("employees"), nickname: v.string() },
  handler: (ctx, { id, nickname }) => ctx.db.patch("employees", id, { nickname }),
});`;

/** The folder of a project with the generated files, which the app has gone on from. */
export function staffProject() {
  const folder = mkdtempSync(`${root}/project.`);
  writeProject(folder, staff);
  const schema = readFileSync(`${folder}/schema.ts`, "utf8");
  writeFileSync(`${folder}/schema.ts`, schema.replace("    note:", "    nickname: v.optional(v.string()),\n    note:"));
  writeFileSync(`${folder}/app.ts`, APP);
  return folder;
}
