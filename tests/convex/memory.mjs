/**
 * The memory of user code (crates/isolate/src/termination.rs, array_buffer_allocator.rs): 64 MiB of objects, and 64 MiB
 * of array buffers. The server gives each call a heap of its own; here all share that of the process, so a call's part
 * is found by difference: what lives while it runs, less what still lives when it has ended. That takes two collections
 * of garbage, so only calls are looked at under which the heap grows by that much.
 */
import v8 from "node:v8";
import vm from "node:vm";
import { FunctionError } from "./errors.mjs";
import { MAX_HEAP_SIZE } from "./limits.mjs";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc");

/** Looking is slow enough not to be done at every call of the database. */
const CALLS_BETWEEN_LOOKS = 32;
/** Growth in a call that is worth a look, and worth another. The heap also grows by garbage of many small calls. */
const STEP = MAX_HEAP_SIZE / 4;

/** User code needed too much memory; ends the whole call. */
export class OutOfMemory extends FunctionError {}

function measure() {
  const { used_heap_size: heap, external_memory: buffers } = v8.getHeapStatistics();
  return { heap, buffers };
}

function growth(from, to) {
  return Math.max(to.heap - from.heap, to.buffers - from.buffers);
}

export class CallMemory {
  #calls = 0;
  /** About what lives between calls: the least that was seen since garbage was last collected. */
  #floor = { heap: Infinity, buffers: Infinity };
  /** When the call began, or at the last look. */
  #before = { heap: 0, buffers: 0 };
  #peak = { heap: 0, buffers: 0 };

  begin() {
    this.#calls = 0;
    const now = measure();
    this.#floor.heap = Math.min(this.#floor.heap, now.heap);
    this.#floor.buffers = Math.min(this.#floor.buffers, now.buffers);
    this.#before = now;
    this.#peak = { heap: 0, buffers: 0 };
  }

  /** To be called while user code waits for the database. */
  look() {
    this.#calls += 1;
    if (this.#calls % CALLS_BETWEEN_LOOKS !== 1) return;
    const now = measure();
    if (growth(this.#before, now) < STEP || growth(this.#floor, now) < MAX_HEAP_SIZE) return;
    collectGarbage();
    const alive = measure();
    this.#before = alive;
    this.#peak.heap = Math.max(this.#peak.heap, alive.heap);
    this.#peak.buffers = Math.max(this.#peak.buffers, alive.buffers);
  }

  /** To be called when user code has ended. @returns {OutOfMemory | undefined} what it is to fail with */
  whatRanOut() {
    if (this.#peak.heap === 0) return undefined;
    collectGarbage();
    let left = measure();
    if (this.#peak.buffers - left.buffers < MAX_HEAP_SIZE && this.#peak.buffers > MAX_HEAP_SIZE) {
      // Buffers are freed in the background; the next collection waits for that.
      collectGarbage();
      left = measure();
    }
    this.#floor = left;
    if (this.#peak.buffers - left.buffers > MAX_HEAP_SIZE)
      return new OutOfMemory("Uncaught RangeError: Array buffer allocation failed");
    if (this.#peak.heap - left.heap > MAX_HEAP_SIZE)
      return new OutOfMemory("JavaScript execution ran out of memory (maximum memory usage: 64 MB)");
    return undefined;
  }
}
