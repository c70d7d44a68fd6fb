/**
 * The routes of `npx convex deploy` and `npx convex dev` (crates/local_backend/src/{deploy_config,deploy_config2}.rs).
 * The key comes in the body. `evaluate_schema`, which the command line tool asks for first, is none of them: it takes
 * the 404 and goes on with `evaluate_push`.
 */
import { requireOperation } from "./auth.mjs";
import { DeveloperError, HttpError } from "./errors.mjs";
import { MAX_PUSH_SIZE } from "./limits.mjs";
import { checkPushBody, readPushConfig, shapeError } from "./push_request.mjs";

const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null;

/** @param {string} pathname @returns {boolean} whether it is a route of this file */
export function isDeployRoute(pathname) {
  return pathname in ROUTES;
}

/** How much the body of a route may be, and whether it may be compressed. */
export function bodyRules(pathname) {
  return pathname.startsWith("/api/deploy2/") && isDeployRoute(pathname)
    ? { limit: MAX_PUSH_SIZE, mayBeCompressed: true }
    : {};
}

/**
 * @param {string} pathname
 * @param {object} json the body
 * @param {{pushes: import("./push.mjs").Pushes, keys: import("./auth.mjs").Keys}} deployment
 * @returns {Promise<unknown>} what to answer as JSON
 * @throws {HttpError}
 */
export async function answerDeployRoute(pathname, json, { pushes, keys }) {
  const { check, run } = ROUTES[pathname];
  if (!isText(json.adminKey)) throw shapeError("missing field `adminKey`");
  check(json);
  requireOperation(keys.authenticate({ kind: "admin", key: json.adminKey }), "Deploy");
  return await run(pushes, json);
}

const ROUTES = {
  "/api/get_config_hashes": { check: () => undefined, run: (pushes) => pushes.configHashes() },
  "/api/deploy2/evaluate_push": {
    check: checkPushBody,
    run: (pushes, json) => whilePushing(async (config) => await pushes.evaluate(config), json),
  },
  "/api/deploy2/start_push": {
    check: checkPushBody,
    run: (pushes, json) => whilePushing(async (config) => await pushes.start(config), json),
  },
  "/api/deploy2/wait_for_schema": {
    check: ({ schemaChange }) => {
      if (!isObject(schemaChange?.schemaIds)) throw shapeError("missing field `schemaChange`");
    },
    run: (pushes, { schemaChange }) => pushes.schemaStatus(schemaChange),
  },
  "/api/deploy2/finish_push": { check: checkFinishBody, run: finishPush },
  "/api/deploy2/report_push_completed": {
    check: ({ spans }) => {
      if (!Array.isArray(spans)) throw shapeError("missing field `spans`");
    },
    run: () => null,
  },
};

function checkFinishBody({ startPush, dryRun }) {
  if (!isObject(startPush)) throw shapeError("missing field `startPush`");
  for (const name of ["environmentVariables", "componentDefinitionPackages", "schemaChange"]) {
    if (!isObject(startPush[name])) throw shapeError(`startPush: missing field \`${name}\``);
  }
  if (!isObject(startPush.schemaChange.schemaIds))
    throw shapeError("startPush.schemaChange: missing field `schemaIds`");
  if (typeof dryRun !== "boolean") throw shapeError("missing field `dryRun`");
}

/** A dry run ends here: its schema was submitted, nothing else. */
async function finishPush(pushes, { startPush, dryRun }) {
  if (dryRun) return { authDiff: { added: [], removed: [] }, definitionDiffs: {}, componentDiffs: {} };
  return await wrapErrors(async () => pushes.finish(startPush));
}

/** Whether the pushed configuration can be read at all is not part of "while pushing". */
async function whilePushing(action, json) {
  const config = readPushConfig(json);
  return await wrapErrors(async () => await action(config));
}

async function wrapErrors(action) {
  try {
    return await action();
  } catch (error) {
    const status =
      error instanceof HttpError ? error.status : error instanceof DeveloperError ? 400 : undefined;
    if (status === undefined) throw error;
    throw new HttpError(status, error.code, `Hit an error while pushing:\n${error.message}`);
  }
}
