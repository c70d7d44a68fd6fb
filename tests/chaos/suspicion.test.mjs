/**
 * Does the judgement of fault runs see what it must? Functions that lose, double
 * or forget something, documents that change behind its back, wrong figures in
 * reports, rejects and the texts of failed runs: each must be found.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KINDS } from "./faults.mjs";
import { assertComplete, assertFrank, assertModest } from "./judge.mjs";
import { shrink } from "./shrink.mjs";
import { openWorld } from "./world.mjs";

const nothing = { fault: null, patient: true, newSession: true, changed: false };

/** Parents that refer to each other, and children of which some cannot be migrated. */
const scenario = {
  tables: [
    {
      name: "t0", key: "int", rows: 20, twice: false, padding: 0, bad: null,
      references: [{ parent: "t0", isEarlier: false, required: false, step: 3, nulls: 8, orphans: 0 }],
    },
    {
      name: "t1", key: "pair", rows: 30, twice: false, padding: 0, bad: { kind: "refused", every: 10 },
      references: [{ parent: "t0", isEarlier: true, required: true, step: 2, nulls: 0, orphans: 9 }],
    },
    { name: "t2", key: "none", rows: 10, twice: true, padding: 0, bad: null, references: [] },
  ],
  options: { batch_rows: 7, concurrency: 2, orphans: "reject", nulls: "omit" },
  talkative: true,
  attempts: [nothing],
};

const DOCUMENTS = 20 + 24 + 10;

let world;

before(async () => {
  world = await openWorld();
});

after(() => world?.stop());

/** Runs it with functions that are changed so. */
async function run(changes, attempts = [nothing]) {
  world.changes = changes;
  try {
    return await world.run({ ...scenario, attempts });
  } finally {
    world.changes = [];
  }
}

const judge = (report) => assertComplete(world.administrator, world.convex, scenario, report);

/** What the judgement says. */
const DIFFER = /^AssertionError.*: documents differ/;
const REPORT = /^AssertionError.*: the report is wrong/;
const REJECTS = /^AssertionError.*: convex_rejects is wrong/;
const TOO_MUCH = /^AssertionError.*: the run said/;
const TOO_LITTLE = /^AssertionError.*: \d+ documents of t\d, but the error said/;

test("what is as it must be", async () => {
  const { documents, rejects, report } = await run([]);
  assert.deepEqual({ documents, rejects }, { documents: DOCUMENTS, rejects: 6 });
  await judge(report);
});

const INSERTS = ["if (stored === undefined)", "if (true)"];

test("functions that insert: nothing is wrong until a request comes twice", async () => {
  assert.equal((await run([INSERTS])).documents, DOCUMENTS);
  const fault = { kind: "a request that comes twice", request: 8, part: "request", share: 0.5 };
  await assert.rejects(run([INSERTS], [{ ...nothing, fault }]), DIFFER);
  assert.equal((await run([], [{ ...nothing, fault }])).documents, DOCUMENTS);
});

test("functions that insert: Convex restarts before its answer has come", async () => {
  const fault = { kind: "a restart of Convex, its data kept", request: 8, part: "answer", share: 0 };
  await assert.rejects(run([INSERTS], [{ ...nothing, fault }]), DIFFER);
  assert.equal((await run([], [{ ...nothing, fault }])).documents, DOCUMENTS);
});

test("functions that insert: a second run", async () => {
  await assert.rejects(run([INSERTS], [nothing, nothing]), DIFFER);
});

const RECORD = "const { id, _id, _pending = [], ...sent } = record;";

/** What functions may do wrong. */
const BROKEN = {
  "a record is lost": [[RECORD, `${RECORD} if (table === "t1" && sent.n === 5) return { convexId: (await ctx.db.query("t0").first())._id };`]],
  "a field is lost": [[RECORD, `${RECORD} if (sent.n === 5) delete sent.amount;`]],
  "a value is changed": [[RECORD, `${RECORD} if (sent.n === 5) sent.amount += 0.01;`]],
  "references are not set in the second pass": [["await ctx.db.patch(table, id, Object.fromEntries(references));", "void references;"]],
  "a row that cannot be migrated is": [['throw new Error("not this one")', "void 0"]],
  "rows that can be migrated are refused": [[RECORD, `${RECORD} if (sent.n === 5) throw new Error("not that one");`]],
};

for (const [name, changes] of Object.entries(BROKEN)) {
  test(name, async () => {
    await assert.rejects(run(changes), DIFFER);
  });
}

test("changes do not arrive", async () => {
  const never = [["await ctx.db.patch(table, stored._id, document);", "void document;"]];
  await run(never, [nothing, nothing]);
  await assert.rejects(run(never, [nothing, { ...nothing, changed: true }]), DIFFER);
});

/** What the application may do to documents after a run. */
const BEHIND = {
  "a document is removed": async (convex) => {
    const [{ _id: id }] = await convex.tableData("t1");
    await convex.mutation("application:remove", { id });
  },
  "a document is changed": async (convex) => {
    const [{ _id: id }] = await convex.tableData("t2");
    await convex.mutation("application:patch", { id, fields: { n: 99 } });
  },
  "a document is there once more": async (convex) => {
    const [{ _id, _creationTime, ...fields }] = await convex.tableData("t1");
    await convex.mutation("application:insert", { table: "t1", fields });
  },
  "a document of a table without a key is there once more": async (convex) => {
    const [{ _id, _creationTime, ...fields }] = await convex.tableData("t2");
    await convex.mutation("application:insert", { table: "t2", fields: { ...fields, supabaseId: "another" } });
  },
  "a reference points to another document": async (convex) => {
    const [{ _id: id }] = await convex.tableData("t0");
    await convex.mutation("application:patch", { id, fields: { r0_id: id } });
  },
};

