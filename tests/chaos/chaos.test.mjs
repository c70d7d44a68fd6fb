/**
 * Whatever happens to a run, and whenever, running it again ends as if nothing
 * had happened: random tables are migrated while backends, PostgreSQL or Convex
 * are killed, runs cancelled, connections broken at a random byte. Then every
 * document is compared with its row, and so are report and rejects. A failure
 * prints its seed and a small scenario.
 *
 *   CHAOS_RUNS   so many scenarios, 60 by default
 *   CHAOS_SEED   of the first; without it those of 1 and after
 *   CHAOS_LANES  so many at a time, 2 by default
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Random } from "../property/random.mjs";
import { KINDS } from "./faults.mjs";
import { openLanes } from "./runs.mjs";
import { randomScenario } from "./scenarios.mjs";

const { CHAOS_RUNS = 60, CHAOS_SEED = 1, CHAOS_LANES = 2 } = process.env;

/** Scenarios after which chance counts no more. */
const ENOUGH = 60;

let lanes;

before(async () => {
  lanes = await openLanes(Math.min(Number(CHAOS_LANES), Number(CHAOS_RUNS)));
});

after(() => lanes?.close());

function* randomScenarios() {
  for (let seed = Number(CHAOS_SEED); seed < Number(CHAOS_SEED) + Number(CHAOS_RUNS); seed++) {
    yield { repeat: `CHAOS_SEED=${seed} CHAOS_RUNS=1 tests/run.sh chaos.test`, scenario: randomScenario(new Random(seed)) };
  }
}

test("whatever happens, the next run completes the migration", async (t) => {
  const seen = await lanes.run(randomScenarios());
  for (const line of summaryOf(seen)) t.diagnostic(line);
  if (seen.length >= ENOUGH) assertTelling(seen);
});

/** What so many scenarios have shown is worth something: most faults struck, and failed runs gave figures. */
function assertTelling(seen) {
  const [struck, missed] = [sum(seen, (run) => run.struck.length), sum(seen, (run) => run.missed)];
  assert.ok(struck > 4 * missed, `${struck} faults struck, but ${missed} came after the end of their runs`);
  assert.ok(sum(seen, ({ claims }) => claims) > seen.length, "failed runs said nothing of what is in Convex");
}

function summaryOf(seen) {
  const struck = seen.flatMap((run) => run.struck);
  const kinds = Object.keys(KINDS).map((kind) => `${struck.filter((other) => other === kind).length} ${kind}`);
  const figures = ["missed", "failed", "claims", "documents", "rejects"].map((name) => `${sum(seen, (run) => run[name])} ${name}`);
  return [`${seen.length} scenarios, ${struck.length} faults struck; ${figures.join(", ")}`, ...kinds];
}

function sum(list, of) {
  return list.reduce((total, item) => total + of(item), 0);
}
