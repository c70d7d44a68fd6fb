/**
 * What each planned fault does to a call. With `"after": true` the call runs and commits first, and then its answer is
 * lost to the fault; with `"early": true` the fault strikes when only the head of the request was read.
 */
import { STATUS_CODES } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { HttpError } from "./errors.mjs";
import { errorAnswer } from "./http.mjs";

const HUGE_PIECE = "x".repeat(1 << 16);

/**
 * A call that is struck.
 * @typedef {{response: import("node:http").ServerResponse,
 *   run: () => Promise<Answer>,          runs it, and commits
 *   reply: (answer: Answer) => void,     answers it
 *   deployment: Deployment}} Call
 * @typedef {import("./http.mjs").Answer} Answer
 * @typedef {{revokeKey(): void, setState(name: string): void, goAway(ms: number, options?: {keepsData: boolean}): void}} Deployment
 */

/** @type {Record<string, (fault: any, call: Call) => unknown>} */
const STRIKES = {
  /** An answer of the server or of a proxy. */
  status: (fault, { reply }) => reply(statusAnswer(fault)),
  body: ({ status = 200, contentType, body, headers }, { reply }) =>
    reply({ status, contentType, body, headers }),
  redirect: ({ status = 302, location }, { reply }) => reply({ status, body: "", headers: { location } }),

  /** The connection. */
  reset_before: (fault, { response }) => resetConnection(response),
  reset_after: async (fault, { run, response }) => {
    await run();
    resetConnection(response);
  },
  hang: () => undefined,
  delay: async ({ ms }, { run, reply }) => {
    await sleep(ms);
    reply(await run());
  },
  drip: async ({ ms, bytes = 1 }, { run, response }) => sendSlowly(response, await run(), { ms, bytes }),
  truncate: async ({ at = 0.5 }, { run, response }) => sendTruncated(response, await run(), at),

  /** The answer of a call that has run. */
  length: async ({ difference }, { run, response }) => sendWithWrongLength(response, await run(), difference),
  results: async (fault, { run, reply }) => reply(changeResults(await run(), fault)),
  huge: ({ bytes }, { response }) => sendHuge(response, bytes),

  /** The deployment, from this call on. */
  revoke_key: async (fault, { deployment, run, reply }) => {
    deployment.revokeKey();
    reply(await run());
  },
  state: async ({ state }, { deployment, run, reply }) => {
    deployment.setState(state);
    reply(await run());
  },
  refuse: ({ ms }, { deployment }) => deployment.goAway(ms, { keepsData: true }),
  restart: ({ ms = 0, keepsData = true }, { deployment }) => deployment.goAway(ms, { keepsData }),
};

/** Faults for which only the head of a request is needed. */
const EARLY = new Set(["status", "body", "redirect", "reset_before", "hang", "refuse", "restart"]);
/** What a fault must say. */
const NUMBERS = {
  status: ["status"],
  delay: ["ms"],
  drip: ["ms"],
  length: ["difference"],
  huge: ["bytes"],
  refuse: ["ms"],
};

/** @throws {Error} naming a fault that does not exist, or what it lacks */
export function checkFault(fault) {
  if (!Object.hasOwn(STRIKES, fault?.kind ?? "")) {
    const known = Object.keys(STRIKES).join(", ");
    throw new Error(`unknown fault ${JSON.stringify(fault?.kind)}; there are ${known}`);
  }
  if (fault.early && !EARLY.has(fault.kind)) throw new Error(`a fault "${fault.kind}" cannot be early`);
  const missing = (NUMBERS[fault.kind] ?? []).find((field) => typeof fault[field] !== "number");
  if (missing !== undefined) throw new Error(`a fault "${fault.kind}" needs a number "${missing}"`);
}

/** @param {{kind: string, after?: boolean}} fault @param {Call} call */
export async function strike(fault, call) {
  const { run } = call;
  const answer = fault.after ? await run() : undefined;
  // A call that has run does not run again.
  await STRIKES[fault.kind](fault, { ...call, run: async () => answer ?? (await run()) });
}

/**
 * An answer with a status: JSON with `code` and `message`, or `body` as it is, or nothing. `retryAfter` is a number of
 * seconds or any text; `{"inSeconds": n}` makes a date of it.
 */
function statusAnswer({
  status,
  code = "",
  message = "",
  body,
  contentType = "text/html",
  retryAfter,
  headers,
}) {
  const answer =
    body === undefined ? errorAnswer(new HttpError(status, code, message)) : { status, body, contentType };
  return { ...answer, headers: { ...retryHeader(retryAfter), ...headers } };
}

function retryHeader(retryAfter) {
  if (retryAfter === undefined) return {};
  const { inSeconds } = retryAfter;
  return {
    "retry-after":
      inSeconds === undefined ? String(retryAfter) : new Date(Date.now() + inSeconds * 1000).toUTCString(),
  };
}

/** Breaks the connection so that the client sees a reset. */
function resetConnection({ socket }) {
  // Under TLS there is only the end of the connection.
  if (socket?.encrypted) socket.destroy();
  else socket?.resetAndDestroy();
}

function headOf({ status, contentType, headers = {} }, length) {
  const all = {
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...headers,
    "content-length": length,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`;
}

/** Sends a part of an answer and breaks the connection: a share of its body, or half of its head. */
function sendTruncated({ socket }, answer, at) {
  const body = Buffer.from(answer.body);
  const head = Buffer.from(headOf(answer, body.length));
  const part =
    at === "head"
      ? head.subarray(0, Math.floor(head.length / 2))
      : Buffer.concat([head, body.subarray(0, Math.floor(body.length * at))]);
  socket?.write(part, () => socket.destroy());
}

/** Says a length that is too large (the rest never comes) or too small (more follows). */
function sendWithWrongLength({ socket }, answer, difference) {
  const length = Buffer.byteLength(answer.body);
  socket?.end(headOf(answer, Math.max(length + difference, 0)) + answer.body);
}

async function sendSlowly(response, { status, contentType, body }, { ms, bytes }) {
  const whole = Buffer.from(body);
  response.writeHead(status, { "content-type": contentType, "content-length": whole.length });
  for (let sent = 0; sent < whole.length && !response.destroyed; sent += bytes) {
    response.write(whole.subarray(sent, sent + bytes));
    await sleep(ms);
  }
  response.end();
}

/** One string as the result, so long that nobody should want to keep it. */
async function sendHuge(response, bytes) {
  const [start, end] = ['{"status":"success","value":"', '"}'];
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": start.length + bytes + end.length,
  });
  response.write(start);
  for (let left = bytes; left > 0 && !response.destroyed; left -= HUGE_PIECE.length) {
    const hasRoom = response.write(HUGE_PIECE.slice(0, left));
    if (!hasRoom)
      await new Promise((resolve) => ["drain", "close"].forEach((event) => response.once(event, resolve)));
  }
  response.end(end);
}

/** Changes the list that a call returns: drops its last elements, repeats its first ones, or turns it round. */
function changeResults(answer, { drop = 0, repeat = 0, reverse = false }) {
  const json = JSON.parse(answer.body);
  if (!Array.isArray(json.value)) return answer;
  let value = json.value.slice(0, json.value.length - drop);
  value = [...value, ...value.slice(0, repeat)];
  if (reverse) value.reverse();
  return { ...answer, body: JSON.stringify({ ...json, value }) };
}
