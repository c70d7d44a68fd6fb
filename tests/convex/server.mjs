#!/usr/bin/env node
/**
 * Runs a local Convex deployment until SIGTERM or SIGINT:
 *
 *   node tests/convex/server.mjs [--functions DIR] [--port 0] [--instance NAME] [--deploy-key KEY]
 *     [--redact] [--latency MS] [--log FILE|memory] [--user-time-limit MS] [--query-ms MS]
 *     [--class S16|S256|D1024|D2048] [--concurrency N] [--write-limit BYTES] [--execution-ms MS] [--commit-ms MS]
 *     [--tls good|expired|wrong_host|self_signed] [--version TEXT] [--storage local|s3] [--import-retry MS]
 *
 * When it is ready it prints one line of JSON: {"url", "deployKey", "instance"},
 * behind TLS with "ca" as well.
 *
 * README.md says what the options mean and how this differs from the real server.
 */
import { parseArgs } from "node:util";
import { startLocalConvex } from "./index.mjs";

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readNumber(name, text) {
  if (text === undefined) return undefined;
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
        "query-ms": { type: "string" },
        class: { type: "string" },
        concurrency: { type: "string" },
        "write-limit": { type: "string" },
        "execution-ms": { type: "string" },
        "commit-ms": { type: "string" },
        tls: { type: "string" },
        version: { type: "string" },
        storage: { type: "string" },
        "import-retry": { type: "string" },
      },
    }).values;
  } catch (error) {
    return fail(`${error.message}\ntests/convex/README.md lists the options`);
  }
}

const options = readOptions();
const number = (name) => readNumber(name, options[name]);
try {
  const convex = await startLocalConvex({
    functions: options.functions,
    port: number("port"),
    instance: options.instance,
    deployKey: options["deploy-key"],
    redact: options.redact,
    latencyMs: number("latency"),
    log: options.log,
    queryMs: number("query-ms"),
    userTimeLimitMs: number("user-time-limit"),
    tls: options.tls,
    version: options.version,
    imports: { storage: options.storage, retryMs: number("import-retry") },
    plan: {
      class: options.class,
      concurrency: number("concurrency"),
      writeLimit: number("write-limit"),
      executionMs: number("execution-ms"),
      commitMs: number("commit-ms"),
    },
  });
  const { url, deployKey, instance, ca } = convex;
  process.stdout.write(`${JSON.stringify({ url, deployKey, instance, ca })}\n`);
  for (const signal of ["SIGTERM", "SIGINT"])
    process.once(signal, () => void convex.close().then(() => process.exit(0)));
} catch (error) {
  fail(`the local Convex cannot start: ${error.message}`);
}
