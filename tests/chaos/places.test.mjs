/**
 * Each fault at the first, a middle and the last batch of parents, of their
 * children and of the link pass: one call at a time, so that it is known which
 * one is struck.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Random } from "../property/random.mjs";
import { KINDS } from "./faults.mjs";
import { openLanes } from "./runs.mjs";

const ROWS = 20;
const BATCH_ROWS = 5;
const BATCHES = ROWS / BATCH_ROWS;

/** Parents that refer to each other, and children of them. */
const TABLES = [
  {
    name: "t0", key: "text", rows: ROWS, twice: false, padding: 0, bad: null,
    references: [{ parent: "t0", isEarlier: false, required: false, step: 3, nulls: 0, orphans: 0 }],
  },
  {
    name: "t1", key: "int", rows: ROWS, twice: false, padding: 0, bad: { kind: "refused", every: 9 },
    references: [{ parent: "t0", isEarlier: true, required: true, step: 2, nulls: 0, orphans: 7 }],
  },
];

const nothing = { fault: null, patient: true, newSession: true, changed: false };

const scenarioOf = (attempts) => ({
  tables: TABLES, talkative: false, attempts,
  options: { batch_rows: BATCH_ROWS, concurrency: 1, orphans: "keep", nulls: "omit" },
});

/** Batches by their numbers, in the order of calls. */
const PLACES = ["parents", "children", "the link pass"].flatMap((pass, i) =>
  Object.entries({ first: 1, middle: 2, last: BATCHES }).map(([name, number]) => ({
    place: `the ${name} batch of ${pass}`, batch: i * BATCHES + number,
  })));

const ALL_BATCHES = 3 * BATCHES;

let lanes;
/** What comes before the first batch: requests, and calls of functions among them. */
let questions;

before(async () => {
  lanes = await openLanes(2);
  questions = await countQuestions(lanes.worlds[0]);
});

after(() => lanes?.close());

/** From a run to which nothing happens. */
async function countQuestions(world) {
  await world.run(scenarioOf([nothing]));
  const { requests } = world.proxy;
  const { functionCalls } = await world.convex.control("stats");
  const calls = Object.entries(functionCalls).filter(([path]) => !path.startsWith("_system/cli/table"));
  return { requests: requests - ALL_BATCHES, calls: calls.reduce((sum, [, count]) => sum + count, 0) - ALL_BATCHES };
}

for (const [kind, { answers, burst, part, statementTimeout, callTimeout }] of Object.entries(KINDS)) {
  const isTimed = statementTimeout !== undefined || callTimeout !== undefined;
  test(kind, async () => {
    const random = new Random(Object.keys(KINDS).indexOf(kind));
    const scenarios = PLACES.map(({ place, batch }, i) => {
      const fault = {
        kind, part: part ?? ["request", "answer"][i % 2], share: random.below(1000) / 1000,
        request: batch + (answers === undefined ? questions.requests : burst ? questions.calls : 0), variant: i,
      };
      const attempt = { ...nothing, fault, patient: i % 3 === 0, newSession: i % 2 === 0 };
      return { repeat: `tests/run.sh places (${kind}: ${place})`, scenario: scenarioOf([attempt, { ...nothing, newSession: false }]) };
    });
    const seen = await lanes.run(scenarios);
    // A busy machine may come to a time limit before.
    if (isTimed) return;
    assert.deepEqual(seen.map(({ struck }) => struck), PLACES.map(() => [kind]));
  });
}
