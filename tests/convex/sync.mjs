/**
 * The WebSocket of Convex clients, as far as the command line tool needs it: it asks system queries this way and waits
 * for their results to change (crates/local_backend/src/subs/mod.rs, crates/sync/src/worker.rs; npm convex:
 * src/browser/sync/protocol.ts). There are no mutations and no actions.
 */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { WebSocketServer } from "ws";
import { HttpError } from "./errors.mjs";
import { HEARTBEAT_MS } from "./limits.mjs";
import { parseFunctionPath } from "./names.mjs";

const ROUTE = /^\/api\/([^/]+\/)?sync$/;

/** A timestamp as the protocol has it: eight bytes, little endian. @param {bigint} number */
function encodeTimestamp(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(number);
  return bytes.toString("base64");
}

/**
 * Takes WebSocket connections of a server.
 * @param {import("node:http").Server} server
 * @param {import("./functions.mjs").Functions} functions
 * @param {{keys: import("./auth.mjs").Keys, changes: import("node:events").EventEmitter}} options
 *   changes: told whenever a query may have another result
 */
export function acceptSync(server, functions, options) {
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (!ROUTE.test(pathname)) return socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
    return sockets.handleUpgrade(request, socket, head, (one) => new SyncSession(one, functions, options));
  });
}

/** One connection: who is asking and which queries were asked, counted as versions. */
class SyncSession {
  #identity = { isAdmin: false };
  #version = { querySet: 0, identity: 0, ts: encodeTimestamp(0n) };
  #transitions = 0n;
  /** One for a connection: that of a query that fails the same way again is no news. */
  #requestId = randomBytes(8).toString("hex");
  /** What the client watches: queries with their last answers. @type {Map<number, {udfPath: string, args: unknown[], answer: object}>} */
  #queries = new Map();
  /** Messages are answered one after another. */
  #last = Promise.resolve();
  #isRefreshDue = false;

  constructor(socket, functions, options) {
    this.socket = socket;
    this.functions = functions;
    this.options = options;
    socket.on("error", () => socket.terminate());
    socket.on("message", (data) => this.#enqueue(() => this.#answer(data)));
    const onChange = () => this.#refreshSoon();
    const heartbeat = setInterval(() => socket.ping(), HEARTBEAT_MS);
    options.changes.on("change", onChange);
    socket.on("close", () => {
      options.changes.off("change", onChange);
      clearInterval(heartbeat);
    });
  }

  #enqueue(work) {
    this.#last = this.#last.then(work).catch((error) => this.#fail(error));
  }

  /** Several changes until its turn comes are one. */
  #refreshSoon() {
    if (this.#isRefreshDue) return;
    this.#isRefreshDue = true;
    this.#enqueue(async () => {
      this.#isRefreshDue = false;
      await this.#refresh();
    });
  }

  /** Runs all queries again and sends what is different now. */
  async #refresh() {
    const changed = [];
    for (const [queryId, query] of this.#queries) {
      const answer = await this.#runQuery(queryId, query);
      if (!isDeepStrictEqual(answer, query.answer)) changed.push(answer);
      query.answer = answer;
    }
    if (changed.length > 0) this.#transition({}, changed);
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #fail(error) {
    this.#send({ type: "FatalError", error: error.message });
    this.socket.close();
  }

  async #answer(data) {
    const message = JSON.parse(data.toString());
    switch (message.type) {
      case "Connect":
      case "Event":
        return;
      case "Authenticate":
        this.#authenticate(message);
        return;
      case "ModifyQuerySet":
        await this.#modifyQuerySet(message);
        return;
      default:
        throw new Error(`${message.type} over WebSocket is not supported by the local Convex.`);
    }
  }

  #authenticate({ tokenType, value, baseVersion }) {
    const kind = { Admin: "admin", User: "user", None: "none" }[tokenType];
    try {
      this.#identity = this.options.keys.authenticate({ kind, key: value });
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#send({ type: "AuthError", error: error.message, baseVersion, authUpdateAttempted: true });
      return;
    }
    this.#transition({ identity: baseVersion + 1 }, []);
  }

  async #modifyQuerySet({ newVersion, modifications }) {
    const answers = [];
    for (const { type, queryId, udfPath, args } of modifications)
      answers.push(
        type === "Add" ? await this.#addQuery(queryId, { udfPath, args }) : this.#removeQuery(queryId),
      );
    this.#transition({ querySet: newVersion }, answers);
  }

  async #addQuery(queryId, query) {
    const answer = await this.#runQuery(queryId, query);
    this.#queries.set(queryId, { ...query, answer });
    return answer;
  }

  #removeQuery(queryId) {
    this.#queries.delete(queryId);
    return { type: "QueryRemoved", queryId };
  }

  async #runQuery(queryId, { udfPath, args }) {
    const sent = { args, argsText: JSON.stringify(args) };
    const caller = { ...this.#identity, requestId: this.#requestId };
    const result = await this.functions.run("Query", parseFunctionPath(udfPath), sent, caller);
    const { value, error, logLines } = result;
    if (error === undefined) return { type: "QueryUpdated", queryId, value, logLines, journal: null };
    const errorMessage = `[Request ID: ${this.#requestId}] Server Error\n${error.toText()}`;
    return { type: "QueryFailed", queryId, errorMessage, errorData: error.data, logLines, journal: null };
  }

  #transition(changed, modifications) {
    const startVersion = this.#version;
    this.#transitions += 1n;
    this.#version = { ...startVersion, ...changed, ts: encodeTimestamp(this.#transitions) };
    this.#send({ type: "Transition", startVersion, endVersion: this.#version, modifications });
  }
}
