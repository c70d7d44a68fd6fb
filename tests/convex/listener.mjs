/** The port of a deployment: it can go away for a while and come back at the same address, as in a restart. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export class Listener {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #isClosed = false;
  #port;

  /** @param {import("node:http").Server | import("node:https").Server} server @param {number} port 0: a free one */
  constructor(server, port) {
    this.server = server;
    this.#port = port;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  get port() {
    return this.#port;
  }

  /** @throws {Error} when the port is taken */
  async open() {
    this.server.listen(this.#port, "127.0.0.1");
    await once(this.server, "listening");
    this.#port = this.server.address().port;
  }

  /** Breaks every connection and refuses new ones. */
  async #leave() {
    const left = once(this.server, "close");
    this.server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await left;
  }

  /**
   * @param {number} ms how long new connections are refused
   * @param {() => Promise<void> | void} [meanwhile]
   */
  async goAway(ms, meanwhile) {
    if (!this.server.listening) return;
    await this.#leave();
    await meanwhile?.();
    await sleep(ms);
    if (!this.#isClosed) await this.open();
  }

  async close() {
    this.#isClosed = true;
    if (this.server.listening) await this.#leave();
  }
}
