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
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../property/random.mjs";
import { KINDS } from "./faults.mjs";
import { randomScenario } from "./scenarios.mjs";
import { shrink } from "./shrink.mjs";
import { creationOf } from "./tables.mjs";
import { openWorld } from "./world.mjs";

const { CHAOS_RUNS = 60, CHAOS_SEED = 1, CHAOS_LANES = 2 } = process.env;

/** Scenarios after which chance counts no more. */
const ENOUGH = 60;

const LIMIT_MS = 300_000;

let worlds = [];

before(async () => {
  const lanes = Math.min(Number(CHAOS_LANES), Number(CHAOS_RUNS));
  worlds = await Promise.all(Array.from({ length: lanes }, () => openWorld()));
});

after(() => Promise.all(worlds.map((world) => world.stop())));

test("whatever happens, the next run completes the migration", async (t) => {
  const seen = [];
  let next = Number(CHAOS_SEED);
  let end = next + Number(CHAOS_RUNS);
  const lanes = await Promise.allSettled(worlds.map(async (world) => {
    while (next < end) {
      const seed = next++;
      const scenario = randomScenario(new Random(seed));
      try {
        seen.push(await withinReason(world.run(scenario)));
      } catch (error) {
        end = next;
        throw await explained(world, seed, scenario, error);
      }
    }
  }));
  for (const { reason } of lanes) if (reason !== undefined) throw reason;
  for (const line of summaryOf(seen)) t.diagnostic(line);
  if (seen.length >= ENOUGH) assertTelling(seen);
});

/** The limit is for what never comes, not a measure of speed. */
function withinReason(running) {
  const late = sleep(LIMIT_MS, undefined, { ref: false }).then(() => assert.fail("the scenario does not come to its end"));
  return Promise.race([running, late]);
}

/** What so many scenarios have shown is worth something: most faults struck, and failed runs gave figures. */
function assertTelling(seen) {
  const [struck, missed] = [sum(seen, (run) => run.struck.length), sum(seen, (run) => run.missed)];
  assert.ok(struck > 4 * missed, `${struck} faults struck, but ${missed} came after the end of their runs`);
  assert.ok(sum(seen, ({ claims }) => claims) > seen.length, "failed runs said nothing of what is in Convex");
}

/** What is wrong, how to repeat it, and a smaller scenario in which the same is wrong. */
async function explained(world, seed, scenario, error) {
  let last = error;
  const small = await shrink(scenario, async (candidate) => {
    const other = await withinReason(world.run(candidate)).then(() => null, (reason) => reason);
    const isSame = other !== null && other.code === error.code && firstWords(other) === firstWords(error);
    if (isSame) last = other;
    return isSame;
  });
  error.message = [
    `${error.message}\nCHAOS_SEED=${seed} CHAOS_RUNS=1 tests/run.sh chaos repeats this. A smaller form, where it happens each time:`,
    last.message, JSON.stringify(small, null, 1), creationOf(small.tables),
  ].join("\n");
  return error;
}

/** What an error is about. */
function firstWords({ message }) {
  return /^[^:]*/.exec(message)[0];
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
