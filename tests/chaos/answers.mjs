/**
 * Answers that a batch may get instead of its own, from Convex or from something
 * in front of it, and ways in which its own is spoilt: kinds of faults for
 * faults.mjs, as faults of the local Convex (tests/convex/README.md). With
 * `after` the batch is written before its answer is lost.
 */

/** How SQLSTATEs of errors begin. */
export const CONNECTION = ["08"];
const KEY = ["28000"];
const STATE = ["55000"];

const status = (number, fields) => ({ kind: "status", status: number, retryAfter: 0, ...fields });

/** An answer with the server's words, the same without any, and both when the batch is in already. */
const withAndWithoutBody = (number, words) => [
  status(number, words), status(number, { after: true }), status(number), status(number, { ...words, after: true }),
];

const PAGE = { body: "<html><head><title>Sorry</title></head><body><h1>Something is wrong</h1></body></html>" };
const code = (name) => ({ code: name, message: `This is ${name}.` });

/** Nothing was written, whatever the answer looks like. */
const withAndWithoutBodyBefore = (number, words) => [status(number, words), status(number)];

const JSON_TYPE = { status: 200, contentType: "application/json" };

/** @type {Record<string, import("./faults.mjs").Kind>} */
export const ANSWERS = {
  "429 to each so many calls": {
    weight: 2, burst: true, errors: CONNECTION, answers: [status(429, { code: "RateLimited" })],
  },
  "503 to each so many calls": {
    weight: 2, burst: true, errors: CONNECTION, answers: [status(503, { code: "OptimisticConcurrencyControlFailure" })],
  },
  "500 to each so many calls": {
    weight: 1, burst: true, errors: CONNECTION, answers: [status(500, { code: "InternalServerError" })],
  },
  "calls of which each so many lose their answers": {
    weight: 1, burst: true, errors: CONNECTION, answers: [{ kind: "truncate" }],
  },

  "400": { weight: 1, errors: [...CONNECTION, "54000"], answers: withAndWithoutBodyBefore(400, code("BadJsonBody")) },
  "401": { weight: 1, outcome: "fails", errors: KEY, answers: withAndWithoutBodyBefore(401, code("BadAdminKey")) },
  "403": { weight: 1, outcome: "fails", errors: KEY, answers: withAndWithoutBodyBefore(403, code("Forbidden")) },
  "404": { weight: 1, errors: CONNECTION, answers: [status(404), status(404, PAGE), status(404, code("NotFound"))] },
  "408": { weight: 1, outcome: "passes", errors: CONNECTION, answers: withAndWithoutBody(408, PAGE) },
  // Of several records, fewer are sent at once; a small one alone is sent again.
  "413": { weight: 1, errors: ["54000"], answers: withAndWithoutBodyBefore(413, PAGE) },
  "425": { weight: 1, outcome: "passes", errors: CONNECTION, answers: withAndWithoutBodyBefore(425, code("TooEarly")) },
  "429": {
    weight: 1, outcome: "passes", errors: CONNECTION,
    answers: [
      status(429, code("TooManyWrites")), status(429, { retryAfter: { inSeconds: -5 } }),
      status(429, { ...code("RateLimited"), retryAfter: "1e99, soon" }),
    ],
  },
  "500": { weight: 1, outcome: "passes", errors: CONNECTION, answers: withAndWithoutBody(500, code("InternalServerError")) },
  "502": { weight: 1, outcome: "passes", errors: CONNECTION, answers: withAndWithoutBody(502, PAGE) },
  "503": {
    weight: 1, outcome: "passes", errors: CONNECTION,
    answers: [status(503, code("CommitterFullError")), ...withAndWithoutBody(503, PAGE)],
  },
  "504": { weight: 1, outcome: "passes", errors: CONNECTION, answers: withAndWithoutBody(504, PAGE) },
  "a redirect": {
    weight: 1, outcome: "fails", errors: CONNECTION,
    answers: [302, 307].map((number) => ({ kind: "redirect", status: number, location: "http://127.0.0.1:9/elsewhere" })),
  },

  "a call that is refused before it runs": { weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "reset_before" }] },
  "a call that is in, without an answer": { weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "reset_after" }] },
  "no answer ever": {
    weight: 1, errors: CONNECTION, callTimeout: "500ms", unanswered: true, answers: [{ kind: "hang" }, { kind: "hang", after: true }],
  },
  "half an answer": {
    weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "truncate", at: "head" }, { kind: "truncate", at: 0.7 }],
  },
  "a Content-Length that is too large": {
    weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "length", difference: 10 }],
  },
  "a Content-Length that is too small": {
    weight: 1, outcome: "fails", errors: CONNECTION, answers: [{ kind: "length", difference: -10 }],
  },
  "an answer that is no JSON": {
    weight: 1, outcome: "fails", errors: CONNECTION,
    answers: [
      { kind: "body", ...JSON_TYPE, body: '{"status":"success","value":[{"supa\u0000' }, { kind: "body", ...JSON_TYPE, body: "", after: true },
      { kind: "body", status: 200, contentType: "text/html", body: PAGE.body },
    ],
  },
  "too few results": { weight: 1, outcome: "fails", ofResults: true, errors: CONNECTION, answers: [{ kind: "results", drop: 1 }, { kind: "results", drop: 1000 }] },
  "results that come twice": {
    weight: 1, outcome: "fails", ofResults: true, errors: CONNECTION, answers: [{ kind: "results", repeat: 1 }, { kind: "results", drop: 1, repeat: 1 }],
  },
  "results in another order": { weight: 1, outcome: "completes", errors: [], answers: [{ kind: "results", reverse: true }] },
  "an answer that is huge": { weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "huge", bytes: 80_000_000 }] },

  "a key that is revoked": {
    weight: 1, outcome: "fails", errors: KEY, answers: [{ kind: "revoke_key" }],
  },
  // No run fails for what comes after its last call.
  "a key that is revoked while a call runs": {
    weight: 1, errors: KEY, answers: [{ kind: "revoke_key", after: true }],
  },
  "a deployment that is paused": {
    weight: 1, errors: STATE, answers: [{ kind: "state", state: "paused" }, { kind: "state", state: "usage_limit", after: true }],
  },
  "connections that are refused for a moment": {
    weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "refuse", ms: 20 }],
  },
  "a restart of Convex": {
    weight: 1, outcome: "passes", errors: CONNECTION, answers: [{ kind: "restart" }, { kind: "restart", after: true }],
  },
  "a restart of Convex that loses its data": {
    weight: 1, outcome: "fails", errors: CONNECTION, hopeless: true, losesData: true,
    answers: [{ kind: "restart", keepsData: false }, { kind: "restart", keepsData: false, after: true }],
  },
};
