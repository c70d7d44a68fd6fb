/**
 * What user functions see as their global object. Not a module: sandbox.mjs runs
 * this text inside the functions' own realm and calls the result with `host`, its
 * door to the outside. Everything handed to user code is made here, because
 * `instanceof` fails for objects of another realm; the host gives and takes only
 * strings, numbers and booleans (and functions that never throw).
 */
(function installGlobals(host) {
  "use strict";
  const waiting = new Map();

  function makeError(message, dataText) {
    const error = new Error(message);
    if (dataText !== undefined) error.data = JSON.parse(dataText);
    return error;
  }

  globalThis.Convex = {
    syscall(operation, argsText) {
      if (host.syscall(operation, argsText)) return host.takeText();
      throw makeError(host.takeText());
    },
    asyncSyscall(operation, argsText) {
      const outcome = host.asyncSyscall(operation, argsText);
      if (outcome === "done") return Promise.resolve(host.takeText());
      if (outcome === "failed") return Promise.reject(makeError(host.takeText(), host.takeData()));
      const ticket = host.takeTicket();
      return new Promise((resolve, reject) => waiting.set(ticket, { resolve, reject }));
    },
    jsSyscall(operation) {
      throw new Error(`${operation} is not supported by the local Convex.`);
    },
  };

  // Time stands still and is the same for the whole function, as in the server.
  const RealDate = Date;
  const frozenDate = function (...args) {
    if (new.target === undefined) return new RealDate(host.now()).toString();
    return Reflect.construct(RealDate, args.length === 0 ? [host.now()] : args, new.target);
  };
  frozenDate.prototype = RealDate.prototype;
  Object.defineProperty(RealDate.prototype, "constructor", { value: frozenDate });
  Object.assign(frozenDate, { now: () => host.now(), parse: RealDate.parse, UTC: RealDate.UTC });
  globalThis.Date = frozenDate;

  const console = {};
  for (const level of ["debug", "error", "info", "log", "warn"]) {
    console[level] = (...args) => host.log(level.toUpperCase(), args);
  }
  for (const silent of ["trace", "time", "timeLog", "timeEnd"]) console[silent] = () => undefined;
  globalThis.console = console;
  globalThis.process = { env: {} };
  globalThis.queueMicrotask = (callback) => void Promise.resolve().then(callback);

  globalThis.TextEncoder = class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return Uint8Array.from(host.encodeUtf8(String(text)));
    }
  };
  globalThis.TextDecoder = class TextDecoder {
    get encoding() {
      return "utf-8";
    }
    decode(bytes = new Uint8Array()) {
      return host.decodeUtf8(bytes);
    }
  };
  globalThis.atob = (text) => host.atob(String(text));
  globalThis.btoa = (text) => host.btoa(String(text));
  globalThis.crypto = {
    randomUUID: () => host.randomUUID(),
    getRandomValues(array) {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      bytes.set(host.randomBytes(bytes.length));
      return array;
    },
  };

  const onlyInActions = (name) => () => {
    throw new Error(
      `Can't use ${name} in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.`,
    );
  };
  for (const name of ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "fetch"]) {
    globalThis[name] = host.inActions[name] ?? onlyInActions(`${name}()`);
  }

  /** What the host needs to know of a thrown value; the getters of a hostile error may throw in turn. */
  function describe(thrown) {
    if (!(thrown instanceof Error)) return { isError: false, message: String(thrown) };
    const isConvexError = thrown.ConvexErrorSymbol !== undefined && thrown[thrown.ConvexErrorSymbol] === true;
    return {
      isError: true,
      isUnprefixed: notFound.has(thrown),
      name: thrown.name === undefined ? "Error" : String(thrown.name),
      message: thrown.message === undefined ? "" : String(thrown.message),
      stack: String(thrown.stack ?? ""),
      dataText: isConvexError ? String(thrown.data) : undefined,
    };
  }

  function describeAsText(thrown) {
    try {
      return JSON.stringify(describe(thrown));
    } catch {
      return JSON.stringify({ isError: false, message: "an error that cannot be printed" });
    }
  }

  /** Modules as functions: they are compiled once, but called anew for every call of a user's function. */
  const factories = new Map();
  /** Errors of modules that do not exist: what the server throws itself has no "Uncaught Error: ". */
  const notFound = new WeakSet();
  let globalNames;

  /** The path of a module that another imports: "./_deps/x.js" from "dir/y.js" is "dir/_deps/x.js". */
  function resolve(importer, specifier) {
    if (!specifier.startsWith(".")) return specifier;
    const parts = importer.split("/").slice(0, -1);
    for (const part of specifier.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== ".") parts.push(part);
    }
    return parts.join("/");
  }

  /**
   * What calls have loaded that ended well, by the path of the module with the function: one that asks for it is kept
   * with all that it imports, for the next call of its functions (crates/isolate/src/context_cache.rs).
   */
  const keptModules = new Map();
  /** What calls have loaded that have not ended. */
  const loadedByCall = new Map();

  function factoryOf(path) {
    const known = factories.get(path);
    if (known !== undefined) return known;
    // Globals are passed by name, as looking them up in a vm context is slow.
    globalNames ??= Object.getOwnPropertyNames(globalThis).filter(
      (name) => /^[A-Za-z_$][\w$]*$/.test(name) && !["undefined", "NaN", "Infinity", "eval"].includes(name),
    );
    const factory = host.compile(path, ["module", "exports", "require", ...globalNames].join(", "));
    if (factory === undefined) {
      const error = new Error(host.takeText());
      notFound.add(error);
      throw error;
    }
    factories.set(path, factory);
    return factory;
  }

  /**
   * The exports of a module.
   * @param {Map<string, {exports: object}>} [loaded] what this call has loaded: a module runs when it is first asked for
   */
  function load(path, loaded = new Map()) {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const factory = factoryOf(path);
    const module = { exports: {} };
    loaded.set(path, module);
    const require = (specifier) => load(resolve(path, specifier), loaded);
    try {
      factory(module, module.exports, require, ...globalNames.map((name) => globalThis[name]));
    } catch (error) {
      loaded.delete(path);
      throw error;
    }
    return module.exports;
  }

  /** Lists the functions that a module exports (`udf_analyze`, crates/isolate/src/environment/analyze.rs). */
  function listFunctions(path) {
    const functions = [];
    for (const [name, value] of Object.entries(load(path))) {
      const types = ["Query", "Mutation", "Action"].filter((kind) => value?.[`is${kind}`] === true);
      if (types.length !== 1) continue;
      functions.push({
        name,
        type: types[0],
        isPublic: value.isPublic === true,
        args: value.exportArgs(),
        returns: value.exportReturns(),
      });
    }
    return functions;
  }

  /** The result of an action as JSON, or what it threw. */
  function attempt(action) {
    try {
      return JSON.stringify({ result: action() });
    } catch (error) {
      return JSON.stringify({ failure: describe(error) });
    }
  }

  const ownGlobals = new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)));

  return {
    promisePrototype: Promise.prototype,
    describe: describeAsText,
    /** What a call did to the global object is gone with it: the server gives each a new one. */
    restoreGlobals() {
      for (const name of Reflect.ownKeys(globalThis)) {
        const own = ownGlobals.get(name);
        if (own === undefined) Reflect.deleteProperty(globalThis, name);
        else if (own.writable && globalThis[name] !== own.value) globalThis[name] = own.value;
      }
    },
    analyze: (path) => attempt(() => listFunctions(path)),
    /** What `export()` of a module's default export gives: a schema's text or an app's definition. */
    exportDefault: (path) =>
      attempt(() => {
        const value = load(path).default;
        if (value === undefined || value === null) return { isMissing: true };
        try {
          return { exported: value.export() };
        } catch {
          return { isInvalid: true };
        }
      }),
    /** To be called before `start`. */
    beginCall(call, path) {
      loadedByCall.set(call, { path, loaded: keptModules.get(path) ?? new Map() });
      // A call inside this one has modules of its own.
      keptModules.delete(path);
    },
    start(call, path, name, invoke, argsText) {
      const args = invoke === "invokeAction" ? [String(call), argsText] : [argsText];
      const fail = (thrown) => host.fail(call, describeAsText(thrown));
      let exported;
      try {
        exported = load(path, loadedByCall.get(call).loaded);
      } catch (error) {
        fail(error);
        return;
      }
      exported[name][invoke](...args).then((text) => host.succeed(call, text), fail);
    },
    settle(ticket, succeeded, text, dataText) {
      const { resolve, reject } = waiting.get(ticket);
      waiting.delete(ticket);
      if (succeeded) resolve(text);
      else reject(makeError(text, dataText));
    },
    /** To be called when a call has ended, whatever became of it. */
    endCall(call, hasSucceeded) {
      const { path, loaded } = loadedByCall.get(call);
      loadedByCall.delete(call);
      if (!hasSucceeded) return;
      if (loaded.get(path).exports.experimental_reuseContext === true) keptModules.set(path, loaded);
    },
    forgetWaiting() {
      waiting.clear();
    },
  };
});
