/**
 * The key and rows are for Convex alone. What answers in its place (a web
 * server, a proxy, something that wants to hurt) gets a question without a key,
 * and nothing more until it has named the key's deployment; rows only after a
 * call with the key was answered as Convex does.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { insertsInto, openScenario, startCluster, temporaryFolder, textsOf } from "../harness/index.mjs";

const NAME = "local-convex-000";
const SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0deadbeef";
const sql = `CREATE TABLE items (id int PRIMARY KEY, label text);
  INSERT INTO items SELECT i, 'private ' || i FROM generate_series(1, 50) AS i;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** A server that answers as told, and what it was sent: method, path, header lines and body of each request. */
async function startServer(t, answer) {
  const requests = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => { body += data; });
    request.on("end", () => {
      requests.push({ method: request.method, path: request.url, headers: JSON.stringify(request.headers), body });
      answer(request, response);
    });
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { requests, url: `http://127.0.0.1:${server.address().port}` };
}

/** The error of a run into what answers so, and the requests that it got. */
async function runInto(t, answer) {
  const { client, migrateFails } = await openScenario(t, cluster, { sql, deployKey: `dev:${NAME}|${SECRET}` });
  const { requests, url } = await startServer(t, answer);
  await client.query(`ALTER SERVER convex OPTIONS (SET url '${url}', ADD max_retries '1')`);
  const error = await migrateFails();
  assert.ok(!textsOf(error).includes(SECRET));
  return { requests, error };
}

const wasSent = (requests, text) => requests.filter(({ headers, body }) => headers.includes(text) || body.includes(text)).length;

for (const status of [200, 204, 301, 400, 401, 403, 404, 413, 418]) {
  test(`a web server that answers ${status} to everything gets neither key nor rows`, async (t) => {
    const { requests, error } = await runInto(t, (_request, response) => {
      response.writeHead(status, { "Content-Type": "text/html", Location: "/" }).end("<html>It works!</html>");
    });
    assert.equal(error.code, "08P01");
    assert.match(error.message, /does not say which Convex deployment it is/);
    assert.deepEqual(requests.map(({ method, path }) => [method, path]), [["GET", "/instance_name"]]);
    assert.equal(wasSent(requests, SECRET), 0);
  });

  test(`one that knows the name and answers ${status} to all else gets no rows`, async (t) => {
    const { requests, error } = await runInto(t, (request, response) => {
      if (request.url === "/instance_name") response.end(NAME);
      else response.writeHead(status, { "Content-Type": "application/json" }).end("{}");
    });
    assert.match(error.code, /^(08P01|28000)$/);
    assert.equal(wasSent(requests, "private"), 0);
    assert.equal(wasSent(requests, SECRET), 1, "the key is sent once, to find out whether it is accepted");
  });
}

test("the right name in an answer that is an error identifies nobody", async (t) => {
  const { requests, error } = await runInto(t, (_request, response) => { response.writeHead(404).end(NAME); });
  assert.match(error.message, /does not say which Convex deployment it is/);
  assert.equal(wasSent(requests, SECRET), 0);
});

test("another deployment gets no key", async (t) => {
  const { requests, error } = await runInto(t, (_request, response) => { response.end("other-animal-456"); });
  assert.match(error.message, /the deploy key is for deployment "local-convex-000", but server "convex" is deployment "other-animal-456"/);
  assert.equal(wasSent(requests, SECRET), 0);
});

test("localhost is 127.0.0.1, and not looked up: something else listens at [::1]", async (t) => {
  const { client, convex, migrate } = await openScenario(t, cluster, { sql, functions: insertsInto(["items"]) });
  const { port } = new URL(convex.url);
  const requests = [];
  const other = createServer((request, response) => {
    requests.push(request.url);
    response.end("other-animal-456");
  });
  other.listen(port, "::1");
  await once(other, "listening");
  t.after(() => other.close());
  await client.query(`ALTER SERVER convex OPTIONS (SET url 'http://localhost:${port}')`);
  assert.equal((await migrate())[0].migrated, 50);
  assert.deepEqual(requests, []);
});

test("an answer that is larger than it can be is not read", async (t) => {
  const { error } = await runInto(t, (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(65536)));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  });
  assert.match(textsOf(error), /the answer is too large/);
});

test("JSON that would fill the memory is not parsed", async (t) => {
  const { error } = await runInto(t, (request, response) => {
    if (request.url === "/instance_name") response.end(NAME);
    else response.end(`{"status":"success","value":[${"[],".repeat(7_000_000)}[]]}`);
  });
  assert.equal(error.code, "08P01");
});

test("texts from outside are cut", async (t) => {
  const { error } = await runInto(t, (request, response) => {
    if (request.url === "/instance_name") response.end(NAME);
    else response.writeHead(400).end(JSON.stringify({ code: "c".repeat(500_000), message: "m".repeat(500_000) }));
  });
  assert.ok(textsOf(error).length < 5000, `${textsOf(error).length} characters`);
});

test("a FIFO as key file does not hang the backend", { timeout: 30_000 }, async (t) => {
  const { client, migrateFails } = await openScenario(t, cluster, { sql });
  const fifo = `${temporaryFolder("convex-fifo")}/key`;
  execFileSync("mkfifo", ["-m", "600", fifo]);
  execFileSync("chmod", ["755", fifo.replace(/\/key$/, "")]);
  execFileSync("chown", ["--reference", `${cluster.directory}/data`, fifo]);
  await client.query(`ALTER USER MAPPING FOR CURRENT_USER SERVER convex OPTIONS (DROP deploy_key, ADD deploy_key_file '${fifo}')`);
  const error = await migrateFails();
  assert.match(error.message, /is not a regular file/);
});
