/**
 * Random scenarios: tables, options, and runs that something happens to. Plain
 * data, which a seed repeats.
 *
 * @typedef {object} Attempt a run, and what happens to it
 * @property {import("./faults.mjs").Fault | null} fault null: nothing
 * @property {boolean} patient whether batches are sent again
 * @property {boolean} newSession whether it comes from a connection of its own
 * @property {boolean} changed whether rows are changed before it
 *
 * @typedef {object} Scenario
 * @property {import("./tables.mjs").Table[]} tables
 * @property {Record<string, string | number>} options of the foreign server
 * @property {boolean} talkative whether the run says its figures after each batch
 * @property {Attempt[]} attempts nothing happens to the last one
 */
import { randomFault } from "./faults.mjs";
import { BAD } from "./tables.mjs";

/** Questions to the deployment before the first batch, about. */
const QUESTIONS = 5;

/** Long rows fill the buffers of sockets, so that a request can be broken in its middle. */
const PADDING = 20_000;
const PADDED_ROWS = 25;

/** @param {import("../property/random.mjs").Random} random @returns {Scenario} */
export function randomScenario(random) {
  const tables = randomTables(random);
  const options = {
    batch_rows: random.pick([1, 3, 7, 20, 100]),
    batch_bytes: random.pick(["1kB", "100kB", "1MB"]),
    concurrency: random.pick([1, 2, 4, 16]),
    orphans: random.pick(["reject", "reject", "null", "keep"]),
    nulls: random.pick(["omit", "null"]),
  };
  // One row to a call makes hundreds of them.
  if (options.batch_rows === 1) for (const table of tables) table.rows = Math.min(table.rows, 15);
  const requests = QUESTIONS + requestsOf(tables, options);
  const faults = random.times(random.pick([1, 1, 1, 2]), () => randomFault(random, requests));
  const changed = random.chance(0.4) ? random.between(1, faults.length) : -1;
  const attempts = [...faults, null].map((fault, i) => ({
    fault, patient: fault === null || random.chance(0.4), newSession: random.chance(0.5), changed: i === changed,
  }));
  return { tables, options, talkative: random.chance(0.5), attempts };
}

/** Calls for all rows and for the second pass, if none is refused. */
function requestsOf(tables, { batch_rows: most }) {
  const calls = ({ rows, references }) => {
    const waits = references.some(({ isEarlier }) => !isEarlier);
    return Math.ceil(rows / most) * (waits ? 2 : 1);
  };
  return tables.reduce((sum, table) => sum + calls(table), 0);
}

function randomTables(random) {
  const keys = random.times(random.between(1, 5), () => random.pick(["int", "int", "text", "uuid", "pair", "none"]));
  const padded = random.chance(0.15) ? random.below(keys.length) : -1;
  const tables = keys.map((key, i) => ({
    name: `t${i}`,
    key,
    rows: random.chance(0.05) ? 0 : random.between(1, i === padded ? PADDED_ROWS : 90),
    twice: key === "none" && random.chance(0.5),
    padding: i === padded ? PADDING : 0,
    bad: random.chance(0.35) ? { kind: randomBad(random, key), every: random.between(4, 20) } : null,
    references: [],
  }));
  tables.forEach((table, i) => {
    tables.forEach((parent, j) => {
      const likely = j < i ? 0.5 : j === i ? 0.3 : 0.12;
      if (parent.key !== "none" && random.chance(likely)) table.references.push(randomReference(random, parent, j < i));
    });
  });
  return tables;
}

/** What a function refuses is known by its key. */
function randomBad(random, key) {
  return random.pick(Object.keys(BAD).filter((kind) => key !== "none" || BAD[kind].column !== "note"));
}

/** Only earlier tables are there for sure: the others are part of a circle. */
function randomReference(random, parent, isEarlier) {
  return {
    parent: parent.name,
    isEarlier,
    required: isEarlier && parent.rows > 0 && random.chance(0.3),
    step: random.pick([1, 2, 3, 7]),
    nulls: random.pick([0, 3, 8]),
    orphans: random.chance(0.2) ? random.between(5, 15) : 0,
  };
}
