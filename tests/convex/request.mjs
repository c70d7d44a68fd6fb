/**
 * Reading a request to a function route: client version, body, JSON shape
 * (crates/common/src/http/extract.rs, crates/common/src/version.rs,
 * crates/local_backend/src/public_api.rs).
 */
import { createBrotliDecompress } from "node:zlib";
import { HttpError } from "./errors.mjs";
import { MAX_REQUEST_SIZE } from "./limits.mjs";
import { rawMember } from "./raw_json.mjs";

const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const NPM_CLIENT = {
  unsupported: [0, 19, 1],
  cleanSince: [1, 4, 1],
  upgrade: "`npx convex update` or `npm update`",
};
const PYTHON_CLIENT = {
  unsupported: [0, 0, 2],
  cleanSince: [0, 5, 0],
  upgrade: "`pip install --upgrade convex`",
};
/** Clients with a last version that is refused (crates/common/deprecation.json); any other name is welcome. */
const KNOWN_CLIENTS = new Map([
  ["npm", NPM_CLIENT],
  ["npm-cli", NPM_CLIENT],
  ["actions", NPM_CLIENT],
  ["python", PYTHON_CLIENT],
  ["python-convex", PYTHON_CLIENT],
  ["rust", { unsupported: [0, 0, 1], cleanSince: [0, 0, 0], upgrade: "`cargo update -p convex`" }],
]);

/** Whether version a is b or later, by major, minor and patch. */
function isSince(a, b) {
  const i = a.findIndex((part, position) => part !== b[position]);
  return i < 0 || a[i] > b[i];
}

function badJson(message) {
  return new HttpError(400, "BadJsonBody", message);
}

/**
 * Checks `Convex-Client: <name>-<semver>`.
 * @param {string | undefined} header
 * @returns {{defaultFormat: "clean" | "encoded"}} what `format` is when a request does not say
 * @throws {HttpError} 400 for a header without a dash, or a client that is too old
 */
export function checkClientVersion(header) {
  if (header === undefined) return { defaultFormat: "clean" };
  const parts = header.split("-");
  if (parts.length < 2) {
    throw new HttpError(
      400,
      "InvalidClientVersion",
      `Failed to parse client version string: '${header}'. Expected format is {client_name}-{semver}, e.g. my-esolang-client-0.0.1`,
    );
  }
  const split = parts.findIndex((_, i) => i > 0 && SEMVER.test(parts.slice(i).join("-")));
  const name = parts
    .slice(0, split < 0 ? 1 : split)
    .join("-")
    .toLowerCase();
  const client = KNOWN_CLIENTS.get(name);
  if (client === undefined) return { defaultFormat: "clean" };
  const version = parts.slice(split < 0 ? 1 : split).join("-");
  const numbers = version.split(/[.+-]/).slice(0, 3).map(Number);
  if (split < 0 || isSince(client.unsupported, numbers)) {
    throw new HttpError(
      400,
      "ClientVersionUnsupported",
      `The Convex ${name} package at version ${version} is no longer supported. Update it with ${client.upgrade}.`,
    );
  }
  return { defaultFormat: isSince(numbers, client.cleanSince) ? "clean" : "encoded" };
}

function isJson(contentType) {
  const [type, subtype] = (contentType ?? "").split(";")[0].trim().toLowerCase().split("/");
  return type === "application" && (subtype === "json" || Boolean(subtype?.endsWith("+json")));
}

/**
 * Reads the whole body.
 * @param {import("node:http").IncomingMessage} request
 * @param {{limit?: number, mayBeCompressed?: boolean}} [rules] of the route
 * @returns {Promise<Buffer>}
 * @throws {HttpError} 400 when it is longer than the limit or cannot be decompressed, 415
 */
export async function readBody(request, { limit = MAX_REQUEST_SIZE, mayBeCompressed = false } = {}) {
  const chunks = [];
  let length = 0;
  for await (const chunk of mayBeCompressed ? decompress(request) : request) {
    length += chunk.length;
    if (length > limit) throw badJson("Failed to buffer the request body: length limit exceeded");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Brotli is the one compression that the server knows (`RequestDecompressionLayer`, crates/local_backend/src/router.rs). */
async function* decompress(request) {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (!["identity", "br"].includes(encoding)) throw new HttpError(415, "", "");
  if (encoding === "identity") return yield* request;
  const plain = createBrotliDecompress();
  request.on("error", (error) => plain.destroy(error));
  try {
    yield* request.pipe(plain);
  } catch (error) {
    throw badJson(`Failed to buffer the request body: ${error.message}`);
  }
  return undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A body as it came, as text and as JSON, or why it is none.
 * @typedef {{bytes: Buffer, text?: string, json?: any, error?: Error}} ParsedBody */

/**
 * Parses a body without judging it: whether it had to be JSON depends on the route.
 * @param {Buffer} bytes
 * @returns {ParsedBody}
 */
export function parseBody(bytes) {
  try {
    const text = utf8.decode(bytes);
    return { bytes, text, json: JSON.parse(text) };
  } catch (error) {
    return { bytes, error };
  }
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {ParsedBody} body
 * @throws {HttpError} 400 when the body is no JSON object, or not called one
 */
export function requireJsonObject(request, { json, error }) {
  if (!isJson(request.headers["content-type"])) {
    throw badJson("Expected request with `Content-Type: application/json`");
  }
  if (error !== undefined) throw badJson(`Failed to parse the request body as JSON: ${error.message}`);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw badJson("Failed to deserialize the JSON body into the target type: expected an object");
  }
}

/**
 * Arguments of a call: positional, or one object that stands for them.
 * @param {unknown} args parsed
 * @param {string} argsText as sent
 * @returns {{args: unknown[], argsText: string}}
 */
export function positional(args, argsText) {
  return Array.isArray(args) ? { args, argsText } : { args: [args], argsText: `[${argsText}]` };
}

/**
 * The parts of a function call.
 * @param {ParsedBody} body a JSON object
 * @param {{needsPath: boolean}} options
 * @returns {{path?: string, args: unknown[], argsText: string, format?: string}} args are positional
 * @throws {HttpError} 400
 */
export function readCall({ json, text }, { needsPath }) {
  const shapeError = (problem) =>
    badJson(`Failed to deserialize the JSON body into the target type: ${problem}`);
  if (needsPath && !Object.hasOwn(json, "path")) throw shapeError("missing field `path`");
  if (needsPath && typeof json.path !== "string") throw shapeError("path: invalid type: expected a string");
  if (!Object.hasOwn(json, "args")) throw shapeError("missing field `args`");
  const format = json.format ?? undefined;
  if (format !== undefined && typeof format !== "string")
    throw shapeError("format: invalid type: expected a string");
  return { path: json.path, format, ...positional(json.args, rawMember(text, "args")) };
}
