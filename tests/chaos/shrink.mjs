/**
 * From a scenario in which something goes wrong to a smaller one in which it
 * still does.
 *
 *   const small = await shrink(scenario, async (candidate) => stillFails(candidate));
 */

/**
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {(candidate: import("./scenarios.mjs").Scenario) => Promise<boolean>} fails
 * @param {{ attempts?: number }} [limit] candidates that are tried
 * @returns {Promise<import("./scenarios.mjs").Scenario>}
 */
export async function shrink(scenario, fails, { attempts = 60 } = {}) {
  let small = scenario;
  let left = attempts;
  for (let before = null; before !== small && left > 0;) {
    before = small;
    // What was found to be too much in one candidate is so in the next ones.
    for (let i = 0; i < candidatesOf(small).length && left > 0;) {
      const candidate = candidatesOf(small)[i];
      left -= 1;
      if (await fails(candidate)) small = candidate;
      else i += 1;
    }
  }
  return small;
}

/** What is a little smaller, the larger steps first. */
function candidatesOf(scenario) {
  const { tables, attempts, options } = scenario;
  const withTable = (i, change) => ({ ...scenario, tables: tables.map((table, k) => (k === i ? { ...table, ...change } : table)) });
  const each = (of) => tables.flatMap((table, i) => of(table).map((change) => withTable(i, change)));
  return [
    ...attempts.slice(0, -1).map((attempt) => ({ ...scenario, attempts: attempts.filter((other) => other !== attempt) })),
    ...(tables.length > 1 ? tables.map((table) => withoutTable(scenario, table)) : []),
    ...each(({ references }) => references.map((reference) => ({ references: references.filter((other) => other !== reference) }))),
    ...each(({ bad }) => (bad === null ? [] : [{ bad: null }])),
    ...each(({ padding }) => (padding === 0 ? [] : [{ padding: 0 }])),
    ...each(({ rows }) => (rows <= 1 ? [] : [{ rows: Math.ceil(rows / 2) }])),
    ...(options.concurrency === 1 ? [] : [{ ...scenario, options: { ...options, concurrency: 1 } }]),
  ];
}

function withoutTable(scenario, { name }) {
  const others = scenario.tables.filter((table) => table.name !== name);
  const tables = others.map((table) => ({ ...table, references: table.references.filter(({ parent }) => parent !== name) }));
  return { ...scenario, tables };
}
