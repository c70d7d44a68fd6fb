/**
 * Runs user functions in a realm of their own (node:vm).
 *
 * Queries and mutations run to their end in one go: their promises have a queue
 * of their own that is drained inside the call, database calls are answered at
 * once, so nothing else happens meanwhile. User code has a time limit that does
 * not count the time of database calls, as in crates/isolate/src/environment/udf/mod.rs.
 * Actions run in a second realm that shares the server's event loop.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import vm from "node:vm";
import { DeveloperError, FunctionError } from "./errors.mjs";
import { MAX_LOG_LINE_LENGTH, MAX_LOG_LINES } from "./limits.mjs";

const GLOBALS = new vm.Script(readFileSync(new URL("./sandbox_globals.js", import.meta.url), "utf8"), {
  filename: "convex/local/sandbox_globals.js",
});
/** Prefix of module paths in stack traces (`CONVEX_SCHEME`, crates/isolate/src/isolate.rs). */
export const MODULE_SCHEME = "convex:/";
const STEP = new vm.Script("__step()", { filename: "convex/local/step.js" });
/** Database time after which a turn of user code ends, so that the watchdog's time means user time. */
const TURN_SYSCALL_MS = 100;
/** The watchdog knows only the clock. It stops endless loops, but not a call that waits for a busy processor. */
const WATCHDOG_SLACK_MS = 250;

function processorMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** User code used up its time; ends the whole call. */
export class UserTimeout extends FunctionError {
  /** @param {number} limitMs */
  constructor(limitMs) {
    super(`Function execution timed out (maximum duration: ${limitMs / 1000}s)`);
  }
}

/** What a syscall may answer: its text; or it throws. @typedef {(operation: string, argsText: string) => string} Syscall */

/**
 * One run of a function.
 * @typedef {{id: number, syscall: Syscall, asyncSyscall: Syscall, isDeferred: (operation: string) => boolean,
 *   now: number, logLines: string[], queue: {ticket: number, operation: string, argsText: string}[],
 *   outcome?: {text?: string, failure?: object}}} Call
 */

export class Sandbox {
  /** @type {Call[]} */
  #calls = [];
  #actionCalls = new Map();
  #nextCallId = 0;
  #nextTicket = 0;
  #task = () => undefined;
  #syscallMs = 0;
  #turnStartedAt = 0;
  #turnStartedAtProcessor = 0;
  #spentMs = 0;
  #answer = {};

