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

/** Operations that routes and functions ask for, as errors name them (`deployment_op_action`, crates/roles/src/eval.rs). */
const ACTIONS = {
  Deploy: "deployment:deploy",
  ViewData: "deployment:data:view",
  WriteData: "deployment:data:write",
  ViewBackups: "deployment:backups:view",
  CreateBackups: "deployment:backups:create",
  DownloadBackups: "deployment:backups:download",
  ImportBackups: "deployment:backups:import",
  RunInternalQueries: "deployment:functions:runInternalQueries",
  RunInternalMutations: "deployment:functions:runInternalMutations",
  RunInternalActions: "deployment:functions:runInternalActions",
};

/** Who calls. Operations are those that an admin's key allows; none named is all. @typedef {{isAdmin: boolean, operations?: string[]}} Identity */

/** The keys that open a deployment. */
export class Keys {
  /** @type {Map<string, string[]>} operations by key without its prefix */
  #operations = new Map();

  /** @param {string} deployKey allows everything */
  constructor(deployKey) {
    this.deployKey = deployKey;
    this.restore();
  }

  /** Only the deploy key, as at the start. */
  restore() {
    this.#operations.clear();
    this.allow(this.deployKey, []);
  }

  /**
   * @param {string} key
   * @param {string[]} operations that it allows; none named is all
   * @throws {Error} for an operation that does not exist
   */
  allow(key, operations) {
    const unknown = operations.find((operation) => !Object.hasOwn(ACTIONS, operation));
    if (unknown !== undefined)
      throw new Error(`unknown operation ${unknown}; there are ${Object.keys(ACTIONS).join(", ")}`);
    this.#operations.set(removeTypePrefix(key), operations);
  }

  /** @param {string} key is refused from now on */
  revoke(key) {
    this.#operations.delete(removeTypePrefix(key));
  }

  /**
   * @param {{kind: string, key?: string}} credentials
   * @returns {Identity}
   * @throws {HttpError} 401
   */
  authenticate({ kind, key }) {
    if (kind === "none") return { isAdmin: false };
    if (kind === "user") {
      throw new HttpError(
        401,
        "NoAuthProvider",
        "No auth provider found matching the given token (no providers configured). Check that your server auth config is set up properly. See https://docs.convex.dev/auth for more information.",
      );
    }
    const given = removeTypePrefix(key);
    for (const [known, operations] of this.#operations)
      if (isSameKey(given, known)) return { isAdmin: true, operations };
    throw new HttpError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
  }
}

/**
 * @param {Identity} identity of an admin
 * @param {string} operation
 * @throws {HttpError} 403 when the key does not allow it (`require_operation`, crates/roles/src/eval.rs)
 */
export function requireOperation({ operations = [] }, operation) {
  if (operations.length === 0 || operations.includes(operation)) return;
  const message = `You do not have permission to perform this operation (${ACTIONS[operation]}).`;
  throw new HttpError(403, "OperationNotPermitted", message);
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
