/**
 * Planned faults: what a network, a proxy or an overloaded deployment does to a
 * request. Not part of Convex; tests plan them through `POST /local/faults`.
 *
 * A plan is `{match: {path?, nth?, every?, times?}, fault}`. `path` is a function
 * path ("migrate:migrateContacts") or a route ("/api/mutation"); without it every
 * call of a function matches. `nth` picks the N-th match (from 1), `every` each
 * N-th, `times` ends the plan after so many faults.
 */

const KINDS = new Set(["status", "reset_before", "reset_after", "hang", "delay", "body", "truncate"]);

export class FaultPlans {
  #plans = [];

  /**
   * Replaces all plans.
   * @param {{match?: {path?: string, nth?: number, every?: number, times?: number}, fault: {kind: string}}[]} plans
   * @throws {Error} naming a fault that does not exist
   */
  set(plans) {
    if (!Array.isArray(plans)) throw new Error('faults must be a list of {"match", "fault"}');
    for (const { fault } of plans) {
      if (!KINDS.has(fault?.kind)) {
        throw new Error(`unknown fault ${JSON.stringify(fault?.kind)}; there are ${[...KINDS].join(", ")}`);
      }
    }
    this.#plans = plans.map(({ match = {}, fault }) => ({ match, fault, matched: 0, used: 0 }));
  }

  /**
   * The fault for a call, counting it in every plan that it matches.
   * @param {string} route
   * @param {string | undefined} functionPath
   */
  take(route, functionPath) {
    let chosen;
    for (const plan of this.#plans) {
      const { path, nth, every, times } = plan.match;
      if (path !== undefined && path !== route && path !== functionPath) continue;
      plan.matched += 1;
      if (nth !== undefined && plan.matched !== nth) continue;
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

/** Breaks the connection so that the client sees a reset. */
export function resetConnection(response) {
  response.socket?.resetAndDestroy();
}

/**
 * Sends less than Content-Length promises, then breaks the connection.
 * @param {import("node:http").ServerResponse} response
 * @param {import("./http.mjs").Answer} answer
 */
export function sendTruncated(response, { status, contentType, body }) {
  const bytes = Buffer.from(body);
  response.writeHead(status, { "content-type": contentType, "content-length": bytes.length });
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.socket?.destroy());
}
