/**
 * Scenarios one after another, in several worlds at a time.
 *
 *   const lanes = await openLanes(2);
 *   const seen = await lanes.run(scenarios);    // throws what went wrong first, with a smaller scenario
 *   await lanes.close();
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { shrink } from "./shrink.mjs";
import { creationOf } from "./tables.mjs";
import { openWorld } from "./world.mjs";

const LIMIT_MS = 300_000;

/** @param {number} count of worlds */
export async function openLanes(count) {
  const worlds = await Promise.all(Array.from({ length: count }, () => openWorld()));
  return { worlds, run: (scenarios) => runAll(worlds, scenarios), close: () => Promise.all(worlds.map((world) => world.stop())) };
}

/**
 * @param {World[]} worlds
 * @param {Iterable<{ repeat: string, scenario: import("./scenarios.mjs").Scenario }>} scenarios `repeat`: how to have it again
 * @returns {Promise<import("./world.mjs").Seen[]>}
 */
async function runAll(worlds, scenarios) {
  const seen = [];
  const left = scenarios[Symbol.iterator]();
  let hasFailed = false;
  const lanes = await Promise.allSettled(worlds.map(async (world) => {
    for (let next; !hasFailed && !(next = left.next()).done;) {
      const { repeat, scenario } = next.value;
      try {
        seen.push(await withinReason(world.run(scenario)));
      } catch (error) {
        hasFailed = true;
        throw await explained(world, repeat, scenario, error);
      }
    }
  }));
  for (const { reason } of lanes) if (reason !== undefined) throw reason;
  return seen;
}

/** The limit is for what never comes, not a measure of speed. */
function withinReason(running) {
  const late = sleep(LIMIT_MS, undefined, { ref: false }).then(() => assert.fail("the scenario does not come to its end"));
  return Promise.race([running, late]);
}

/** What is wrong, how to repeat it, and a smaller scenario in which the same is wrong. */
async function explained(world, repeat, scenario, error) {
  let last = error;
  const small = await shrink(scenario, async (candidate) => {
    const other = await withinReason(world.run(candidate)).then(() => null, (reason) => reason);
    const isSame = other !== null && other.code === error.code && firstWords(other) === firstWords(error);
    if (isSame) last = other;
    return isSame;
  });
  const message = [
    error.message, `${repeat} repeats this. A smaller form, if it happens each time:`, last.message,
    JSON.stringify(small, null, 1), creationOf(small.tables),
  ].join("\n");
  // A new error: reporters print the stack, which has the message that an error was made with.
  return new Error(message, { cause: error });
}

/** What an error is about. */
function firstWords({ message }) {
  return /^[^:]*/.exec(message)[0];
}
