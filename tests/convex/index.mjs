/**
 * A Convex deployment on this machine, for tests: `startLocalConvex` in Node,
 * `server.mjs` as a command. README.md has the options, the control routes and
 * the known differences from the real server.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { appendFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { Keys } from "./auth.mjs";
import { makeCertificates } from "./certificates.mjs";
import { control, Statistics } from "./control.mjs";
import { Database } from "./database.mjs";
import { DeploymentState } from "./deployment_state.mjs";
import { deployFolder, loadSystemModules } from "./deploy_folder.mjs";
import { bodyRules } from "./deploy_routes.mjs";
import { HttpError } from "./errors.mjs";
import { Exports } from "./export/exports.mjs";
import { FaultPlans } from "./faults.mjs";
import { Functions } from "./functions.mjs";
import { Api, errorAnswer } from "./http.mjs";
import { ANALYZE_TIME_LIMIT_MS, SYSTEM_TIME_LIMIT_MS, USER_TIME_LIMIT_MS } from "./limits.mjs";
import { Imports } from "./import/imports.mjs";
import { importBodyRules, isImportRoute } from "./import/routes.mjs";
import { Listener } from "./listener.mjs";
import { Plan } from "./plan.mjs";
import { Pushes } from "./push.mjs";
import { watchRejections } from "./rejections.mjs";
import { parseBody, readBody } from "./request.mjs";
import { ServerVersion } from "./server_version.mjs";
import { strike } from "./strikes.mjs";
import { acceptSync } from "./sync.mjs";

const DEFAULT_INSTANCE = "local-convex-000";

/**
 * @typedef {{functions?: string, port?: number, instance?: string, deployKey?: string, redact?: boolean,
 *   latencyMs?: number, version?: string, log?: string, userTimeLimitMs?: number,
 *   analyzeTimeLimitMs?: number, systemTimeLimitMs?: number, queryMs?: number, tls?: string,
 *   plan?: import("./plan.mjs").PlanOptions, imports?: import("./import/imports.mjs").ImportOptions}} Options
 *   functions: the convex/ folder to deploy at the start; version: what GET /version says; log: a file, or "memory" for GET /local/requests;
 *   limits of time: see call_time.mjs, 0 for none; tls: "good" or what is wrong with its certificate
 */

/**
 * Starts a deployment on 127.0.0.1.
 * @param {Options} [options]
 * @returns {Promise<{url: string, deployKey: string, instance: string, ca?: string, local: object,
 *   close(): Promise<void>}>} `ca` is what clients of a deployment behind TLS must trust (PEM), `local` what control
 *   routes work on
 * @throws {Error} when the functions do not bundle or the port is taken
 */
export async function startLocalConvex(options = {}) {
  const { instance = DEFAULT_INSTANCE, port = 0 } = options;
  const deployKey = options.deployKey ?? `dev:${instance}|${randomBytes(24).toString("hex")}`;
  const settings = {
    latencyMs: options.latencyMs ?? 0,
    redact: options.redact ?? false,
    instance,
    keys: new Keys(deployKey),
    state: new DeploymentState(),
    version: new ServerVersion(options.version),
  };
  const statistics = new Statistics();
  const plan = new Plan(options.plan ?? {}, {
    onRetry: (code) => statistics.countRetry(code),
    onWrite: (bytes) => statistics.countBytes(bytes),
    onImportWait: () => statistics.countImportWait(),
  });
  const database = new Database();
  const changes = new EventEmitter().setMaxListeners(0);
  const imports = new Imports(database, options.imports ?? {}, {
    plan,
    changes,
    serverDate: () => settings.version.date,
  });
  const exports = new Exports(database, { changes });
  Object.assign(settings, { imports, exports, database });
  const functions = new Functions(database, {
    instance,
    plan,
    state: settings.state,
    imports,
    exports,
    onCommit: (kinds) => {
      statistics.countCommit(kinds);
      changes.emit("change");
    },
  });
  const pushes = new Pushes(database, functions, {
    systemModules: await loadSystemModules(),
    userTimeLimitMs: options.userTimeLimitMs ?? USER_TIME_LIMIT_MS,
    analyzeTimeLimitMs: options.analyzeTimeLimitMs ?? ANALYZE_TIME_LIMIT_MS,
    systemTimeLimitMs: options.systemTimeLimitMs ?? SYSTEM_TIME_LIMIT_MS,
    queryMs: options.queryMs ?? 0,
  });
  if (options.functions !== undefined) await deployFolder(pushes, options.functions);
  const { server, scheme, ca } = makeServer(options.tls);
  const listener = new Listener(server, port);
  const forgetData = async () => {
    imports.clear();
    exports.clear();
    await database.alone.run(() => database.clear());
  };
  const deployment = {
    revokeKey: () => settings.keys.revoke(deployKey),
    setState: (name) => settings.state.set(name),
    goAway: (ms, { keepsData }) =>
      listener.goAway(ms, () => {
        imports.restart();
        return keepsData ? undefined : forgetData();
      }),
  };
  const faults = new FaultPlans();
  const local = {
    settings,
    statistics,
    database,
    pushes,
    faults,
    deployment,
    imports,
    indexes: database.indexes,
    forgetData,
    log: options.log,
  };
  const api = new Api(functions, pushes, settings);
  server.on("request", (request, response) => void handle(local, api, request, response));
  await listener.open();
  acceptSync(server, functions, { keys: settings.keys, changes });
  const stopWatching = watchRejections();
  return {
    url: `${scheme}://127.0.0.1:${listener.port}`,
    deployKey,
    instance,
    ca,
    local,
    close: async () => {
      stopWatching();
      imports.close();
      await listener.close();
    },
  };
}

