/**
 * What happens to a run. Some faults strike at one byte of one message between
 * the extension and Convex (proxy.mjs), so that speed does not matter; what the
 * run and the message do then is in KINDS. The others are answers of Convex, or
 * of something in front of it (answers.mjs).
 *
 * @typedef {{ kind: string, request: number, part: "request" | "answer", share: number, variant: number }} Fault
 *   the place of a strike; an answer strikes the batch of this number, and a burst each of `request` calls
 *
 * @typedef {object} Kind
 * @property {number} weight how often it is chosen
 * @property {import("./proxy.mjs").Strike["then"]} [then] what becomes of the message: by default it goes on
 * @property {"request" | "answer"} [part] of the message; either by default
 * @property {(world: World, run: pg.Client) => Promise<unknown>} [act] what is done while the message waits
 * @property {object[]} [answers] faults of the local Convex instead of a strike; the fault's variant says which one
 * @property {boolean} [burst] they strike more than once
 * @property {"fails" | "completes" | "passes"} [outcome] how the run must end when it was struck; by default either way.
 *   passes: completes if it sends batches again, and else fails
 * @property {boolean} [ofResults] a call whose function throws has none to spoil: then the run ends in either way
 * @property {(string | undefined)[]} errors what SQLSTATEs may begin with when it fails; undefined: the connection was lost
 * @property {string} [statementTimeout] of the run
 * @property {string} [callTimeout] the option "timeout"
 * @property {boolean} [hopeless] nothing is sent again
 * @property {boolean} [unanswered] Convex never answers the call
 * @property {boolean} [losesData] Convex is empty after it
 * @property {boolean} [crashes] PostgreSQL ends all other connections a moment later
 * @property {boolean} [unheard] the run goes on, and nobody hears of it
 */
import { until } from "../harness/index.mjs";
import { ANSWERS, CONNECTION } from "./answers.mjs";

/** @type {Record<string, Kind>} */
export const KINDS = {
  "kill -9 of the backend": {
    weight: 3, outcome: "fails", errors: [undefined], crashes: true,
    act: async (_, { processID }) => process.kill(processID, "SIGKILL"),
  },
  pg_terminate_backend: {
    weight: 3, outcome: "fails", errors: ["57P01"],
    act: ({ administrator }, { processID }) => administrator.query("SELECT pg_terminate_backend($1)", [processID]),
  },
  pg_cancel_backend: {
    weight: 3, outcome: "fails", errors: ["57014"],
    act: ({ administrator }, { processID }) => administrator.query("SELECT pg_cancel_backend($1)", [processID]),
  },
  statement_timeout: { weight: 2, then: "stall", outcome: "fails", errors: ["57014"], statementTimeout: "300ms" },
  "a client that goes away": {
    weight: 2, outcome: "fails", errors: [undefined], unheard: true,
    act: async (_, run) => run.connection.stream.destroy(),
  },
  "a fast restart of PostgreSQL": {
    weight: 2, outcome: "fails", errors: ["57P01"], act: ({ cluster }) => cluster.restart("fast"),
  },
  "an immediate restart of PostgreSQL": {
    weight: 2, outcome: "fails", errors: [undefined, "57P02"], act: ({ cluster }) => cluster.restart("immediate"),
  },
  "kill -9 of Convex, its data lost": {
    weight: 1, then: "reset", errors: CONNECTION, hopeless: true, losesData: true, act: (world) => world.killConvex(),
  },
  "a restart of Convex, its data kept": {
    weight: 3, then: "reset", errors: CONNECTION, act: (world) => world.restartConvex(),
  },
  "a connection that is reset": { weight: 6, then: "reset", errors: CONNECTION },
  "a message that is cut": { weight: 3, then: "cut", errors: CONNECTION },
  "a message that never ends": { weight: 2, then: "stall", errors: CONNECTION, callTimeout: "1s" },
  "a request that comes twice": { weight: 2, then: "repeat", part: "request", outcome: "completes", errors: [] },
  "a message in drops": { weight: 2, then: "drip", outcome: "completes", errors: [] },
  ...ANSWERS,
};

const WEIGHTED = Object.entries(KINDS).flatMap(([kind, { weight }]) => Array.from({ length: weight }, () => kind));

/** The route of what sends batches. */
const BATCHES = "/api/mutation";

/** Bursts come at least so often among calls, and end after so many. */
const BURST = { every: 5, times: 3 };

/** @param {number} requests of a run, about @returns {Fault} */
export function randomFault(random, requests) {
  const kind = random.pick(WEIGHTED);
  const { burst = false, part = random.pick(["request", "answer"]) } = KINDS[kind];
  return {
    kind,
    request: random.between(1, burst ? BURST.every : requests),
    part,
    share: random.below(1000) / 1000,
    variant: random.below(1000),
  };
}

/** Plans the fault for the next run. @param {World} world @param {Fault | null} fault @param {pg.Client} run */
export async function plan(world, fault, run) {
  const { then = "go on", act, answers, burst } = fault === null ? {} : KINDS[fault.kind];
  const strikes = fault !== null && answers === undefined;
  world.proxy.strike(strikes ? { ...fault, then, act: act && (() => act(world, run)) } : null);
  if (answers === undefined) return;
  const match = burst ? { every: fault.request, times: BURST.times } : { path: BATCHES, nth: fault.request };
  await world.convex.control("faults", [{ match, fault: answers[fault.variant % answers.length] }]);
}

/** Ends what was planned. @returns {Promise<boolean>} whether it struck */
export async function unplan({ convex, proxy }, fault) {
  const struck = await proxy.forget();
  if (fault === null || KINDS[fault.kind].answers === undefined) return struck;
  let plans;
  // A deployment that was struck may be away for a moment.
  await until(async () => (plans = await convex.control("faults").catch(() => null)) !== null);
  // With the faults, the state of the deployment and its keys are as before.
  await convex.control("reset", { data: false, stats: false });
  return plans.some(({ used }) => used > 0);
}

/** Whether the error is one that the fault may lead to. @param {Fault} fault @param {boolean} struck */
export function mayEndIn({ kind }, struck, { code }) {
  const { statementTimeout, callTimeout } = KINDS[kind];
  // A busy machine may be late by itself.
  if (!struck && statementTimeout === undefined && callTimeout === undefined) return false;
  return KINDS[kind].errors.some((beginning) => (beginning === undefined ? code === undefined : code?.startsWith(beginning)));
}
