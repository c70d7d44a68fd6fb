/**
 * The HTTP face of the deployment: routes, order of checks, answers
 * (crates/local_backend/src/{public_api,router,dashboard}.rs,
 * crates/common/src/http/mod.rs). Control routes and faults are in control.mjs
 * and faults.mjs.
 */
import { randomBytes } from "node:crypto";
import { readCredentials, requireAdmin, requireOperation } from "./auth.mjs";
import { answerDeployRoute, isDeployRoute } from "./deploy_routes.mjs";
import { FunctionError, HttpError } from "./errors.mjs";
import { answerImportRoute, isImportRoute } from "./import/routes.mjs";
import { answerExportRoute, exportMethods } from "./export/routes.mjs";
import { exportText, parseFormat } from "./export.mjs";
import { parseFunctionPath } from "./names.mjs";
import { checkClientVersion, positional, readCall, requireJsonObject } from "./request.mjs";

/** An answer, before it is sent. @typedef {{status: number, contentType?: string, body: string | Buffer, headers?: Record<string, string>}} Answer */

const TYPE_OF_ROUTE = { "/api/query": "Query", "/api/mutation": "Mutation", "/api/action": "Action" };

/** Methods of the routes that exist; a path outside is 404. */
function allowedMethods(pathname) {
  if (
    [
      "/",
      "/version",
      "/instance_name",
      "/instance_version",
      "/api/check_admin_key",
      "/api/get_indexes",
      "/api/v1/get_canonical_urls",
    ].includes(pathname)
  )
    return ["GET", "HEAD"];
  if (isDeployRoute(pathname) || isImportRoute(pathname)) return ["POST"];
  const exporting = exportMethods(pathname);
  if (exporting !== undefined) return exporting;
  if (pathname === "/api/query") return ["GET", "HEAD", "POST"];
  if (["/api/mutation", "/api/action", "/api/function"].includes(pathname) || /^\/api\/run\/./.test(pathname))
    return ["POST"];
  return undefined;
}

function text(body) {
  return { status: 200, contentType: "text/plain; charset=utf-8", body };
}

function json(body) {
  return { status: 200, contentType: "application/json", body };
}

/** There are no HTTP actions here, so nothing answers at the second one. */
function canonicalUrls({ headers }) {
  return { convexCloudUrl: `http://${headers.host}`, convexSiteUrl: `http://${headers.host}/http` };
}

/** @param {HttpError} error @returns {Answer} */
export function errorAnswer(error) {
  if (error.code === "") return { status: error.status, body: "" };
  const body = JSON.stringify({ code: error.code, message: error.message });
  return { status: error.status, contentType: "application/json", body };
}

export class Api {
  /**
   * @param {import("./functions.mjs").Functions} functions
   * @param {import("./push.mjs").Pushes} pushes
   * @param {{instance: string, keys: import("./auth.mjs").Keys, redact: boolean,
   *   version: import("./server_version.mjs").ServerVersion, database: import("./database.mjs").Database,
   *   imports: import("./import/imports.mjs").Imports, exports: import("./export/exports.mjs").Exports}} options
   */
  constructor(functions, pushes, options) {
    this.functions = functions;
    this.pushes = pushes;
    this.options = options;
  }

  /**
   * Answers a request. Never throws: what goes wrong inside is a 500, as in the server.
   * @param {import("node:http").IncomingMessage} request
   * @param {URL} url
   * @param {import("./request.mjs").ParsedBody} body
   * @returns {Promise<Answer>}
   */
  async answer(request, url, body) {
    try {
      return await this.#route(request, url, body);
    } catch (error) {
      if (error instanceof HttpError) return errorAnswer(error);
      process.stderr.write(`local Convex: ${error.stack}\n`);
      return errorAnswer(
        new HttpError(500, "InternalServerError", "Your request couldn't be completed. Try again later."),
      );
    }
  }

  async #route(request, url, body) {
    const methods = allowedMethods(url.pathname);
    if (methods === undefined) return { status: 404, body: "" };
    if (request.method === "OPTIONS") return { status: 200, body: "", headers: { allow: methods.join(",") } };
    if (!methods.includes(request.method))
      return { status: 405, body: "", headers: { allow: methods.join(",") } };
    const client = checkClientVersion(request.headers["convex-client"]);
    if (isDeployRoute(url.pathname)) {
      requireJsonObject(request, body);
      const { keys } = this.options;
      const answer = await answerDeployRoute(url.pathname, body.json, { pushes: this.pushes, keys });
      return json(JSON.stringify(answer));
    }
    if (isImportRoute(url.pathname)) {
      const { imports, keys } = this.options;
      const answer = await answerImportRoute(request, url, body, { imports, keys });
      return answer === undefined ? { status: 200, body: "" } : json(JSON.stringify(answer));
    }
    if (exportMethods(url.pathname) !== undefined) return answerExportRoute(request, url, this.options);
    switch (url.pathname) {
      case "/":
        return text("This Convex deployment is running. See https://docs.convex.dev/.");
      case "/version":
      case "/instance_version":
        return text(this.options.version.text);
      case "/instance_name":
        return text(this.options.instance);
      case "/api/check_admin_key":
        return json(this.#describeKey(this.options.keys.authenticate(readCredentials(request, url))));
      case "/api/get_indexes":
        return json(this.#describeIndexes(this.options.keys.authenticate(readCredentials(request, url))));
      case "/api/v1/get_canonical_urls":
        requireAdmin(this.options.keys.authenticate(readCredentials(request, url)));
        return json(JSON.stringify(canonicalUrls(request)));
      default:
        return await this.#callFunction(request, url, body, client);
    }
  }

  /** `check_admin_key` (crates/local_backend/src/dashboard.rs) */
  #describeKey(identity) {
    requireAdmin(identity);
    return JSON.stringify({ success: true, allowedOps: identity.operations, isReadOnly: false });
  }

