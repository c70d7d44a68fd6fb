/**
 * Control routes under /local/: how tests look into the local Convex and steer
 * it. Not part of Convex, open to whoever reaches the port (loopback only).
 */
import { deployFolder } from "./deploy_folder.mjs";
import { HttpError } from "./errors.mjs";

const MAX_LOGGED_REQUESTS = 100_000;

/** What happened since the last reset. */
export class Statistics {
  #running = 0;

  constructor() {
    this.reset();
  }

  reset() {
    this.requests = {};
    this.functionCalls = {};
    this.mutationsCommitted = 0;
    this.retriesInside = {};
    this.bytesWritten = 0;
    this.importWaits = 0;
    this.documents = { insert: 0, patch: 0, replace: 0, delete: 0 };
    this.maxConcurrentRequests = this.#running;
    this.requestLog = [];
  }

  /** @param {string} pathname */
  begin(pathname) {
    this.requests[pathname] = (this.requests[pathname] ?? 0) + 1;
    this.#running += 1;
    this.maxConcurrentRequests = Math.max(this.maxConcurrentRequests, this.#running);
  }

  end() {
    this.#running -= 1;
  }

  /** @param {string} functionPath */
  countFunction(functionPath) {
    this.functionCalls[functionPath] = (this.functionCalls[functionPath] ?? 0) + 1;
  }

  /** @param {string[]} kinds of writes that a mutation really made */
  countCommit(kinds) {
    this.mutationsCommitted += 1;
    for (const kind of kinds) if (kind in this.documents) this.documents[kind] += 1;
  }

  /** @param {string} code why a mutation is tried again inside the server */
  countRetry(code) {
    this.retriesInside[code] = (this.retriesInside[code] ?? 0) + 1;
  }

  /** @param {number} bytes that a mutation wrote, as the limit of a plan counts them */
  countBytes(bytes) {
    this.bytesWritten += bytes;
  }

  /** An import waits, as too much was written in the last second. */
  countImportWait() {
    this.importWaits += 1;
  }

  /** Keeps a line about a request. @param {object} entry without credentials */
  log(entry) {
    if (this.requestLog.length < MAX_LOGGED_REQUESTS) this.requestLog.push(entry);
  }

  report() {
    return {
      requests: this.requests,
      functionCalls: this.functionCalls,
      mutationsCommitted: this.mutationsCommitted,
      documentsInserted: this.documents.insert,
      documentsPatched: this.documents.patch,
      documentsReplaced: this.documents.replace,
      documentsDeleted: this.documents.delete,
      maxConcurrentRequests: this.maxConcurrentRequests,
      retriesInside: this.retriesInside,
      bytesWritten: this.bytesWritten,
      importWaits: this.importWaits,
    };
  }
}

/**
 * Does what a control route asks.
 * @param {{statistics: Statistics, faults: import("./faults.mjs").FaultPlans, forgetData: () => Promise<void>,
 *   imports: import("./import/imports.mjs").Imports, indexes: import("./index_catalog.mjs").IndexCatalog,
 *   pushes: import("./push.mjs").Pushes, settings: {latencyMs: number, redact: boolean,
 *   keys: import("./auth.mjs").Keys, version: import("./server_version.mjs").ServerVersion,
 *   state: import("./deployment_state.mjs").DeploymentState}}} local
 * @param {string} method
 * @param {string} pathname
 * @param {Buffer} body
 * @returns {Promise<unknown>} what to answer as JSON
 * @throws {HttpError}
 */
export async function control(local, method, pathname, body) {
  const json = readJson(body);
  switch (`${method} ${pathname}`) {
    case "GET /local/stats":
      return local.statistics.report();
    case "GET /local/requests":
      return local.statistics.requestLog;
    case "GET /local/faults":
      return local.faults.report();
    case "POST /local/faults":
      return refuseBadInput(() => local.faults.set(Array.isArray(json) ? json : json.faults));
    case "POST /local/functions":
      return await refuseBadInput(() => deployFolder(local.pushes, json.directory));
    case "POST /local/latency":
      return refuseBadInput(() => setLatency(local.settings, json.ms));
    case "POST /local/state":
      return refuseBadInput(() => local.settings.state.set(json.state));
    case "POST /local/imports":
      return await steerImports(local.imports, json);
    case "POST /local/indexes":
      return refuseBadInput(() => local.indexes.setBackfilling(json.backfilling));
    case "POST /local/version":
      return await refuseBadInput(() => local.settings.version.set(json.version));
    case "POST /local/keys":
      return refuseBadInput(() => setKeys(local.settings.keys, json));
    case "POST /local/redact":
      local.settings.redact = json.redact !== false;
      return {};
    case "POST /local/reset":
      return await reset(local, json);
    default:
      throw new HttpError(
        404,
        "UnknownControlRoute",
        `${method} ${pathname} is no control route; see tests/convex/README.md`,
      );
  }
}

function readJson(body) {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString());
  } catch (error) {
    throw new HttpError(400, "BadControlRequest", `the body is no JSON: ${error.message}`);
  }
}

async function refuseBadInput(action) {
  try {
    await action();
    return {};
  } catch (error) {
    throw new HttpError(400, "BadControlRequest", error.message);
  }
}

function setLatency(settings, ms) {
  if (typeof ms !== "number" || !(ms >= 0)) throw new Error('the latency must be {"ms": number}, 0 or more');
  settings.latencyMs = ms;
}

/** Holds imports at points of their way, lets the one that waits take a step, tells where it waits then. */
async function steerImports({ pauses }, { hold, step = false, wait = false }) {
  if (hold !== undefined) await refuseBadInput(() => pauses.hold(hold));
  if (step) pauses.step();
  return wait ? { at: await pauses.reached() } : {};
}

/** Replaces the keys: the deploy key must be among them to be good any longer. */
function setKeys(keys, list) {
  if (!Array.isArray(list)) throw new Error('keys must be a list of {"key", "operations"}');
  keys.revoke(keys.deployKey);
  for (const { key = keys.deployKey, operations = [] } of list) keys.allow(key, operations);
}

/** Forgets data, statistics and faults, with states and keys; each can be kept with `false`. */
async function reset(
  { forgetData, statistics, faults, settings },
  { data = true, stats = true, faults: resetFaults = true },
) {
  if (data) await forgetData();
  if (stats) statistics.reset();
  if (resetFaults) {
    faults.set([]);
    settings.state.set("running");
    settings.keys.restore();
  }
  return {};
}
