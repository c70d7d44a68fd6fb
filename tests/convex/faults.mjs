/**
 * Planned faults: what a network, a proxy or an overloaded deployment does to a request. Not part of Convex; tests plan
 * them as a small scenario in JSON, through `POST /local/faults`. What each fault does is in strikes.mjs.
 *
 * A plan is `{match: {path?, contains?, nth?, from?, every?, times?}, fault}`. `path` is a function path
 * ("migrate:migrateContacts") or a route ("/api/mutation"), `contains` a text in the request's body; without them every
 * call matches. Of these `nth` picks the N-th (from 1), `from` that one and all after it, `every` each N-th; `times` ends
 * the plan after so many faults. The first plan that picks a call strikes it.
 */
import { checkFault } from "./strikes.mjs";

const MATCH_FIELDS = new Set(["path", "contains", "nth", "from", "every", "times"]);

export class FaultPlans {
  #plans = [];

  /**
   * Replaces all plans.
   * @param {{match?: object, fault: {kind: string}}[]} plans
   * @throws {Error} naming a fault, or a part of a match, that does not exist
   */
  set(plans) {
    if (!Array.isArray(plans)) throw new Error('faults must be a list of {"match", "fault"}');
    for (const { match = {}, fault } of plans) {
      checkFault(fault);
      const unknown = Object.keys(match).find((field) => !MATCH_FIELDS.has(field));
      if (unknown !== undefined) throw new Error(`unknown "${unknown}" in a match`);
      if (fault.early && !match.path?.startsWith("/"))
        throw new Error('an "early" fault is chosen by its route: only that is known by then');
    }
    this.#plans = plans.map(({ match = {}, fault }) => ({ match, fault, matched: 0, used: 0 }));
  }

  /**
   * The fault for a call whose body was read, counting it in every plan that it matches.
   * @param {string} route
   * @param {string | undefined} functionPath
   * @param {string} [body]
   */
  take(route, functionPath, body = "") {
    return this.#take(
      ({ match: { path, contains }, fault }) =>
        !fault.early &&
        (path === undefined || path === route || path === functionPath) &&
        (contains === undefined || body.includes(contains)),
    );
  }

  /** The fault for a call of which only the head was read. @param {string} route */
  takeEarly(route) {
    return this.#take(({ match: { path }, fault }) => fault.early && path === route);
  }

  #take(matches) {
    let chosen;
    for (const plan of this.#plans) {
      if (!matches(plan)) continue;
      const { nth, from, every, times } = plan.match;
      plan.matched += 1;
      if (nth !== undefined && plan.matched !== nth) continue;
      if (from !== undefined && plan.matched < from) continue;
      if (every !== undefined && plan.matched % every !== 0) continue;
      if (plan.used >= (times ?? Infinity) || chosen !== undefined) continue;
      plan.used += 1;
      chosen = plan.fault;
    }
    return chosen;
  }

  /** How often each plan matched and struck. */
  report() {
    return this.#plans.map(({ match, fault, matched, used }) => ({ match, kind: fault.kind, matched, used }));
  }
}
