/**
 * Runs user functions in a realm of their own (node:vm).
 *
 * Queries and mutations run one after another. A turn of user code ends when all its promise reactions have run; most
 * database calls are answered inside it. Modules are evaluated anew in every call, and that is part of the call's time,
 * unless they ask to be kept, as in the server (crates/isolate/src/environment/udf/mod.rs).
 * Actions run in a second realm that shares the server's event loop.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import vm from "node:vm";
import { CallTime, takePreparation, UserTimeout } from "./call_time.mjs";
import { DeveloperError } from "./errors.mjs";
import { MAX_LOG_LINE_LENGTH, MAX_LOG_LINES } from "./limits.mjs";
import { CallMemory } from "./memory.mjs";
import { registerRealm } from "./rejections.mjs";

// The zone of user code (`ensure_utc`, crates/common/src/utils.rs); Node has one for the whole process.
process.env.TZ = "UTC";

const GLOBALS = new vm.Script(readFileSync(new URL("./sandbox_globals.js", import.meta.url), "utf8"), {
  filename: "convex/local/sandbox_globals.js",
});
/** Prefix of module paths in stack traces (`CONVEX_SCHEME`, crates/isolate/src/isolate.rs). */
export const MODULE_SCHEME = "convex:/";
const STEP = new vm.Script("__step()", { filename: "convex/local/step.js" });
/** An ordinary object as the realm's global: Node that knows no such thing (before 20.18) looks every global up twice. */
const PLAIN_GLOBAL = vm.constants?.DONT_CONTEXTIFY;
/** Calls that the server answers together when they come together (`AsyncSyscallBatch`). */
const READS = new Set(["1.0/get", "1.0/queryStreamNext"]);

/** What a syscall may answer: its text; or it throws. One that is deferred may take its time.
 * @typedef {(operation: string, argsText: string) => string | Promise<string>} Syscall */

/** How long user code may run in a call and while a module of a push is looked at; see `CallTime` for the others.
 * @typedef {{userTimeLimitMs: number, analyzeTimeLimitMs?: number, systemTimeLimitMs?: number, queryMs?: number}} TimeLimits */

/** @typedef {{succeeded: boolean, text: string, dataText?: string}} SyscallAnswer */

/**
 * One run of a function.
 * @typedef {{id: number, syscall: Syscall, asyncSyscall: Syscall, isDeferred: (operation: string) => boolean,
 *   now: number, logLines: string[], queue: {ticket: number, operation: string, argsText: string, answer?: SyscallAnswer}[],
 *   fatal?: Error, outcome?: {text?: string, failure?: object}}} Call
 */

export class Sandbox {
  /** @type {Call[]} */
  #calls = [];
  #actionCalls = new Map();
  #nextCallId = 0;
  #nextTicket = 0;
  #task = () => undefined;
  #answer = {};
  #rejection;
  #memory = new CallMemory();

