/**
 * Who is calling: the Authorization header and deploy keys
 * (crates/local_backend/src/authentication.rs, crates/common/src/types/admin_key.rs).
 */
import { timingSafeEqual } from "node:crypto";
import { HttpError } from "./errors.mjs";

/**
 * Drops the "dev:" or "prod:" of a key; of preview and project keys all but the secret.
 * @param {string} key
 */
export function removeTypePrefix(key) {
  const bar = key.indexOf("|");
  const colon = key.indexOf(":");
  if (bar < 0 || colon < 0 || colon > bar) return key;
  const type = key.slice(0, colon).toLowerCase();
  return type === "preview" || type === "project" ? key.slice(bar + 1) : key.slice(colon + 1);
}

function isSameKey(a, b) {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function checkActingUser(encoded) {
  try {
    const attributes = JSON.parse(Buffer.from(encoded, "base64").toString());
    if (typeof attributes === "object" && attributes !== null) return;
  } catch {
    // Falls through to the one answer for every malformed user.
  }
  throw new HttpError(400, "HeaderParseFailure", "Malformed Authorization header.");
}

/**
 * Reads the credentials of a request; `authenticate` judges them later, as the
 * body is looked at in between.
 * @param {import("node:http").IncomingMessage} request
 * @param {URL} url
 * @returns {{kind: "admin" | "user" | "none", key?: string}}
 * @throws {HttpError} 400 for a malformed header
 */
export function readCredentials(request, url) {
  const header = request.headers.authorization;
  if (header === undefined) {
    const key = url.searchParams.get("adminKey");
    return key === null ? { kind: "none" } : { kind: "admin", key };
  }
  if (header.length < 7) throw new HttpError(400, "InvalidHeaderFailure", "Invalid authentication header");
  if (header.slice(0, 7).toLowerCase() === "convex ") {
    const key = removeTypePrefix(header.slice(7));
    const colon = key.indexOf(":");
    if (colon < 0) return { kind: "admin", key };
    checkActingUser(key.slice(colon + 1));
    return { kind: "admin", key: key.slice(0, colon) };
  }
  if (!/^bearer /i.test(header)) throw new HttpError(400, "InvalidAdminKey", "Invalid admin key");
  return { kind: "user" };
}

/**
 * @param {{kind: string, key?: string}} credentials
 * @param {string} deployKey of this deployment
 * @returns {{isAdmin: boolean}}
 * @throws {HttpError} 401
 */
export function authenticate({ kind, key }, deployKey) {
  if (kind === "none") return { isAdmin: false };
  if (kind === "user") {
    throw new HttpError(
      401,
      "NoAuthProvider",
      "No auth provider found matching the given token (no providers configured). Check that your server auth config is set up properly. See https://docs.convex.dev/auth for more information.",
    );
  }
  if (isSameKey(removeTypePrefix(key), removeTypePrefix(deployKey))) return { isAdmin: true };
  throw new HttpError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
}

/** Routes for admins only. @throws {HttpError} 403 */
export function requireAdmin({ isAdmin }) {
  if (isAdmin) return;
  throw new HttpError(
    403,
    "BadDeployKey",
    "The provided deploy key was invalid for this deployment. Double check that the environment this key was generated for matches the desired deployment.",
  );
}
