/**
 * The time that one call uses (crates/isolate/src/timeout.rs): user time is all clock time but that of database calls,
 * evaluating the modules included; system time is that of database calls. Each has its limit.
 *
 * The server stops a call by the clock. Here other processes share the machine, so past the limit only the part of the
 * clock time counts in which this process really worked: a busy machine fails no test, and only user code that is too
 * slow by itself does.
 */
import { FunctionError } from "./errors.mjs";

/** Database time after which a turn of user code ends, so that the watchdog's time means user time. */
const TURN_SYSCALL_MS = 100;
/** The watchdog knows only the clock: it stops endless loops, but not a call that waits for a busy processor. */
const WATCHDOG_LIMITS = 5;
const WATCHDOG_SLACK_MS = 250;

/** User code used up its time; ends the whole call. */
export class UserTimeout extends FunctionError {
  /** @param {number} limitMs */
  constructor(limitMs) {
    super(`Function execution timed out (maximum duration: ${limitMs / 1000}s)`);
  }
}

/** The database used up its time; ends the whole call. */
export class SystemTimeout extends FunctionError {
  constructor() {
    super("Your request timed out performing too many system operations.");
  }
}

/** How old the last look at the processor may be when a turn begins: looking is slow. */
const SAMPLE_AGE_MS = 200;
let sample = { at: -Infinity, processorMs: 0 };

function takeSample() {
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), processorMs: (user + system) / 1000 };
}

/** The part of the time since the last sample in which this process worked. */
function processorShare() {
  const now = takeSample();
  return Math.min((now.processorMs - sample.processorMs) / (now.at - sample.at), 1);
}

let preparationMs = 0;

/** Runs what only the local Convex has to do in the middle of a database call: it is no time of the call's. */
export function prepare(task) {
  const startedAt = performance.now();
  task();
  preparationMs += performance.now() - startedAt;
}

/** Milliseconds of that since the last time. */
export function takePreparation() {
  const ms = preparationMs;
  preparationMs = 0;
  return ms;
}

export class CallTime {
  #userMs = 0;
  #systemMs = 0;
  #turnStartedAt = 0;
  #turnSystemMs = 0;

  /**
   * @param {{systemTimeLimitMs?: number, queryMs?: number}} limits a limit of 0 is none; `queryMs`: what a database
   *   call takes at least, without being waited for
   */
  constructor({ systemTimeLimitMs = 0, queryMs = 0 }) {
    this.userTimeLimitMs = 0;
    this.systemTimeLimitMs = systemTimeLimitMs;
    this.queryMs = queryMs;
  }

  /** @param {number} userTimeLimitMs 0 is none */
  beginCall(userTimeLimitMs) {
    this.userTimeLimitMs = userTimeLimitMs;
    this.#userMs = 0;
    this.#systemMs = 0;
  }

  /** Begins a turn of user code. @returns {number | undefined} milliseconds after which a watchdog must end it */
  beginTurn() {
    this.#turnSystemMs = 0;
    this.#turnStartedAt = performance.now();
    if (this.#turnStartedAt - sample.at > SAMPLE_AGE_MS) sample = takeSample();
    if (this.userTimeLimitMs === 0) return undefined;
    const remaining = Math.max(this.userTimeLimitMs - this.#userMs, 0);
    return Math.ceil(
      remaining + WATCHDOG_LIMITS * this.userTimeLimitMs + TURN_SYSCALL_MS + WATCHDOG_SLACK_MS,
    );
  }

  endTurn() {
    this.#userMs += this.#turnUserMs();
  }

  #turnUserMs() {
    const clockMs = performance.now() - this.#turnStartedAt - this.#turnSystemMs;
    return this.#userMs + clockMs <= this.userTimeLimitMs ? clockMs : clockMs * processorShare();
  }

  /**
   * Adds the time of a call of the server.
   * @param {number} ms
   * @param {boolean} asksDatabase whether it is one that the server waits for
   */
  addSyscall(ms, asksDatabase) {
    this.#turnSystemMs += ms;
    if (asksDatabase) this.#systemMs += ms + this.queryMs;
  }

  /** Whether user code should wait for its next database call outside this turn. */
  get isTurnLong() {
    return this.#turnSystemMs >= TURN_SYSCALL_MS;
  }

  /** What has run out while a turn runs, as the error that ends the call. */
  whatRanOut() {
    return this.#check(this.#userMs + this.#turnUserMs());
  }

  /** What has run out between turns. */
  whatRanOutAfterTurn() {
    return this.#check(this.#userMs);
  }

  #check(userMs) {
    if (this.userTimeLimitMs !== 0 && userMs > this.userTimeLimitMs)
      return new UserTimeout(this.userTimeLimitMs);
    if (this.systemTimeLimitMs !== 0 && this.#systemMs >= this.systemTimeLimitMs) return new SystemTimeout();
    return undefined;
  }
}