  /**
   * @param {Map<string, import("./module_code.mjs").ModuleCode>} modules by path; each runs when it is first needed
   * @param {{forActions?: boolean, userTimeLimitMs: number}} options a limit of 0 is no limit
   */
  constructor(modules, { forActions = false, userTimeLimitMs }) {
    this.modules = modules;
    this.forActions = forActions;
    this.userTimeLimitMs = userTimeLimitMs;
    this.context = vm.createContext({}, forActions ? {} : { microtaskMode: "afterEvaluate" });
    this.inner = GLOBALS.runInContext(this.context)(this.#makeHost());
    Object.defineProperty(this.context, "__step", { value: () => this.#task(), enumerable: false });
  }

  /**
   * The functions of a module.
   * @param {string} path
   * @returns {{result?: {name: string, type: string, isPublic: boolean, args: string, returns: string}[], failure?: object}}
   */
  analyze(path) {
    return JSON.parse(this.inner.analyze(path));
  }

  /**
   * What the default export of a module exports in turn.
   * @param {string} path
   * @returns {{result?: {isMissing?: boolean, isInvalid?: boolean, exported?: unknown}, failure?: object}}
   */
  exportDefault(path) {
    return JSON.parse(this.inner.exportDefault(path));
  }

  get #call() {
    return this.#calls[this.#calls.length - 1];
  }

  /** The functions that sandbox_globals.js calls. None may throw: its errors would be of the wrong realm. */
  #makeHost() {
    return {
      syscall: (operation, argsText) =>
        this.#attempt(() => this.#call.syscall(operation, argsText)) === "done",
      asyncSyscall: (operation, argsText) =>
        this.forActions ? this.#deferAction(operation, argsText) : this.#asyncSyscall(operation, argsText),
      takeText: () => this.#answer.text,
      takeData: () => this.#answer.dataText,
      takeTicket: () => this.#answer.ticket,
      now: () => (this.forActions ? Date.now() : Math.floor(this.#call?.now ?? 0)),
      log: (level, args) => this.#log(level, args),
      compile: (path, parameters) => this.#compile(path, parameters),
      encodeUtf8: (text) => Buffer.from(text, "utf8"),
      decodeUtf8: (bytes) =>
        Buffer.from(bytes.buffer ?? bytes, bytes.byteOffset, bytes.byteLength).toString("utf8"),
      atob: (text) => Buffer.from(text, "base64").toString("latin1"),
      btoa: (text) => Buffer.from(text, "latin1").toString("base64"),
      randomUUID: () => randomUUID(),
      randomBytes: (count) => randomBytes(count),
      inActions: this.forActions ? { setTimeout, setInterval, clearTimeout, clearInterval, fetch } : {},
      succeed: (id, text) => this.#settle(id, { text }),
      fail: (id, description) => this.#settle(id, { failure: JSON.parse(description) }),
    };
  }

  /** A module as a function of the realm; its frames name it as `MODULE_SCHEME` and its path. */
  #compile(path, parameters) {
    const text = this.modules.get(path)?.text;
    if (text === undefined) {
      // crates/model/src/modules/user_error.rs
      this.#answer = {
        text: `Couldn't find JavaScript module '${path}'. Did you forget to run \`npx convex dev\`?`,
      };
      return undefined;
    }
    const script = new vm.Script(`(function (${parameters}) {"use strict";\n${text}\n})`, {
      filename: MODULE_SCHEME + path,
      lineOffset: -1,
    });
    return script.runInContext(this.context);
  }

  #settle(id, outcome) {
    const call = this.forActions
      ? this.#actionCalls.get(String(id))
      : this.#calls.find((one) => one.id === id);
    if (call === undefined) return;
    call.outcome = outcome;
    call.onSettled?.(outcome);
  }

