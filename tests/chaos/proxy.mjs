/**
 * Stands between the extension and a local Convex, passes on message by message,
 * and lets something happen at one byte of one of them: it stops there, does what
 * is asked, and then goes on or does not.
 *
 *   const proxy = await startProxy(convex.url);
 *   proxy.strike({ request: 7, part: "answer", share: 0.5, then: "reset", act: async () => { … } });
 *   await proxy.forget();       // whether it came to that
 *   await proxy.idle();         // nothing is on its way any more
 *
 * @typedef {object} Strike
 * @property {number} request its number since the strike was planned, from 1
 * @property {"request" | "answer"} part
 * @property {number} share of the message that is passed on before, 0 to 1
 * @property {"go on" | "reset" | "cut" | "stall" | "drip" | "repeat"} then go on: nothing else; reset, cut: both connections are
 *   broken, with or without a reset; stall: nothing comes any more; drip: the rest comes in drops; repeat: the request is
 *   sent once more by the proxy itself
 * @property {() => Promise<unknown>} [act]
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { resetConnection, until } from "../harness/index.mjs";

const END_OF_HEAD = "\r\n\r\n";

/** The connection is not to be used any more. */
class Broken extends Error {}

/** @param {string} target URL @returns {Promise<Proxy>} */
export async function startProxy(target) {
  const proxy = new Proxy(target);
  await proxy.listen();
  return proxy;
}

class Proxy {
  #target;
  #server = createServer((socket) => void this.#serve(socket));
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  /** Since a strike was planned. */
  requests = 0;
  #busy = 0;
  /** @type {Strike | null} */
  #strike = null;
  #struck = false;
  /** What is done for a strike; the run may be over before it is. @type {Promise<unknown>} */
  #acted = Promise.resolve();

  constructor(target) {
    this.retarget(target);
  }

  /** Where new connections go from now on. @param {string} target URL */
  retarget(target) {
    this.#target = new URL(target);
  }

  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#server.unref();
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Plans the next strike, or none; counts requests anew. @param {Strike | null} strike */
  strike(strike) {
    this.#strike = strike;
    this.requests = 0;
    this.#struck = false;
  }

  /** Nothing happens any more; waits for what is being done. @returns {Promise<boolean>} whether it struck */
  async forget() {
    this.#strike = null;
    await this.#acted;
    return this.#struck;
  }

  /** Waits until no request is under way. */
  async idle() {
    await until(() => this.#busy === 0);
  }

  /** Breaks all connections, those whose answers never come among them. */
  disconnect() {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop() {
    this.#server.close();
    this.disconnect();
  }

  async #serve(client) {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    }
    const [fromClient, fromUpstream] = [new Messages(client), new Messages(upstream)];
    try {
      for (let message; (message = await fromClient.next()) !== null;) {
        await this.#exchange(message, fromUpstream, client, upstream);
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
    } finally {
      client.destroy();
      upstream.destroy();
    }
  }

  /** One request and its answer, which Convex gives even if the client has gone. */
  async #exchange(request, fromUpstream, client, upstream) {
    const strike = ++this.requests === this.#strike?.request ? this.#strike : null;
    // The run may be over by now.
    const striking = (part) => (strike?.part === part && strike === this.#strike ? strike : null);
    this.#busy += 1;
    try {
      await this.#pass(request, upstream, client, striking("request"));
      const answer = await fromUpstream.next();
      if (answer === null) throw new Broken();
      await this.#pass(answer, client, upstream, striking("answer"));
    } finally {
      this.#busy -= 1;
    }
  }

  /** Passes a message on. @param {Message} message @param {Strike | null} strike */
  async #pass(message, sink, other, strike) {
    if (strike === null) {
      for await (const bytes of message.bytes(message.length)) await write(sink, bytes);
      return;
    }
    const passed = [];
    for await (const bytes of message.bytes(Math.floor(strike.share * message.length))) {
      passed.push(bytes);
      await write(sink, bytes);
    }
    this.#struck = true;
    this.#acted = Promise.resolve(strike.act?.());
    await this.#acted;
    if (strike.then === "stall") await closed(strike.part === "request" ? other : sink);
    if (strike.then === "reset") for (const socket of [sink, other]) resetConnection(socket);
    if (strike.then === "cut") await Promise.all([sink, other].map(end));
    if (["stall", "reset", "cut"].includes(strike.then)) throw new Broken();
    for await (const bytes of message.bytes(message.length)) {
      passed.push(bytes);
      if (strike.then === "drip") await drip(sink, bytes);
      else await write(sink, bytes);
    }
    if (strike.then === "repeat") await this.#sendAgain(Buffer.concat(passed));
  }

  /** Sends a whole request by a connection of its own, and waits for its answer. */
  async #sendAgain(request) {
    const socket = connect(Number(this.#target.port), this.#target.hostname);
    socket.write(request);
    const answer = await new Messages(socket).next();
    if (answer === null) throw new Broken();
    for await (const bytes of answer.bytes(answer.length)) void bytes;
    socket.destroy();
  }
}

/** A message whose head has come. */
class Message {
  #messages;
  #passed = 0;

  constructor(messages, length) {
    this.#messages = messages;
    this.length = length;
  }

  /** Its bytes up to this place, from where the last call ended. @throws {Broken} when they do not come */
  async *bytes(end) {
    while (this.#passed < end) {
      const bytes = await this.#messages.take(end - this.#passed);
      if (bytes === null) throw new Broken();
      this.#passed += bytes.length;
      yield bytes;
    }
  }
}

/** The messages that come by a connection: one after another, with their lengths in their heads. */
class Messages {
  #socket;
  #held = Buffer.alloc(0);

  constructor(socket) {
    this.#socket = socket;
  }

  /** @returns {Promise<Message | null>} null: the connection has ended */
  async next() {
    for (;;) {
      const head = this.#held.indexOf(END_OF_HEAD);
      if (head >= 0) {
        const [, length = 0] = /^content-length: *(\d+)/im.exec(this.#held.toString("latin1", 0, head)) ?? [];
        return new Message(this, head + END_OF_HEAD.length + Number(length));
      }
      const more = await this.#read();
      if (more === null) return null;
      this.#held = Buffer.concat([this.#held, more]);
    }
  }

  /** At least one byte, at most so many; null: the connection has ended. */
  async take(most) {
    if (this.#held.length === 0) {
      const more = await this.#read();
      if (more === null) return null;
      this.#held = more;
    }
    const bytes = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(bytes.length);
    return bytes;
  }

  async #read() {
    for (;;) {
      const bytes = this.#socket.read();
      if (bytes !== null) return bytes;
      if (this.#socket.readableEnded || this.#socket.destroyed) return null;
      await new Promise((resolve) => {
        const wake = () => {
          for (const event of ["readable", "end", "close"]) this.#socket.off(event, wake);
          resolve();
        };
        for (const event of ["readable", "end", "close"]) this.#socket.on(event, wake);
      });
    }
  }
}

/** Writes bytes; to a connection that is gone they are lost. */
function write(socket, bytes) {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(bytes, () => resolve());
  });
}

async function drip(socket, bytes) {
  const drop = Math.max(1, Math.ceil(bytes.length / 50));
  for (let at = 0; at < bytes.length; at += drop) {
    await write(socket, bytes.subarray(at, at + drop));
    await sleep(1);
  }
}

function end(socket) {
  return new Promise((resolve) => socket.end(resolve));
}

/** Waits until the other side ends the connection, whatever it still sends. */
async function closed(socket) {
  socket.resume();
  if (!socket.closed) await once(socket, "close");
}
