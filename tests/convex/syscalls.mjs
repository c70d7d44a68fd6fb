/**
 * The database as functions see it: the syscalls behind `ctx.db`
 * (crates/isolate/src/environment/udf/{syscall,async_syscall}.rs). One object
 * serves one run of a query or mutation.
 */
import { DeveloperError, MalformedJsonError } from "./errors.mjs";
import { decodeId, describeBadId } from "./ids.mjs";
import { checkIdentifier, parseFunctionPath } from "./names.mjs";
import { Query, readPage } from "./query.mjs";
import { canonicalize, isObject } from "./values.mjs";
import { isUndefinedToken } from "./expression.mjs";

const V5_ID = /^[A-Za-z0-9_-]{22}$/;

function argumentError(method, error, argument) {
  if (error instanceof MalformedJsonError) {
    return new DeveloperError("SyscallArgsInvalidJson", `Received invalid json: ${error.message}`);
  }
  const message =
    argument === undefined
      ? `Invalid arguments for \`${method}\`: ${error.message}`
      : `Invalid argument \`${argument}\` for \`${method}\`: ${error.message}`;
  return new DeveloperError("InvalidArgument", message);
}

/** Runs a check of an argument; what it throws names method and argument (`with_argument_error`). */
function argument(method, name, check) {
  try {
    return check();
  } catch (error) {
    throw argumentError(method, error, name);
  }
}

function checkHasNoCommitTimestamp(argsText) {
  if (argsText.includes('"$commitTs"')) {
    throw new DeveloperError("NotSupported", "db.vars.commitTs is not supported by the local Convex.");
  }
}

export class DatabaseSyscalls {
  #queries = new Map();
  #nextQueryId = 0;
  #hasPaginated = false;

  /**
   * @param {{transaction: import("./transaction.mjs").Transaction, isMutation: boolean,
   *   functionName: string, instance: string, requestId: string, isSystem: boolean,
   *   runNested: (type: string, path: ReturnType<typeof parseFunctionPath>, args: unknown) => Promise<string>,
   *   systemOperations: (operation: string, args: any) => unknown}} run
   */
  constructor(run) {
    this.run = run;
    this.transaction = run.transaction;
    this.database = run.transaction.database;
  }