  #log(level, args) {
    const { logLines } = this.#call ?? {};
    if (logLines === undefined || logLines.length >= MAX_LOG_LINES) return;
    const text = args.map((value) => inspect(value, { depth: 5, breakLength: Infinity })).join(" ");
    const cut =
      text.length > MAX_LOG_LINE_LENGTH
        ? `${text.slice(0, MAX_LOG_LINE_LENGTH)} (truncated due to length)`
        : text;
    logLines.push(`[${level}] ${cut}`);
  }

  /** Does a database call and keeps its answer for the realm to take. */
  #attempt(action) {
    const startedAt = performance.now();
    try {
      this.#answer = { text: action() };
      return "done";
    } catch (error) {
      if (!(error instanceof DeveloperError)) this.#call.fatal ??= error;
      const dataText = error.data === undefined ? undefined : JSON.stringify(error.data);
      this.#answer = { text: error.message, dataText };
      return "failed";
    } finally {
      this.#syscallMs += performance.now() - startedAt;
    }
  }

  /**
   * Answers at once where possible. Calls that run another function wait until
   * this turn of user code has ended, and so does what comes after them (first
   * come, first served), or when much time has gone into the database.
   */
  #asyncSyscall(operation, argsText) {
    const call = this.#call;
    if (this.#isOutOfTime()) {
      call.fatal ??= new UserTimeout(this.userTimeLimitMs);
      this.#answer = { text: call.fatal.message };
      return "failed";
    }
    if (call.queue.length === 0 && this.#syscallMs < TURN_SYSCALL_MS && !call.isDeferred(operation)) {
      return this.#attempt(() => call.asyncSyscall(operation, argsText));
    }
    const ticket = this.#nextTicket++;
    call.queue.push({ ticket, operation, argsText });
    this.#answer = { ticket };
    return "waiting";
  }

  #isOutOfTime() {
    return this.userTimeLimitMs !== 0 && this.#spentMs + this.#turnMs() > this.userTimeLimitMs;
  }

  /** User time of this turn: clock time without database calls, but no more than the processor worked. */
  #turnMs() {
    const clockMs = performance.now() - this.#turnStartedAt - this.#syscallMs;
    if (this.#spentMs + clockMs <= this.userTimeLimitMs) return clockMs;
    return Math.min(clockMs, processorMs() - this.#turnStartedAtProcessor);
  }

  /** Runs a piece of user code and all promise reactions that follow from it. */
  #turn(task) {
    const remaining = this.userTimeLimitMs - this.#spentMs;
    const timeout = Math.ceil(remaining + this.userTimeLimitMs + TURN_SYSCALL_MS + WATCHDOG_SLACK_MS);
    this.#task = task;
    this.#syscallMs = 0;
    this.#turnStartedAt = performance.now();
    this.#turnStartedAtProcessor = processorMs();
    try {
      STEP.runInContext(this.context, this.userTimeLimitMs === 0 ? {} : { timeout });
    } catch (error) {
      if (error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw new UserTimeout(this.userTimeLimitMs);
      throw error;
    }
    this.#spentMs += this.#turnMs();
    if (this.userTimeLimitMs !== 0 && this.#spentMs > this.userTimeLimitMs) {
      throw new UserTimeout(this.userTimeLimitMs);
    }
    if (this.#call.fatal !== undefined) throw this.#call.fatal;
  }

  /**
   * Runs a query or mutation to its end.
   * @param {{path: string, name: string, invoke: string, argsText: string, now: number, logLines: string[],
   *   syscall: Syscall, asyncSyscall: Syscall, isDeferred: (operation: string) => boolean}} run
   * @returns {{text?: string, failure?: object}} the result's JSON text, or what was thrown
   * @throws {UserTimeout} and the server's own errors
   */
  runToEnd(run) {
    const call = { ...run, id: this.#nextCallId++, queue: [] };
    const isOutermost = this.#calls.length === 0;
    if (isOutermost) this.#spentMs = 0;
    this.#calls.push(call);
    try {
      this.#turn(() => this.inner.start(call.id, run.path, run.name, run.invoke, run.argsText));
      while (call.queue.length > 0 && call.outcome?.failure === undefined) this.#answerFirst(call);
      return (
        call.outcome ?? {
          failure: { isError: false, isUnprefixed: true, message: "Returned promise will never resolve" },
        }
      );
    } finally {
      this.#calls.pop();
      if (isOutermost) this.inner.forgetWaiting();
    }
  }

  #answerFirst(call) {
    const { ticket, operation, argsText } = call.queue.shift();
    const succeeded = this.#attempt(() => call.asyncSyscall(operation, argsText)) === "done";
    if (call.fatal !== undefined) throw call.fatal;
    const { text, dataText } = this.#answer;
    this.#turn(() => this.inner.settle(ticket, succeeded, text, dataText));
  }

  /** An action's syscalls carry the id of their call as `requestId`, and are answered when they are. */
  #deferAction(operation, argsText) {
    const ticket = this.#nextTicket++;
    this.#answer = { ticket };
    const call = this.#actionCalls.get(String(JSON.parse(argsText).requestId));
    const answer =
      call === undefined
        ? Promise.reject(
            new DeveloperError("NotSupported", `${operation} is not supported by the local Convex.`),
          )
        : call.asyncSyscall(operation, argsText);
    answer.then(
      (text) => this.inner.settle(ticket, true, text),
      (error) =>
        this.inner.settle(
          ticket,
          false,
          error.message,
          error.data === undefined ? undefined : JSON.stringify(error.data),
        ),
    );
    return "waiting";
  }

  /**
   * Runs an action.
   * @param {{path: string, name: string, argsText: string, logLines: string[],
   *   asyncSyscall: (operation: string, argsText: string) => Promise<string>}} run
   * @returns {Promise<{text?: string, failure?: object}>}
   */
  async runAction(run) {
    const id = this.#nextCallId++;
    try {
      return await new Promise((resolve) => {
        this.#actionCalls.set(String(id), { ...run, id, onSettled: resolve });
        this.inner.start(id, run.path, run.name, "invokeAction", run.argsText);
      });
    } finally {
      this.#actionCalls.delete(String(id));
    }
  }
}
