#!/usr/bin/env node
/**
 * Runs a local Convex deployment until SIGTERM or SIGINT:
 *
 *   node tests/convex/server.mjs [--functions DIR] [--port 0] [--instance NAME] [--deploy-key KEY]
 *     [--redact] [--latency MS] [--log FILE|memory] [--user-time-limit MS]
 *
 * When it is ready it prints one line of JSON: {"url", "deployKey", "instance"}.
 *
 * Known differences from the real server (README.md has all details): only
 * function calls, deploys and the system functions in system/ exist (no import,
 * export or log routes, no scheduler, storage, search, components, end users);
 * mutations never conflict and no rate is limited, 429 and 503 come from planned
 * faults only; module variables live on between calls; endless loops are stopped
 * up to 1.4 s late and memory is not limited; ranges that the server reads for
 * itself do not count; some texts of its JSON parser differ.
 */
import { parseArgs } from "node:util";
import { startLocalConvex } from "./index.mjs";

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readNumber(name, text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0)
    fail(`--${name} must be a whole number, 0 or more; it is "${text}"`);
  return number;
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        functions: { type: "string" },
        port: { type: "string", default: "0" },
        instance: { type: "string" },
        "deploy-key": { type: "string" },
        redact: { type: "boolean", default: false },
        latency: { type: "string", default: "0" },
        log: { type: "string" },
        "user-time-limit": { type: "string" },
        "query-ms": { type: "string", default: "0" },
      },
    }).values;
  } catch (error) {
    return fail(
      `${error.message}\nusage: server.mjs [--functions DIR] [--port 0] [--instance NAME] [--deploy-key KEY] [--redact] [--latency MS] [--log FILE|memory] [--user-time-limit MS] [--query-ms MS]`,
    );
  }
}

const options = readOptions();
const limit = options["user-time-limit"];
try {
  const convex = await startLocalConvex({
    functions: options.functions,
    port: readNumber("port", options.port),
    instance: options.instance,
    deployKey: options["deploy-key"],
    redact: options.redact,
    latencyMs: readNumber("latency", options.latency),
    log: options.log,
    queryMs: readNumber("query-ms", options["query-ms"]),
    userTimeLimitMs: limit === undefined ? undefined : readNumber("user-time-limit", limit),
  });
  const { url, deployKey, instance } = convex;
  process.stdout.write(`${JSON.stringify({ url, deployKey, instance })}\n`);
  for (const signal of ["SIGTERM", "SIGINT"])
    process.once(signal, () => void convex.close().then(() => process.exit(0)));
} catch (error) {
  fail(`the local Convex cannot start: ${error.message}`);
}
