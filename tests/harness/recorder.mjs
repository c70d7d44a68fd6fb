/**
 * Stands between the extension and a local Convex and writes down when each call came and how it was answered.
 *
 *   const recorder = await startRecorder(t, convex.url);
 *   recorder.url; recorder.calls;   // [{ path, keys, came, answered, status }], in the order in which they came
 *   await startRecorder(t, convex.url, { hold: (call) => until(() => …) });   // some answers come late
 */
import { createServer, request as send } from "node:http";

/**
 * @param {import("node:test").TestContext} t it ends with the test
 * @param {string} target
 * @param {object} [options]
 * @param {(call: object) => unknown} [options.hold] the answer to this call is passed on after what it promises
 * @returns {Promise<{ url: string, calls: { path: string, keys: string[], came: number, answered?: number, status?: number }[] }>}
 *   `path` of the function, or of the route where there is none; times in milliseconds
 */
export async function startRecorder(t, target, { hold = () => {} } = {}) {
  const calls = [];
  const server = createServer(async (request, response) => {
    const came = performance.now();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const call = { ...contentOf(request.url, body), came };
    calls.push(call);
    const { method, headers } = request;
    send(new URL(request.url, target), { method, headers }, async (answer) => {
      await hold(call);
      Object.assign(call, { status: answer.statusCode, answered: performance.now() });
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).on("error", () => response.destroy()).end(body);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, calls };
}

/** The function that is called, and the keys of the records that it is given. */
function contentOf(url, body) {
  if (body.length === 0) return { path: url, keys: [] };
  const { path = url, args } = JSON.parse(body);
  const records = Object.values([args].flat()[0] ?? {}).find(Array.isArray) ?? [];
  return { path, keys: records.map(({ id }) => id) };
}
