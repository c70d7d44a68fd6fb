/**
 * What arrives equals what was there, whatever it was: random tables with
 * random values and options go through convex_migrate(), and every document is
 * compared with what PostgreSQL holds. Rows that cannot go, and only those,
 * must be in convex_rejects. A failure prints its seed and the smallest tables
 * with which it happens.
 *
 *   PROPERTY_SCHEMAS  families of tables, 40 by default
 *   PROPERTY_ROWS     rows of all of them, 4000 by default
 *   PROPERTY_SEED     of the first round; without it another one each time
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, test } from "node:test";
import { startCluster } from "../harness/index.mjs";
import { Random } from "./random.mjs";
import { randomRound, sqlOf } from "./schemas.mjs";
import { shrink } from "./shrink.mjs";
import { MOST_TABLES, openWorld } from "./world.mjs";

/** Families that share a run, and so its options. */
const FAMILIES_PER_ROUND = 8;

const families = Number(process.env.PROPERTY_SCHEMAS ?? 40);
const rows = Number(process.env.PROPERTY_ROWS ?? 4000);
const firstSeed = Number(process.env.PROPERTY_SEED ?? randomInt(2 ** 31));

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

test(`${families} random schemas with ${rows} rows arrive as they were`, async (t) => {
  const world = await openWorld(t, cluster);
  for (let done = 0, seed = firstSeed; done < families; done += FAMILIES_PER_ROUND, seed++) {
    const round = randomRound(new Random(seed), {
      families: Math.min(FAMILIES_PER_ROUND, families - done), rows: rows / families, tables: MOST_TABLES,
    });
    const problem = await world.problemOf(round);
    if (problem !== null) assert.fail(await smallestCase(world, round, problem, seed));
  }
});

/** What to print of a failure: how to repeat it, and its smallest form as SQL. */
async function smallestCase(world, round, { kind }, seed) {
  const small = await shrink(round, async (candidate) => (await world.problemOf(candidate))?.kind === kind);
  const problem = await world.problemOf(small);
  return [
    `PROPERTY_SEED=${seed} PROPERTY_SCHEMAS=${families} PROPERTY_ROWS=${rows} repeats this as the first round. Its smallest form:`,
    `${kind}: ${problem?.text ?? "not each time"}`,
    `server options: ${JSON.stringify(small.options)}`,
    `session: ${small.session.join("; ")}`,
    sqlOf(small),
  ].join("\n");
}