  /**
   * @param {Map<string, import("./module_code.mjs").ModuleCode>} modules by path; each runs when it is first needed
   * @param {TimeLimits & {forActions?: boolean}} options
   */
  constructor(modules, { forActions = false, ...limits }) {
    this.modules = modules;
    this.forActions = forActions;
    this.limits = limits;
    this.time = new CallTime(limits);
    this.context = vm.createContext(PLAIN_GLOBAL ?? {}, {
      ...(forActions ? {} : { microtaskMode: "afterEvaluate" }),
      // `eval` and `new Function` throw an EvalError (crates/isolate/src/client.rs).
      codeGeneration: { strings: false, wasm: true },
    });
    this.inner = GLOBALS.runInContext(this.context)(this.#makeHost());
    Object.defineProperty(this.context, "__step", { value: () => this.#task(), enumerable: false });
    registerRealm(this.inner.promisePrototype, (reason) => (this.#rejection ??= { reason }));
  }

  /**
   * The functions of a module.
   * @param {string} path
   * @returns {{result?: {name: string, type: string, isPublic: boolean, args: string, returns: string}[], failure?: object}}
   */
  analyze(path) {
    return this.#evaluate(this.limits.analyzeTimeLimitMs ?? 0, () => this.inner.analyze(path));
  }

  /**
   * What the default export of a module exports in turn.
   * @param {string} path
   * @returns {{result?: {isMissing?: boolean, isInvalid?: boolean, exported?: unknown}, failure?: object}}
   */
  exportDefault(path) {
    return this.#evaluate(this.limits.userTimeLimitMs, () => this.inner.exportDefault(path));
  }

  /** Runs what is part of a push. @throws {UserTimeout} */
  #evaluate(timeLimitMs, task) {
    let text;
    this.time.beginCall(timeLimitMs);
    this.inner.restoreGlobals();
    this.#turn(() => (text = task()));
    return JSON.parse(text);
  }

  get #call() {
    return this.#calls[this.#calls.length - 1];
  }

  /** The functions that sandbox_globals.js calls. None may throw: its errors would be of the wrong realm. */
  #makeHost() {
    return {
      syscall: (operation, argsText) =>
        this.#attempt(() => this.#call.syscall(operation, argsText), { asksDatabase: false }) === "done",
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

  /** Does a database call that answers at once, and keeps its answer for the realm to take. */
  #attempt(action, { asksDatabase = true } = {}) {
    const startedAt = performance.now();
    if (asksDatabase) this.#memory.look();
    takePreparation();
    try {
      this.#answer = { succeeded: true, text: action() };
    } catch (error) {
      this.#answer = this.#failedAnswer(error);
    }
    const preparationMs = takePreparation();
    this.time.addSyscall(preparationMs, false);
    this.time.addSyscall(performance.now() - startedAt - preparationMs, asksDatabase);
    return this.#answer.succeeded ? "done" : "failed";
  }

  /** @returns {SyscallAnswer} */
  #failedAnswer(error) {
    if (!(error instanceof DeveloperError)) this.#call.fatal ??= error;
    const dataText = error.data === undefined ? undefined : JSON.stringify(error.data);
    return { succeeded: false, text: error.message, dataText };
  }

  /**
   * Answers at once where possible. Calls that run another function wait until this turn of user code has ended, and so
   * does what comes after them (first come, first served), or when much time has gone into the database. The answer to a
   * call that failed waits too: whether somebody listens to it is looked at when the turn that it begins has ended.
   */
  #asyncSyscall(operation, argsText) {
    const call = this.#call;
    call.fatal ??= this.time.whatRanOut();
    if (call.fatal !== undefined) {
      this.#answer = { text: call.fatal.message };
      return "failed";
    }
    let answer;
    if (call.queue.length === 0 && !this.time.isTurnLong && !call.isDeferred(operation)) {
      if (this.#attempt(() => call.asyncSyscall(operation, argsText)) === "done") return "done";
      answer = this.#answer;
    }
    const ticket = this.#nextTicket++;
    call.queue.push({ ticket, operation, argsText, answer });
    this.#answer = { ticket };
    return "waiting";
  }

  /** Runs a piece of user code and all promise reactions that follow from it. */
  #turn(task) {
    const timeout = this.time.beginTurn();
    this.#task = task;
    try {
      STEP.runInContext(this.context, timeout === undefined ? {} : { timeout });
    } catch (error) {
      if (error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw new UserTimeout(this.time.userTimeLimitMs);
      throw error;
    }
    this.time.endTurn();
    const fatal = this.time.whatRanOutAfterTurn() ?? this.#call?.fatal;
    if (fatal !== undefined) throw fatal;
  }

  /**
   * Runs a query or mutation to its end; nothing else may run in this realm meanwhile.
   * @param {{path: string, name: string, invoke: string, argsText: string, now: number, logLines: string[],
   *   syscall: Syscall, asyncSyscall: Syscall, isDeferred: (operation: string) => boolean}} run
   * @returns {Promise<{text?: string, failure?: object}>} the result's JSON text, or what was thrown
   * @throws {UserTimeout} and the server's own errors
   */
  async runToEnd(run) {
    const call = { ...run, id: this.#nextCallId++, queue: [] };
    const isOutermost = this.#calls.length === 0;
    if (isOutermost) {
      this.time.beginCall(this.limits.userTimeLimitMs);
      this.inner.restoreGlobals();
      this.#memory.begin();
    }
    this.#calls.push(call);
    this.inner.beginCall(call.id, run.path);
    let hasSucceeded = false;
    try {
      this.#turn(() => this.inner.start(call.id, run.path, run.name, run.invoke, run.argsText));
      await this.#noticeRejections(call);
      while (call.queue.length > 0 && call.outcome?.failure === undefined) await this.#answerFirst(call);
      const outOfMemory = isOutermost ? this.#memory.whatRanOut() : undefined;
      if (outOfMemory !== undefined) throw outOfMemory;
      hasSucceeded = call.outcome?.text !== undefined;
      return (
        call.outcome ?? {
          failure: { isError: false, isUnprefixed: true, message: "Returned promise will never resolve" },
        }
      );
    } finally {
      this.#calls.pop();
      this.inner.endCall(call.id, hasSucceeded);
      if (isOutermost) this.inner.forgetWaiting();
    }
  }

  /** A promise that was rejected while nobody listened ends the call, whatever it returns. */
  async #noticeRejections(call) {
    this.#rejection = undefined;
    // Node tells of them when it has done with the turn.
    await new Promise(setImmediate);
    if (this.#rejection === undefined || call.outcome?.failure !== undefined) return;
    call.outcome = { failure: JSON.parse(this.inner.describe(this.#rejection.reason)) };
  }

  /** Answers what has waited longest, and the reads that came with it. */
  async #answerFirst(call) {
    const batch = [call.queue.shift()];
    while (READS.has(batch[0].operation) && READS.has(call.queue[0]?.operation))
      batch.push(call.queue.shift());
    const answers = [];
    for (const waiting of batch) {
      const { succeeded, text, dataText } = waiting.answer ?? (await this.#attemptLater(call, waiting));
      call.fatal ??= this.time.whatRanOutAfterTurn();
      if (call.fatal !== undefined) throw call.fatal;
      answers.push([waiting.ticket, succeeded, text, dataText]);
    }
    this.#turn(() => answers.forEach((answer) => this.inner.settle(...answer)));
    await this.#noticeRejections(call);
  }

  /** @returns {Promise<SyscallAnswer>} */
  async #attemptLater(call, { operation, argsText }) {
    try {
      if (!call.isDeferred(operation)) {
        this.#attempt(() => call.asyncSyscall(operation, argsText));
        return this.#answer;
      }
      return { succeeded: true, text: await call.asyncSyscall(operation, argsText) };
    } catch (error) {
      return this.#failedAnswer(error);
    }
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
        this.inner.beginCall(id, run.path);
        this.inner.start(id, run.path, run.name, "invokeAction", run.argsText);
      });
    } finally {
      this.#actionCalls.delete(String(id));
      this.inner.endCall(id, false);
    }
  }
}
