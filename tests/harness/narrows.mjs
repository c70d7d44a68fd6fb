/**
 * Stands between convex-bridge and a hosted database: lets so many bytes of a connection through, then none, until it
 * is told to go on or to break all connections.
 *
 *   const narrows = await startNarrows(hosted.port, { bytes: 200_000 });
 *   narrows.port; await narrows.reached;
 *   narrows.goOn();   await narrows.breakAll();   // listens no longer then
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** @param {number} target a port of this machine @param {{ bytes: number }} options */
export async function startNarrows(target, { bytes }) {
  const sockets = new Set();
  const held = new Set();
  let open = false;
  let reach;
  const reached = new Promise((resolve) => (reach = resolve));
  const server = createServer((client) => {
    const upstream = connect(target, "localhost");
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (data) => {
      client.write(data);
      passed += data.length;
      if (open || passed < bytes) return;
      upstream.pause();
      held.add(upstream);
      reach();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return {
    port: server.address().port,
    reached,
    goOn() {
      open = true;
      for (const upstream of held) upstream.resume();
    },
    async breakAll() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
