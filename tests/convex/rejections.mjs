/**
 * Promises of user code that were rejected while nobody listened. The server fails the call then
 * (crates/isolate/src/environment/udf/mod.rs, `pending_unhandled_promise_rejections`). Node tells of them only after
 * the turn, by an event of the whole process, so each realm registers what it wants to know.
 */

/** @type {WeakMap<object, (reason: unknown) => void>} by the realm's `Promise.prototype` */
const realms = new WeakMap();

/**
 * @param {object} promisePrototype of a realm
 * @param {(reason: unknown) => void} onRejection
 */
export function registerRealm(promisePrototype, onRejection) {
  realms.set(promisePrototype, onRejection);
}

function findRealm(promise) {
  for (let prototype = promise; prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const onRejection = realms.get(prototype);
    if (onRejection !== undefined) return onRejection;
  }
  return undefined;
}

let watchers = 0;

function onUnhandledRejection(reason, promise) {
  const onRejection = findRealm(promise);
  if (onRejection !== undefined) onRejection(reason);
  // A fault of this process, as without this listener.
  else if (promise instanceof Promise) throw reason;
}

/** Listens until the function that it returns is called. */
export function watchRejections() {
  if (watchers++ === 0) process.on("unhandledRejection", onUnhandledRejection);
  return () => {
    if (--watchers === 0) process.off("unhandledRejection", onUnhandledRejection);
  };
}