/** @param {string | undefined} tls kind of certificate; undefined for none */
function makeServer(tls) {
  const options = { keepAliveTimeout: 60_000 };
  if (tls === undefined) return { server: createServer(options), scheme: "http" };
  const { key, cert, ca } = makeCertificates(tls);
  return { server: createSecureServer({ ...options, key, cert }), scheme: "https", ca };
}

async function handle(local, api, request, response) {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname.startsWith("/local/")) return await handleControl(local, request, url, response);
  local.statistics.begin(url.pathname);
  response.once("close", () => local.statistics.end());
  try {
    await handleCall(local, api, request, url, response);
  } catch (error) {
    // Only a connection that broke while its body was read comes here.
    if (!request.destroyed) process.stderr.write(`local Convex: ${error.stack}\n`);
    response.destroy();
  }
  return undefined;
}

async function handleControl(local, request, url, response) {
  try {
    const result = await control(local, request.method, url.pathname, await readBody(request));
    send(request, response, { status: 200, contentType: "application/json", body: JSON.stringify(result) });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    send(request, response, errorAnswer(error));
  }
}

/**
 * Reads a call, lets a planned fault strike, runs it, answers. Latency is spent on the way back: spent before, calls
 * that came together would all wake up together, and run one after another before the next ones are even read.
 */
async function handleCall(local, api, request, url, response) {
  const early = local.faults.takeEarly(url.pathname);
  if (early !== undefined) {
    response.setHeader("connection", "close");
    const reply = (answer) => finish(local, request, url, response, answer, {});
    return await strike(early, { response, reply, deployment: local.deployment });
  }
  let body;
  try {
    body = parseBody(await readBody(request, rulesOfBody(url.pathname)));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    response.setHeader("connection", "close");
    return finish(local, request, url, response, errorAnswer(error), {});
  }
  const call = describeCall(url, body);
  if (call.functionPath !== undefined) local.statistics.countFunction(call.functionPath);
  const run = () => api.answer(request, url, body);
  const reply = async (answer) => {
    if (local.settings.latencyMs > 0) await sleep(local.settings.latencyMs);
    finish(local, request, url, response, answer, call);
  };
  const fault = local.faults.take(url.pathname, call.functionPath, body.text);
  if (fault === undefined) return await reply(await run());
  return await strike(fault, { response, run, reply, deployment: local.deployment });
}

function rulesOfBody(pathname) {
  return isImportRoute(pathname) ? importBodyRules(pathname) : bodyRules(pathname);
}

/** What statistics, faults and the log want to know of a call; the body may be anything. */
function describeCall(url, { json }) {
  if (url.pathname.startsWith("/api/run/")) return { functionPath: url.pathname.slice("/api/run/".length) };
  if (!url.pathname.startsWith("/api/")) return {};
  const { path, args } = json ?? {};
  const values = Object.values((Array.isArray(args) ? args[0] : args) ?? {});
  return {
    functionPath: typeof path === "string" ? path : undefined,
    records: values.find(Array.isArray)?.length,
  };
}

function finish(local, request, url, response, answer, { functionPath, records }) {
  const entry = {
    method: request.method,
    path: url.pathname,
    function: functionPath,
    records,
    status: answer.status,
  };
  if (local.log === "memory") local.statistics.log(entry);
  else if (local.log !== undefined) void appendFile(local.log, `${JSON.stringify(entry)}\n`);
  send(request, response, answer);
}

function send(request, response, { status, contentType, body = "", headers = {} }) {
  const { origin } = request.headers;
  // Any origin is welcome (`cors`, crates/local_backend/src/router.rs).
  if (origin !== undefined) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-allow-credentials", "true");
    response.setHeader("access-control-allow-methods", "GET,POST,OPTIONS,PATCH,DELETE,PUT");
    response.setHeader(
      "access-control-allow-headers",
      request.headers["access-control-request-headers"] ?? "",
    );
  }
  const typeHeader = contentType === undefined ? {} : { "content-type": contentType };
  response.writeHead(status, { ...typeHeader, ...headers, "content-length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? "" : body);
}
