/** The routes of `npx convex export` (crates/local_backend/src/snapshot_export.rs). */
import { readCredentials, requireAdmin, requireOperation } from "../auth.mjs";
import { HttpError } from "../errors.mjs";
import { decodeId } from "../ids.mjs";
import { notSupported } from "../import/errors.mjs";

const REQUEST = "/api/export/request/zip";
const DOWNLOAD = /^\/api\/export\/zip\/([^/]+)$/;
const CACHE_SECONDS = 30 * 24 * 3600;

/** @param {string} pathname @returns {string[] | undefined} methods of a route of this file */
export function exportMethods(pathname) {
  if (pathname === REQUEST) return ["POST"];
  return DOWNLOAD.test(pathname) ? ["GET", "HEAD"] : undefined;
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {URL} url
 * @param {{exports: import("./exports.mjs").Exports, keys: import("../auth.mjs").Keys, instance: string}} deployment
 * @returns {import("../http.mjs").Answer}
 * @throws {HttpError}
 */
export function answerExportRoute(request, url, { exports, keys, instance }) {
  const identity = keys.authenticate(readCredentials(request, url));
  const require = (operation) => {
    requireAdmin(identity);
    requireOperation(identity, operation);
  };
  if (url.pathname === REQUEST) return requestExport(url.searchParams, exports, require);
  return download(DOWNLOAD.exec(url.pathname)[1], exports, instance, require);
}

function requestExport(query, exports, require) {
  const includesStorage = query.get("includeStorage") ?? "false";
  if (!["true", "false"].includes(includesStorage)) {
    const problem = "includeStorage: provided string was not `true` or `false`";
    throw new HttpError(400, "BadQueryArgs", `Failed to deserialize query string: ${problem}`);
  }
  if (query.has("component")) {
    const { code, message } = notSupported("Exporting a component");
    throw new HttpError(400, code, message);
  }
  require("CreateBackups");
  exports.request(includesStorage === "true");
  return { status: 200, body: "" };
}

function download(id, exports, instance, require) {
  require("DownloadBackups");
  if (decodeId(id) === null && !/^\d+$/.test(id))
    throw new HttpError(400, "BadSnapshotId", "Snapshot Id did not parse to an ID.");
  const { zip, startedAt } = exports.find(id);
  return {
    status: 200,
    body: zip,
    headers: {
      "content-disposition": `attachment; filename=snapshot_${instance}_${startedAt}.zip`,
      "cache-control": `private, max-age=${CACHE_SECONDS}`,
    },
  };
}
