/**
 * Stands between the extension and a local Convex like a load balancer: tests
 * see how many connections are open, and can make the deployment unreachable
 * without its losing data.
 *
 *   const forwarder = await startForwarder(convex.url);
 *   forwarder.url; forwarder.connections; forwarder.accepted;
 *   await forwarder.refuse();   // connections are broken, new ones refused
 *   await forwarder.accept();   // the same address works again
 *   await forwarder.refuse();   // also how to end it
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * @param {string | null} target URL to forward to; null: take requests and never answer
 * @returns {Promise<Forwarder>}
 */
export async function startForwarder(target) {
  const forwarder = new Forwarder(target);
  await forwarder.accept();
  return forwarder;
}

/**
 * Breaks a connection so that the other side sees a reset. One whose end was already sent cannot be reset: Node would
 * keep it for ever, and itself alive by it.
 * @param {import("node:net").Socket} socket
 */
export function resetConnection(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

class Forwarder {
  #target;
  #server;
  #port = 0;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  /** Connections that were ever opened. */
  accepted = 0;

  constructor(target) {
    this.#target = target === null ? null : new URL(target);
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections of clients that are open now. */
  get connections() {
    return this.#sockets.size;
  }

  /** Listens, always at the same port. */
  async accept() {
    this.#server = createServer((socket) => this.#take(socket));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = this.#server.address().port;
    // A test file that has nothing else to do must be able to end.
    this.#server.unref();
  }

  /** Stops listening and breaks what is open. */
  async refuse() {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) resetConnection(socket);
    await closed;
  }

  #take(socket) {
    this.accepted += 1;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    if (this.#target === null) {
      socket.resume();
      return;
    }
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    upstream.on("error", () => socket.destroy());
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  }
}
