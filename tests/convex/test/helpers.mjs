/**
 * What the tests share: a deployment of test/functions, and calls to it over raw
 * HTTP, without any client library.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { after, beforeEach } from "node:test";
import { startLocalConvex } from "../index.mjs";

export const SERVER = fileURLToPath(new URL("../server.mjs", import.meta.url));
export const FUNCTIONS = path.join(path.dirname(fileURLToPath(import.meta.url)), "functions");

/**
 * Starts a deployment for a test file: data is cleared before each test, and the
 * server ends with the file.
 * @param {import("../index.mjs").Options} [options]
 */
export async function deployForTests(options = {}) {
  const convex = await startLocalConvex({ functions: FUNCTIONS, ...options });
  beforeEach(() => post(convex, "/local/reset", {}));
  after(() => convex.close());
  return convex;
}

/**
 * Starts the command as a process of its own.
 * @param {string[]} args
 * @returns {Promise<{url: string, deployKey: string, instance: string, stop(): Promise<unknown[]>}>}
 *   stop sends SIGTERM and gives [exit code, signal]
 */
export async function spawnServer(args) {
  const child = spawn(process.execPath, [SERVER, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  after(() => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout), "line");
  const stop = () => {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    return exited;
  };
  return { ...JSON.parse(line), stop };
}

/** POST with a JSON body (or raw text) and the deploy key; headers set to undefined are left out. */
export async function post(convex, route, body, headers = {}) {
  const all = { "content-type": "application/json", authorization: `Convex ${convex.deployKey}`, ...headers };
  const response = await fetch(convex.url + route, {
    method: "POST",
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ROUTES = { query: "/api/query", mutation: "/api/mutation", action: "/api/action" };

/** Calls a function and returns its value in the internal encoding; fails when it fails. */
export async function run(convex, type, functionPath, args = {}) {
  const { status, json } = await post(convex, ROUTES[type], {
    path: functionPath,
    args,
    format: "convex_encoded_json",
  });
  assert.equal(status, 200);
  assert.equal(json.status, "success", json.errorMessage);
  return json.value;
}

/** Calls a function that must fail and returns its error text without the request id. */
export async function runError(convex, type, functionPath, args = {}) {
  const { status, json } = await post(convex, ROUTES[type], { path: functionPath, args });
  assert.equal(status, 200);
  assert.equal(json.status, "error", JSON.stringify(json.value));
  return json.errorMessage.replace(/^\[Request ID: [0-9a-f]{16}\] Server Error\n/, "");
}

/** The user error text of a failed write: what follows "Uncaught Error: ", without frames. */
export async function writeError(convex, functionPath, args) {
  const text = await runError(convex, "mutation", functionPath, args);
  return text.replace(/^Uncaught Error: /, "").replace(/\n( {4}at .*\n)*$/, "");
}

export async function stats(convex) {
  return await (await fetch(`${convex.url}/local/stats`)).json();
}

export function int64(integer) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(integer));
  return { $integer: bytes.toString("base64") };
}

export function float(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(number);
  return { $float: bytes.toString("base64") };
}
