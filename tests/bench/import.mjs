/**
 * Method import beside what Convex documents for rows of PostgreSQL: `\copy (SELECT row_to_json(t) ...)` of each table and
 * `npx convex import --table` of its file. Both send to the local Convex, a new one each time, by turns.
 *
 * Promises: from the start to the last uploaded byte at most half of the time; as a whole not slower; all references lead to
 * documents; and the backend takes no more memory for all messages than for a hundredth of them.
 *
 * What is documented gets a deployment without a schema, since one with v.id() refuses its rows.
 */
import { statSync, unlinkSync } from "node:fs";
import { generate, startConvex } from "../harness/index.mjs";
import { makeProject, runTool } from "../harness/deploy.mjs";
import { grouped, median, megabytes, printTable, timed } from "./measure.mjs";
import { pointAt } from "./receivers.mjs";

/** Tables of the example and what they are called in Convex. */
const TABLES = {
  workspaces: "workspaces", workspace_members: "workspaceMembers", contacts: "contacts",
  conversations: "conversations", messages: "messages", contact_notes: "contactNotes",
};

/** Without it COPY doubles each backslash, and what it writes is no JSON. */
const AS_IT_IS = "WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')";

/** Of the time of what is documented, to the last uploaded byte. */
const MOST_OF_UPLOAD = 0.5;

/** Bytes that the backend may take more for a hundred times as many messages. */
const MOST_GROWTH = 16 * 1024 * 1024;

/** Milliseconds between two looks at what has been uploaded, and documents whose references are looked up. */
const LOOK_INTERVAL = 20;
const LOOKED_UP = 5000;

/**
 * @param {import("./bench.mjs").Bench} bench
 * @returns {Promise<string[]>} promises that were not kept
 */
export async function benchImport({ cluster, databases: [small, large], runs }) {
  const project = makeProject();
  const few = await importOurs(cluster, small.name);
  const ours = [];
  const documented = [];
  for (let run = 0; run < runs; run++) {
    documented.push(await importDocumented(cluster, large.name, project));
    ours.push(await importOurs(cluster, large.name));
  }
  return judge({ few, ours, documented, small, large, runs });
}

/** Calls `work` with a new deployment; how many seconds it took as a whole and to the last registered upload. */
async function watched(uploads, work) {
  // Collecting garbage among a million documents takes longer than a function may.
  const convex = await startConvex({ args: ["--user-time-limit", "0"] });
  let uploaded;
  try {
    const prepared = await work.prepare?.(convex);
    const start = performance.now();
    const timer = setInterval(async () => {
      if (uploaded !== undefined) return;
      const { requests } = await convex.control("stats").catch(() => ({ requests: {} }));
      if (requests["/api/import/finish_upload"] === uploads) uploaded ??= (performance.now() - start) / 1000;
    }, LOOK_INTERVAL);
    const figures = await work.run(convex, prepared);
    const seconds = (performance.now() - start) / 1000;
    clearInterval(timer);
    return { ...figures, seconds, uploaded: uploaded ?? seconds, right: await shareOfRight(convex) };
  } finally {
    await convex.stop();
  }
}

function importOurs(cluster, database) {
  return watched(1, {
    async prepare(convex) {
      await pointAt(cluster, database, convex, { method: "import" });
      const client = await cluster.connect({ database });
      await convex.control("functions", { directory: await generate(client) });
      return client;
    },
    async run(_, client) {
      const { rows, anonymous, cpu } = await timed(client, "SELECT migrated::int, bytes::float8 FROM convex_migrate() WHERE source IS NULL");
      await client.end();
      return { rows: rows[0].migrated, anonymous, cpu, bytes: rows[0].bytes };
    },
  });
}

function importDocumented(cluster, database, project) {
  return watched(Object.keys(TABLES).length, {
    async run(convex) {
      let bytes = 0;
      for (const [table, target] of Object.entries(TABLES)) {
        const path = `${project}/${target}.jsonl`;
        const { code, stderr } = await cluster.psql(["-qc", `\\copy (SELECT row_to_json(t) FROM ${table} t) TO '${path}' ${AS_IT_IS}`], { database });
        if (code !== 0) throw new Error(`\\copy failed: ${stderr}`);
        bytes += statSync(path).size;
        await runTool(project, ["import", "--table", target, "--yes", path], convex);
        unlinkSync(path);
      }
      return { bytes };
    },
  });
}

/** Of some messages, the share whose conversation is a document. */
async function shareOfRight(convex) {
  const ids = new Set((await convex.tableData("conversations")).map(({ _id }) => _id));
  const { page } = await convex.query("_system/cli/tableData", {
    table: "messages", order: "asc", paginationOpts: { numItems: LOOKED_UP, cursor: null },
  });
  return page.filter(({ conversation_id: id }) => ids.has(id)).length / page.length;
}

function judge({ few, ours, documented, small, large, runs }) {
  const of = (all, figure) => median(all.map((one) => one[figure]));
  const line = (label, all) => [
    label, of(all, "uploaded").toFixed(2), of(all, "seconds").toFixed(2),
    (of(documented, "uploaded") / of(all, "uploaded")).toFixed(2), (of(documented, "seconds") / of(all, "seconds")).toFixed(2),
    megabytes(of(all, "bytes")), `${(100 * of(all, "right")).toFixed(0)} %`,
  ];
  printTable(`Import: ${grouped(large.messages)} messages; local Convex, median of ${runs}`,
    ["", "uploaded s", "seconds", "ratio", "ratio", "lines", "references right"],
    [line("\\copy, npx convex import --table", documented), line("convex_migrate(), method import", ours)]);
  const rows = [[small.messages, few], [large.messages, { ...ours[0], anonymous: Math.max(...ours.map(({ anonymous }) => anonymous)) }]];
  printTable("Memory of the backend in an import, at its peak", ["messages", "rows in all", "private (RssAnon)"],
    rows.map(([messages, one]) => [grouped(messages), grouped(one.rows), megabytes(one.anonymous)]));
  const share = of(ours, "uploaded") / of(documented, "uploaded");
  const whole = of(ours, "seconds") / of(documented, "seconds");
  const growth = rows[1][1].anonymous - few.anonymous;
  return [
    ...(share <= MOST_OF_UPLOAD ? [] : [`import: ${share.toFixed(2)} of the time to the last uploaded byte, not ${MOST_OF_UPLOAD}`]),
    ...(whole <= 1 ? [] : [`import: ${whole.toFixed(2)} of the time as a whole, not 1`]),
    ...(of(ours, "right") === 1 ? [] : ["import: not all references are right"]),
    ...(growth <= MOST_GROWTH ? [] : [`import: ${megabytes(growth)} more memory, not ${megabytes(MOST_GROWTH)}`]),
  ];
}