  /** @param {string} operation @param {string} argsText @returns {string} */
  syscall(operation, argsText) {
    const args = JSON.parse(argsText);
    switch (operation) {
      case "1.0/queryStream":
        return this.#startQuery(args);
      case "1.0/queryCleanup":
        return String(this.#queries.delete(args.queryId));
      case "1.0/db/normalizeId":
        return this.#normalizeId(args);
      default:
    }
    if (operation.startsWith("local/") && this.run.isSystem) {
      return JSON.stringify(this.run.systemOperations(operation, args));
    }
    throw new DeveloperError("UnknownOperation", `Unknown operation ${operation}`);
  }

  /** @param {string} operation @param {string} argsText @returns {string | Promise<string>} */
  asyncSyscall(operation, argsText) {
    checkHasNoCommitTimestamp(argsText);
    switch (operation) {
      case "1.0/get":
        return this.#get(JSON.parse(argsText));
      case "1.0/queryStreamNext":
        return this.#nextOfQuery(JSON.parse(argsText));
      case "1.0/queryPage":
        return this.#page(JSON.parse(argsText));
      case "1.0/count":
        return String(this.database.table(JSON.parse(argsText).table)?.size ?? 0);
      case "1.0/insert":
      case "1.0/shallowMerge":
      case "1.0/replace":
      case "1.0/remove":
        return this.#write(operation, argsText);
      case "1.0/runUdf":
        return this.#runFunction(JSON.parse(argsText));
      case "1.0/getUserIdentity":
        return "null";
      default:
        return this.#metadata(operation);
    }
  }

  #metadata(operation) {
    switch (operation) {
      case "1.0/getTransactionMetrics":
        return JSON.stringify(this.transaction.metrics());
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: this.run.functionName, componentPath: "" });
      case "1.0/getDeploymentMetadata":
        return JSON.stringify({ name: this.run.instance, region: null, class: "s16" });
      default:
        throw new DeveloperError("NotSupported", `${operation} is not supported by the local Convex.`);
    }
  }

  #normalizeId({ table: tableName, idString }) {
    argument("db.normalizeId", "table", () => checkIdentifier(tableName));
    const table = this.database.table(tableName);
    if (table === undefined) return '{"id":null}';
    const decoded = decodeId(idString);
    if (decoded?.tableNumber === table.number) return JSON.stringify({ id: idString });
    // Ids of older versions name no table and are taken for any.
    return JSON.stringify({
      id: V5_ID.test(idString) ? table.idFor(Buffer.from(idString, "base64url")) : null,
    });
  }

  #startQuery({ query }) {
    const queryId = this.#nextQueryId++;
    this.#queries.set(
      queryId,
      this.#compile("queryStream", () => new Query(this.database, query)),
    );
    return `{"queryId":${queryId}}`;
  }

  /** Errors that the server found while reading the JSON are about the argument `query`. */
  #compile(method, compile) {
    try {
      return compile();
    } catch (error) {
      throw error instanceof DeveloperError ? error : argumentError(method, error, "query");
    }
  }

  #nextOfQuery({ queryId }) {
    const query = this.#queries.get(queryId);
    if (query === undefined) throw new DeveloperError("QueryNotFound", "in-progress query not found");
    const document = query.next(this.transaction);
    if (document !== undefined) return `{"value":${document.json},"done":false}`;
    this.#queries.delete(queryId);
    return '{"value":null,"done":true}';
  }

  #page(args) {
    const { page, ...rest } = this.#compile("queryPage", () => readPage(this.transaction, args));
    if (this.#hasPaginated) {
      throw new DeveloperError(
        "MultiplePaginatedDatabaseQueries",
        "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated query in each function.",
      );
    }
    this.#hasPaginated = true;
    const documents = page.map((document) => document.json).join(",");
    return `{"page":[${documents}],${JSON.stringify(rest).slice(1)}`;
  }

  #get({ id, table: tableName, isSystem }) {
    const method = isSystem ? "db.system.get" : "db.get";
    const table = this.#tableOfId(method, id);
    if (table === undefined) return "null";
    argument(method, "id", () => checkTableName(tableName, table));
    return this.transaction.get(table, id)?.json ?? "null";
  }

  #tableOfId(method, id) {
    return argument(method, "id", () => {
      const decoded = typeof id === "string" ? decodeId(id) : null;
      if (decoded === null) throw new Error(typeof id === "string" ? describeBadId(id) : "expected a string");
      return this.database.tableByNumber(decoded.tableNumber);
    });
  }

  #write(operation, argsText) {
    if (!this.run.isMutation) {
      throw new DeveloperError("UnknownOperation", `Unknown async operation ${operation}`);
    }
    const args = JSON.parse(argsText);
    switch (operation) {
      case "1.0/insert":
        return this.#insert(args);
      case "1.0/shallowMerge":
        return this.#update("db.patch", args, (table, id) => this.#patch(table, id, args.value));
      case "1.0/replace":
        return this.#update("db.replace", args, (table, id) => {
          this.transaction.replace(table, id, readBody("db.replace", args.value));
        });
      default:
        return this.#update("db.delete", args, (table, id) => this.transaction.delete(table, id));
    }
  }

  #insert({ table: tableName, value }) {
    const body = readBody("db.insert", value);
    argument("db.insert", "table", () => checkIdentifier(tableName));
    if (tableName.startsWith("_")) {
      throw new DeveloperError("SystemTableError", "System tables can only be accessed with db.system.");
    }
    return `{"_id":"${this.transaction.insert(tableName, body)}"}`;
  }

  #update(method, { id, table: tableName }, change) {
    const table = this.#tableOfId(method, id);
    argument(method, "id", () => {
      if (table === undefined) throw new Error(`Table for ID "${id}" not found`);
      checkTableName(tableName, table);
    });
    change(table, id);
    return "null";
  }

  /** A shallow merge; `{"$undefined": null}` takes a field away (crates/database/src/patch.rs). */
  #patch(table, id, patch) {
    const removed = [];
    const set = argument("db.patch", "value", () => {
      if (!isPlainObject(patch)) throw new Error("Value must be an Object");
      const fields = {};
      for (const [field, value] of Object.entries(patch)) {
        if (isUndefinedToken(value)) removed.push(field);
        else fields[field] = value;
      }
      return canonicalize(fields).value;
    });
    this.transaction.patch(table, id, (old) => {
      if (changesNothing(old, set, removed)) return undefined;
      const merged = { ...old, ...set };
      for (const field of removed) delete merged[field];
      return canonicalize(merged);
    });
  }

  #runFunction({ udfType, name, args, transactionLimits, reference, functionHandle }) {
    if (name === undefined || reference !== undefined || functionHandle !== undefined) {
      throw new DeveloperError(
        "NotSupported",
        "Components and function handles are not supported by the local Convex.",
      );
    }
    if (transactionLimits !== undefined || udfType === "snapshotQuery") {
      throw new DeveloperError(
        "NotSupported",
        "Options of runQuery and runMutation are not supported by the local Convex.",
      );
    }
    if (udfType === "mutation" && !this.run.isMutation) {
      throw new DeveloperError(
        "InvalidFunctionCall",
        "Cannot call a Mutation function from a Query function",
      );
    }
    const value = argument("runUdf", "args", () => canonicalize(args).value);
    const path = argument("runUdf", "name", () => parseFunctionPath(name));
    return this.run.runNested(udfType, path, value);
  }
}

/** Whether a patch leaves a document as it is (`patch_inner`, crates/database/src/transaction.rs); all is canonical. */
function changesNothing(old, set, removed) {
  return (
    removed.every((field) => !Object.hasOwn(old, field)) &&
    Object.keys(set).every((field) => Object.hasOwn(old, field) && isSame(old[field], set[field]))
  );
}

function isSame(a, b) {
  return (
    a === b || (typeof a === "object" && typeof b === "object" && JSON.stringify(a) === JSON.stringify(b))
  );
}

function isPlainObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readBody(method, json) {
  return argument(method, "value", () => {
    const body = canonicalize(json);
    if (!isObject(body.value)) throw new Error("Value must be an Object");
    return body;
  });
}

function checkTableName(requested, table) {
  if (requested !== undefined && requested !== table.name) {
    throw new Error(`expected to be an Id<"${requested}">, got Id<"${table.name}"> instead.`);
  }
}
