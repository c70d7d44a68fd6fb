/**
 * What arrives equals what was there, whatever it was: random tables with
 * random values and options go through convex_migrate(), and every document is
 * compared with what PostgreSQL holds. Rows that cannot go, and only those,
 * must be in convex_rejects, for the right reason. A failure prints its seed
 * and the smallest tables with which it happens.
 *
 *   PROPERTY_SCHEMAS  at least so many families of tables, 200 by default
 *   PROPERTY_ROWS     and at least so many rows, 20000 by default
 *   PROPERTY_SECONDS  and at least so long, 0 by default
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

/** Families that share a run, and so its options; rows that each has about. */
const FAMILIES = 5;
const FAMILY_ROWS = 120;

const {
  PROPERTY_SCHEMAS = 200,
  PROPERTY_ROWS = 20000,
  PROPERTY_SECONDS = 0,
  PROPERTY_SEED = randomInt(2 ** 31),
} = process.env;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

test("random schemas arrive as they were", async (t) => {
  const world = await openWorld(t, cluster);
  const end = Date.now() + Number(PROPERTY_SECONDS) * 1000;
  let [schemas, tables, seed] = [0, 0, Number(PROPERTY_SEED)];
  for (; schemas < PROPERTY_SCHEMAS || world.seen.rows < PROPERTY_ROWS || Date.now() < end; seed++) {
    const round = randomRound(new Random(seed), {
      families: FAMILIES,
      rows: FAMILY_ROWS,
      tables: MOST_TABLES,
      types: world.types,
    });
    const problem = await world.problemOf(round);
    if (problem !== null) assert.fail(await smallestCase(world, round, problem, seed));
    schemas += FAMILIES;
    tables += round.tables.length;
  }
  const { rows, documents, rejects } = world.seen;
  const amount = `${schemas} schemas, ${tables} tables, ${rows} rows: ${documents} documents, ${rejects} rejects`;
  t.diagnostic(`${amount}; seeds ${PROPERTY_SEED} to ${seed - 1}`);
});

/** What to print of a failure: how to repeat it, and its smallest form as SQL. */
async function smallestCase(world, round, { kind }, seed) {
  const small = await shrink(round, async (candidate) => (await world.problemOf(candidate))?.kind === kind);
  const problem = await world.problemOf(small);
  return [
    `PROPERTY_SEED=${seed} PROPERTY_SCHEMAS=1 PROPERTY_ROWS=1 tests/run.sh property repeats this. Its smallest form:`,
    `${kind}: ${problem?.text ?? "not each time"}`,
    `server options: ${JSON.stringify(small.options)}`,
    `session: ${small.session.join("; ")}`,
    sqlOf(small),
  ].join("\n");
}
