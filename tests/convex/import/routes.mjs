/**
 * The routes of `npx convex import` (crates/local_backend/src/snapshot_import.rs). The order of checks is that of the
 * handlers: key, query string or body, then what they say, then what the key allows, except where noted.
 */
import { readCredentials, requireAdmin, requireOperation } from "../auth.mjs";
import { DeveloperError, HttpError } from "../errors.mjs";
import { decodeId } from "../ids.mjs";
import { MAX_JSON_SIZE } from "../limits.mjs";
import { checkIdentifier } from "../names.mjs";
import { requireJsonObject } from "../request.mjs";
import { toBigInt } from "../values.mjs";
import { notSupported } from "./errors.mjs";

const FORMATS = ["csv", "jsonLines", "jsonArray", "zip"];
const MODES = ["append", "replace", "replaceAll", "requireEmpty"];
const NEEDS_TABLE = {
  csv: "CSV import requires table name",
  jsonArray: "JSON import requires table name",
  jsonLines: "JSONL import requires table name",
};

/** @param {string} pathname @returns {boolean} whether it is a route of this file */
export function isImportRoute(pathname) {
  return Object.hasOwn(ROUTES, pathname);
}

/** How much the body of a route may be: what is a file has no limit. */
export function importBodyRules(pathname) {
  return { limit: ROUTES[pathname].isFile ? Infinity : MAX_JSON_SIZE };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {URL} url
 * @param {import("../request.mjs").ParsedBody} body
 * @param {{imports: import("./imports.mjs").Imports, keys: import("../auth.mjs").Keys}} deployment
 * @returns {Promise<unknown>} what to answer as JSON; undefined for an empty answer
 * @throws {HttpError}
 */
export async function answerImportRoute(request, url, body, { imports, keys }) {
  const identity = keys.authenticate(readCredentials(request, url));
  const requireImport = () => {
    requireAdmin(identity);
    requireOperation(identity, "ImportBackups");
  };
  const { run, isJson } = ROUTES[url.pathname];
  if (isJson) requireJsonObject(request, body);
  try {
    return await run(imports, { query: url.searchParams, bytes: body.bytes, json: body.json, requireImport });
  } catch (error) {
    if (!(error instanceof DeveloperError)) throw error;
    throw new HttpError(400, error.code, error.message);
  }
}

const ROUTES = {
  "/api/import": { isFile: true, run: importAtOnce },
  "/api/import/start_upload": { run: startUpload },
  "/api/import/upload_part": { isFile: true, run: uploadPart },
  "/api/import/finish_upload": { isJson: true, run: finishUpload },
  "/api/perform_import": { isJson: true, run: changeImport((imports, id) => imports.records.confirm(id)) },
  "/api/cancel_import": { isJson: true, run: changeImport((imports, id) => imports.records.cancel(id)) },
};

async function importAtOnce(imports, { query, bytes, requireImport }) {
  const args = readImportArgs(Object.fromEntries(query), badQuery);
  requireImport();
  const state = await imports.importAtOnce(checkArgs(args), bytes);
  return { numWritten: Number(toBigInt(state.num_rows_written)) };
}

function startUpload(imports, { requireImport }) {
  requireImport();
  return { uploadToken: imports.uploads.start() };
}

function uploadPart(imports, { query, bytes, requireImport }) {
  const [token, number] = [query.get("uploadToken"), query.get("partNumber")];
  if (token === null) throw badQuery("missing field `uploadToken`");
  if (number === null) throw badQuery("missing field `partNumber`");
  if (!/^\+?\d+$/.test(number) || Number(number) > 0xffff)
    throw badQuery("partNumber: invalid value: expected a number of 16 bits");
  requireImport();
  return imports.uploads.addPart(token, Number(number), bytes);
}

function finishUpload(imports, { json, requireImport }) {
  const { import: asked, uploadToken, partTokens } = json;
  if (typeof asked !== "object" || asked === null) throw badBody("missing field `import`");
  const args = readImportArgs(asked, badBody);
  if (typeof uploadToken !== "string") throw badBody("missing field `uploadToken`");
  if (!Array.isArray(partTokens) || partTokens.some((token) => typeof token !== "string"))
    throw badBody("partTokens: invalid type: expected a sequence of strings");
  const spec = checkArgs(args);
  requireImport();
  return { importId: imports.finishUpload(spec, uploadToken, partTokens) };
}

function changeImport(change) {
  return (imports, { json: { importId }, requireImport }) => {
    if (typeof importId !== "string") throw badBody("missing field `importId`");
    if (decodeId(importId) === null)
      throw new DeveloperError("InvalidImport", `invalid import id ${importId}`);
    requireImport();
    change(imports, importId);
  };
}

function badQuery(problem) {
  return new HttpError(400, "BadQueryArgs", `Failed to deserialize query string: ${problem}`);
}

function badBody(problem) {
  const message = `Failed to deserialize the JSON body into the target type: ${problem}`;
  return new HttpError(400, "BadJsonBody", message);
}

/** Shapes only, as serde reads them. */
function readImportArgs({ tableName, componentPath, format, mode = "requireEmpty" }, bad) {
  for (const [name, value] of Object.entries({ tableName, componentPath }))
    if (typeof (value ?? "") !== "string") throw bad(`${name}: invalid type: expected a string`);
  if (format === undefined) throw bad("missing field `format`");
  checkVariant(format, FORMATS, bad);
  checkVariant(mode, MODES, bad);
  return { tableName: tableName ?? undefined, componentPath: componentPath ?? "", format, mode };
}

function checkVariant(value, variants, bad) {
  if (variants.includes(value)) return;
  const known = variants.map((name) => `\`${name}\``).join(", ");
  throw bad(`unknown variant \`${value}\`, expected one of ${known}`);
}

/** `parse_format_arg`. @returns {import("./imports.mjs").ImportSpec} */
function checkArgs({ tableName, componentPath, format, mode }) {
  if (tableName !== undefined) checkTableName(tableName);
  if (format === "zip" && tableName !== undefined)
    throw new DeveloperError("InvalidName", "ZIP import cannot have table name");
  if (format !== "zip" && tableName === undefined)
    throw new DeveloperError("InvalidName", NEEDS_TABLE[format]);
  if (componentPath !== "") throw notSupported("Importing into a component");
  return { format, tableName, mode };
}

function checkTableName(name) {
  try {
    checkIdentifier(name);
  } catch (error) {
    throw new DeveloperError("ImportInvalidName", `invalid table name ${name}: ${error.message}`);
  }
}