for (const [name, change] of Object.entries(BEHIND)) {
  test(`after the run ${name}`, async () => {
    const { report } = await run([]);
    await change(world.convex);
    await assert.rejects(judge(report), DIFFER);
  });
}

test("wrong figures in the report", async () => {
  const { report } = await run([]);
  for (const i of report.keys()) {
    for (const column of ["rows_read", "migrated", "failed"]) {
      const wrong = report.map((row, k) => (k === i ? { ...row, [column]: row[column] + 1 } : row));
      await assert.rejects(judge(wrong), REPORT, `${column} of row ${i}`);
    }
    const wrong = report.map((row, k) => (k === i ? { ...row, status: "unknown" } : row));
    await assert.rejects(judge(wrong), REPORT, `status of row ${i}`);
  }
  await assert.rejects(judge(report.slice(1)), REPORT);
  await judge(report);
});

const WRONG_REJECTS = {
  "one is missing": "DELETE FROM convex_reject_rows WHERE key = (SELECT min(key) FROM convex_reject_rows)",
  "one is there twice": "INSERT INTO convex_reject_rows SELECT * FROM convex_reject_rows LIMIT 1",
  "one is of another row": `UPDATE convex_reject_rows SET key = '["1", "p1"]' WHERE key = (SELECT min(key) FROM convex_reject_rows)`,
  "one has another reason": "UPDATE convex_reject_rows SET reason = 'illegal_key: doc: text' WHERE reason LIKE 'orphan%'",
};

for (const [name, sql] of Object.entries(WRONG_REJECTS)) {
  test(`convex_rejects: ${name}`, async () => {
    const { report } = await run([]);
    await world.administrator.query(sql);
    await assert.rejects(judge(report), REJECTS);
  });
}

test("a run that failed says too much", async () => {
  await run([]);
  const modest = (text) => assertModest(world.convex, [{ message: "it stops", detail: text }]);
  const says = {
    "t0: 20 migrated, 0 failed\nt1: 24 migrated, 6 failed": 2, "t1: 7 of about 30 migrated": 1, "t1: 14 migrated so far, 2 failed": 1,
    "t2: done, 10 migrated": 1, 'reading table "t0", 20 of its rows are in Convex': 1, "nothing about rows": 0,
  };
  for (const [text, claims] of Object.entries(says)) {
    assert.equal(await modest(text), claims, text);
    const more = text.replace(/\d+(?= migrated| of its| of about)/, "1,021");
    if (claims > 0) await assert.rejects(modest(more), TOO_MUCH, more);
  }
});

test("a run that failed says too little", async () => {
  await run([]);
  const one = { ...scenario, options: { ...scenario.options, concurrency: 1, batch_rows: 1 } };
  const says = (detail) => assertFrank(world.convex, one, { message: "it stops", detail });
  await says("t0: 15 migrated, 0 failed\nt1: 19 migrated, 0 failed\nt2: 10 migrated, 0 failed");
  await assert.rejects(says("t0: 15 migrated, 0 failed\nt1: 16 migrated, 2 failed\nt2: 10 migrated, 0 failed"), TOO_LITTLE);
  await assert.rejects(says("t0: 15 migrated, 0 failed\nt1: 19 migrated, 0 failed"), TOO_LITTLE);
});

test("a run that goes on where it must end", async () => {
  const fault = { kind: "pg_cancel_backend", request: 8, part: "answer", share: 0 };
  const { act } = KINDS.pg_cancel_backend;
  KINDS.pg_cancel_backend.act = async () => {};
  try {
    await assert.rejects(run([], [{ ...nothing, fault }, nothing]), /the run went on after pg_cancel_backend/);
  } finally {
    KINDS.pg_cancel_backend.act = act;
  }
});

test("a run that fails for another reason than what happened to it", async () => {
  const fault = { kind: "pg_cancel_backend", request: 8, part: "answer", share: 0 };
  const { act } = KINDS.pg_cancel_backend;
  KINDS.pg_cancel_backend.act = (_, run_) => world.administrator.query("SELECT pg_terminate_backend($1)", [run_.processID]);
  try {
    await assert.rejects(run([], [{ ...nothing, fault }, nothing]), /the run failed: terminating connection/);
  } finally {
    KINDS.pg_cancel_backend.act = act;
  }
});

test("a scenario shrinks to what goes wrong", async () => {
  const fault = { kind: "pg_cancel_backend", request: 8, part: "answer", share: 0 };
  const large = { ...scenario, attempts: [{ ...nothing, fault }, nothing] };
  const small = await shrink(large, async ({ tables }) => tables.some(({ name, rows }) => name === "t1" && rows > 3));
  assert.deepEqual(small, {
    ...scenario, tables: [{ ...scenario.tables[1], rows: 4, bad: null, references: [] }],
    options: { ...scenario.options, concurrency: 1 }, attempts: [nothing],
  });
});
