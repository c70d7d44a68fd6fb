/**
 * A discarding sink: answers as a deployment does where convex_migrate() and
 * ConvexHttpClient ask it, and stores nothing, so that a benchmark measures the
 * sender and a million rows need no memory here.
 *
 *   node tests/bench/sink.mjs migrate:migrateContacts migrate:migrateMessages …
 *
 * The arguments are the mutations that it claims to have. It prints one line of
 * JSON, {"url", "deployKey", "instance"}, takes any deploy key, and ends when its
 * standard input does. Benchmarks start it with startSink() of receivers.mjs.
 *
 * To be as fast as Node can it does not parse records: it looks for the text
 * that begins one, `{"id":"`. Inside a JSON string that text cannot stand, as
 * its quotes would be escaped; a nested object that begins with "id" would be
 * taken for a record, and the sender would say that it never sent it. Bodies are
 * handled as Latin-1, one character a byte, so that keys go back as they came.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

const INSTANCE = "discarding-sink-000";
const RECORD_START = '{"id":"';

/** Length of an id of version 6 whose table number takes two bytes (crates/value/src/id_v6.rs). */
const ID_LENGTH = 32;

const identifiers = process.argv.slice(2);
let idsGiven = 0;

/** An id that looks like one of Convex; unlike a real one its checksum means nothing. */
function nextId() {
  idsGiven += 1;
  return `jn7${String(idsGiven).padStart(ID_LENGTH - 3, "0")}`;
}

/** The position after the JSON string whose opening quote is at `start`. */
function endOfString(text, start) {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslash = quote;
    while (text[backslash - 1] === "\\") backslash -= 1;
    if ((quote - backslash) % 2 === 0) return quote + 1;
  }
}

/** What a migrate function returns for the records in the body of a call, as JSON. */
function pairsOf(body) {
  const pairs = [];
  let position = body.indexOf(RECORD_START);
  while (position >= 0) {
    const keyStart = position + RECORD_START.length - 1;
    const keyEnd = endOfString(body, keyStart);
    pairs.push(`{"supabaseId":${body.slice(keyStart, keyEnd)},"convexId":"${nextId()}"}`);
    position = body.indexOf(RECORD_START, keyEnd);
  }
  return `[${pairs.join(",")}]`;
}

/** The functions as `_system/cli/modules:apiSpec` lists them. */
function functionSpecs() {
  return JSON.stringify(identifiers.map((identifier) => ({
    identifier: identifier.replace(":", ".js:"),
    functionType: "Mutation",
    visibility: { kind: "internal" },
    args: { type: "any" },
    returns: { type: "any" },
  })));
}

/** @returns {{ status?: number, type?: string, text: string }} `text` in Latin-1 */
function answerTo(url, body) {
  switch (url) {
    case "/instance_name":
      return { type: "text/plain", text: INSTANCE };
    case "/api/check_admin_key":
      return { text: '{"success":true}' };
    case "/api/query":
      return { text: `{"status":"success","value":${functionSpecs()}}` };
    case "/api/mutation":
      return { text: `{"status":"success","value":${pairsOf(body)}}` };
    default:
      return { status: 404, text: "" };
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    const { status = 200, type = "application/json", text } = answerTo(request.url, bytes.toString("latin1"));
    response.writeHead(status, { "Content-Type": type, "Content-Length": text.length });
    response.end(text, "latin1");
  });
});

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const deployKey = `dev:${INSTANCE}|${randomBytes(24).toString("hex")}`;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, deployKey, instance: INSTANCE }));
});
process.stdin.resume().on("end", () => process.exit(0));