  /** `get_indexes` (crates/local_backend/src/dashboard.rs) */
  #describeIndexes(identity) {
    requireAdmin(identity);
    requireOperation(identity, "ViewData");
    return JSON.stringify({ indexes: this.options.database.indexes.describe() });
  }

  /** The order of checks is that of the handlers' extractors: header, body, path, key; the format comes last. */
  async #callFunction(request, url, body, client) {
    const credentials = readCredentials(request, url);
    const isRun = url.pathname.startsWith("/api/run/");
    if (request.method === "POST") requireJsonObject(request, body);
    const call = request.method === "POST" ? readCall(body, { needsPath: !isRun }) : readQueryString(url);
    let path = isRun ? undefined : url.pathname in TYPE_OF_ROUTE ? parsePath(call.path) : undefined;
    const identity = this.options.keys.authenticate(credentials);
    if (url.pathname === "/api/function") requireAdmin(identity);
    path ??= parsePath(isRun ? pathOfRunRoute(url.pathname) : call.path);
    const requestId = request.headers["convex-request-id"] ?? randomBytes(8).toString("hex");
    const type = TYPE_OF_ROUTE[url.pathname];
    const result = await this.#run(type, path, call, { ...identity, requestId });
    const format =
      call.format === undefined ? (isRun ? "clean" : client.defaultFormat) : parseFormat(call.format);
    if (format === undefined) {
      throw new HttpError(400, "BadFormat", `format param must be one of [\`json\`]. Got ${call.format}`);
    }
    return json(this.#resultText(result, format, requestId));
  }

  async #run(type, path, call, caller) {
    if (type !== undefined) return await this.functions.run(type, path, call, caller);
    const definition = this.functions.find(path);
    const isVisible = definition !== undefined && (definition.isPublic || caller.isAdmin);
    if (!isVisible || path.isSystem) {
      const message = `Could not find function for '${path.stripped}'. Did you forget to run \`npx convex dev\`?`;
      return { error: new FunctionError(message), logLines: [] };
    }
    return await this.functions.run(definition.type, path, call, caller);
  }

  /** Body of an answer to a call (`UdfResponse`); redaction as in crates/application/src/redaction.rs. */
  #resultText({ value, error, logLines }, format, requestId) {
    const lines =
      this.options.redact || logLines.length === 0 ? "" : `,"logLines":${JSON.stringify(logLines)}`;
    if (error === undefined) return `{"status":"success","value":${exportText(value, format)}${lines}}`;
    const head = `[Request ID: ${requestId}] Server Error`;
    const message = this.options.redact ? head : `${head}\n${error.toText()}`;
    const data = error.data === undefined ? "" : `,"errorData":${exportText(error.data, format)}`;
    return `{"status":"error","errorMessage":${JSON.stringify(message)}${data}${lines}}`;
  }
}

function parsePath(pathText) {
  try {
    return parseFunctionPath(pathText);
  } catch (error) {
    throw new HttpError(
      400,
      "BadConvexFunctionIdentifier",
      `${pathText} is not a valid path to a Convex function. ${error.message}`,
    );
  }
}

/** "/api/run/a/b/fn" → "a/b:fn". */
function pathOfRunRoute(pathname) {
  let parts;
  try {
    parts = pathname.slice("/api/run/".length).split("/").map(decodeURIComponent);
  } catch {
    parts = [];
  }
  if (parts.length < 2) {
    throw new HttpError(
      400,
      "MissingIdentifier",
      "Path or function name not provided in path, e.g. /api/run/messages/list",
    );
  }
  return `${parts.slice(0, -1).join("/")}:${parts[parts.length - 1]}`;
}

function readQueryString(url) {
  const badArgs = (problem) =>
    new HttpError(400, "BadQueryArgs", `Failed to deserialize query string: ${problem}`);
  const [path, argsText] = [url.searchParams.get("path"), url.searchParams.get("args")];
  if (path === null) throw badArgs("missing field `path`");
  if (argsText === null) throw badArgs("missing field `args`");
  try {
    const format = url.searchParams.get("format") ?? undefined;
    return { path, format, ...positional(JSON.parse(argsText), argsText) };
  } catch (error) {
    throw badArgs(error.message);
  }
}
