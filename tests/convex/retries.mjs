/**
 * A mutation that was refused is tried again inside the server before the client hears of it (`_retry_mutation`,
 * crates/application/src/application_function_runner/mod.rs): after a conflict, and while too much is written.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HttpError } from "./errors.mjs";
import { CONFLICT_MAX_BACKOFF_MS, CONFLICT_MAX_RETRIES, CONFLICT_MIN_BACKOFF_MS } from "./limits.mjs";

const RETRIED = new Set(["TooManyWrites", "OptimisticConcurrencyControlFailure"]);

/**
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {{onRetry?: (code: string) => void, wait?: (ms: number) => Promise<unknown>, random?: () => number}} [options]
 * @returns {Promise<T>}
 * @throws {HttpError} of the last attempt
 */
export async function retryRefused(attempt, { onRetry, wait = sleep, random = Math.random } = {}) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isRetried = error instanceof HttpError && RETRIED.has(error.code);
      if (!isRetried || failures === CONFLICT_MAX_RETRIES) throw error;
      onRetry?.(error.code);
      await wait(Math.min(CONFLICT_MIN_BACKOFF_MS * 2 ** failures, CONFLICT_MAX_BACKOFF_MS) * random());
    }
  }
}
