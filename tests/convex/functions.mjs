/**
 * The functions of a deployment: running one as a client asks, with all checks
 * before and after (crates/udf/src/validation.rs,
 * crates/model/src/modules/function_validators.rs).
 */
import { SystemTimeout, UserTimeout } from "./call_time.mjs";
import { displayValue } from "./display.mjs";
import { DeveloperError, FunctionError, MalformedJsonError, formatBinarySize } from "./errors.mjs";
import { MAX_ARGUMENTS_SIZE, MAX_CALL_DEPTH, MAX_RESULT_SIZE } from "./limits.mjs";
import { parseFunctionPath } from "./names.mjs";
import { retryRefused } from "./retries.mjs";
import { requireRunInternal, requireSystemOperation } from "./rights.mjs";
import { toFunctionError } from "./stack.mjs";
import { DatabaseSyscalls } from "./syscalls.mjs";
import { systemOperation } from "./system_operations.mjs";
import { systemTableName } from "./system_tables.mjs";
import { Transaction } from "./transaction.mjs";
import { checkValue } from "./validators.mjs";
import { canonicalize, isObject } from "./values.mjs";

export class Functions {
  /** @type {import("./app.mjs").App} */
  #app;

  /**
   * @param {import("./database.mjs").Database} database
   * @param {{instance: string, plan: import("./plan.mjs").Plan,
   *   state: import("./deployment_state.mjs").DeploymentState, imports: import("./import/imports.mjs").Imports,
   *   exports: import("./export/exports.mjs").Exports,
   *   onCommit: (kinds: string[]) => void}} options
   */
  constructor(database, options) {
    this.database = database;
    this.options = options;
  }

  /** Runs this code from now on. @param {import("./app.mjs").App} app */
  host(app) {
    this.#app = app;
  }

  /** `_system/cli/modules:apiSpec`. */
  apiSpec() {
    return this.#app.userDefinitions.map((one) => ({
      identifier: `${one.path}:${one.name}`,
      functionType: one.type,
      visibility: { kind: one.isPublic ? "public" : "internal" },
      args: JSON.parse(one.argsJson),
      returns: one.returnsJson === "null" ? { type: "any" } : JSON.parse(one.returnsJson),
    }));
  }

  /** @param {{canonical: string}} path @returns {import("./app.mjs").FunctionDefinition | undefined} */
  find(path) {
    return this.#app.definitions.get(path.canonical);
  }

  /**
   * Runs a function for a client.
   * @param {"Query" | "Mutation" | "Action"} type what the client takes it for
   * @param {ReturnType<typeof parseFunctionPath>} path
   * @param {{args: unknown[], argsText: string}} sent positional arguments, parsed and as the text that the function gets
   * @param {import("./auth.mjs").Identity & {requestId: string}} caller
   * @returns {Promise<{value?: unknown, error?: FunctionError, logLines: string[]}>} canonical value, or what went wrong
   * @throws {HttpError} when the deployment does not let it run, or commit
   */
  async run(type, path, sent, caller) {
    const { plan } = this.options;
    const call = { path, argsText: sent.argsText, caller, logLines: [] };
    try {
      const value =
        type === "Mutation"
          ? await retryRefused(() => this.#attempt(type, call, sent.args), plan)
          : await this.#attempt(type, call, sent.args);
      return { value, logLines: call.logLines };
    } catch (error) {
      if (error instanceof FunctionError) return { error, logLines: call.logLines };
      if (error instanceof DeveloperError)
        return { error: new FunctionError(error.message, error), logLines: [] };
      throw error;
    }
  }

  /** One run from the beginning, with all checks in the server's order. */
  async #attempt(type, call, args) {
    call.logLines.length = 0;
    const { plan } = this.options;
    return await plan.watchConflicts(async (check) => {
      const startedAt = this.database.beginTime();
      if (type === "Mutation") plan.checkWriteRate();
      const definition = this.#validate(type, call, args);
      if (type === "Action") return await this.#runAction({ ...call, definition });
      const run = () => this.#runTransaction({ ...call, definition }, startedAt, check);
      return await plan.admit(type, () => this.database.alone.run(run));
    });
  }

  /** `ValidatedPathAndArgs::new_with_returns_validator` */
  #validate(type, { path, caller }, args) {
    const { whyStopped } = this.options.state;
    if (whyStopped !== undefined && !path.isSystem) throw new FunctionError(whyStopped);
    const definition = this.#resolve(path, type, (one) => {
      if (path.isSystem) return caller.isAdmin;
      if (!one.isPublic && caller.isAdmin) requireRunInternal(caller, type);
      return one.isPublic || caller.isAdmin;
    });
    if (path.isSystem) requireSystemOperation(caller, definition);
    this.#checkArguments(definition, path, args);
    return definition;
  }

  /** Finds a function; a function that the caller must not see is reported as missing. */
  #resolve(path, type, isVisible) {
    const definition = this.find(path);
    if (definition === undefined || !isVisible(definition)) {
      throw new FunctionError(`Could not find public function for '${path.stripped}'.`);
    }
    if (definition.type !== type) {
      throw new FunctionError(
        `Trying to execute ${path.canonical} as ${type}, but it is defined as ${definition.type}.`,
      );
    }
    return definition;
  }

  /** Throws what is wrong with the arguments. */
  #checkArguments(definition, path, args) {
    let checked;
    try {
      checked = canonicalize(args);
    } catch (error) {
      // Read as text until here, so the parser complains only now (crates/value/src/serialized_args_ext.rs).
      if (error instanceof MalformedJsonError) throw new FunctionError("Invalid arguments provided");
      throw new FunctionError(`Invalid arguments for ${path.canonical}: ${error.message}`);
    }
    if (checked.size > MAX_ARGUMENTS_SIZE) {
      throw new FunctionError(
        `Arguments for ${path.canonical} are too large (actual: ${formatBinarySize(checked.size)}, limit: ${formatBinarySize(MAX_ARGUMENTS_SIZE)})`,
      );
    }
    const { tableNameOf } = this.database;
    const nameOf = path.isSystem ? (number) => tableNameOf(number) ?? systemTableName(number) : tableNameOf;
    const problem = this.argumentsProblem(definition.argsValidator, checked.value, nameOf);
    // JsError's text ends its line, and the message is made of that text.
    if (problem !== undefined && !path.isSystem)
      throw new FunctionError(`ArgumentValidationError: ${problem}\n`);
    if (problem !== undefined) throw new FunctionError(`Uncaught Error: ${problem}\n`);
  }

  /**
   * @param {import("./validators.mjs").Validator | undefined} validator
   * @param {unknown[]} args
   * @param {(tableNumber: number) => string | undefined} [tableNameOf]
   * @returns {string | undefined} why the arguments are refused
   */
  argumentsProblem(validator, args, tableNameOf = this.database.tableNameOf) {
    if (validator === undefined) return undefined;
    if (args.length !== 1) {
      return `Expected to receive a single object as the function's argument. Instead received ${args.length} arguments: ${displayValue(args)}`;
    }
    if (!isObject(args[0])) {
      return `Expected to receive an object as the function's argument. Instead received: ${displayValue(args[0])}`;
    }
    return checkValue(validator, args[0], tableNameOf)?.toText();
  }

  async #runTransaction(call, startedAt, check) {
    const transaction = new Transaction(this.database, startedAt);
    try {
      const value = await this.#execute({ ...call, transaction, depth: 0 });
      if (call.definition.type === "Mutation") {
        check(transaction);
        this.#commit(transaction);
      }
      return value;
    } catch (error) {
      transaction.rollback();
      if (error instanceof UserTimeout) this.#app.renewSandbox();
      throw error;
    }
  }

  #commit(transaction) {
    const log = transaction.commit();
    this.options.plan.recordCommit(log);
    this.options.onCommit(log.map(({ kind }) => kind));
  }

  /** Runs user code inside a transaction and checks what it returns. */
  async #execute({ definition, path, argsText, caller, logLines, transaction, depth }) {
    const syscalls = new DatabaseSyscalls({
      transaction,
      isMutation: definition.type === "Mutation",
      functionName: path.stripped,
      instance: this.options.instance,
      requestId: caller.requestId,
      isSystem: path.isSystem,
      runNested: (type, nestedPath, nestedArgs) =>
        this.#runNested(type, nestedPath, nestedArgs, { caller, logLines, transaction, depth: depth + 1 }),
      systemOperations: (operation, operationArgs) =>
        systemOperation(
          { ...this.options, database: this.database, functions: this },
          operation,
          operationArgs,
        ),
    });
    const outcome = await this.#app.sandbox.runToEnd({
      path: definition.path,
      name: definition.name,
      invoke: `invoke${definition.type}`,
      argsText,
      now: transaction.startedAt,
      logLines,
      syscall: (operation, text) => syscalls.syscall(operation, text),
      asyncSyscall: (operation, text) => syscalls.asyncSyscall(operation, text),
      isDeferred: (operation) => operation === "1.0/runUdf",
    });
    return this.#checkResult(this.#app, definition, path, outcome);
  }

  #checkResult(app, definition, path, outcome) {
    if (outcome.failure !== undefined) throw toFunctionError(outcome.failure, app.modules);
    let result;
    try {
      result = canonicalize(JSON.parse(outcome.text));
    } catch (error) {
      throw new FunctionError(`Function ${path.canonical} return value invalid: ${error.message}`);
    }
    if (result.size > MAX_RESULT_SIZE) {
      throw new FunctionError(
        `Function ${path.canonical} return value is too large (actual: ${formatBinarySize(result.size)}, limit: ${formatBinarySize(MAX_RESULT_SIZE)})`,
      );
    }
    const { returnsValidator } = definition;
    const problem = returnsValidator && checkValue(returnsValidator, result.value, this.database.tableNameOf);
    if (problem) throw new FunctionError(`ReturnsValidationError: ${problem.toText()}`);
    return result.value;
  }

  /** `ctx.runQuery` and `ctx.runMutation` inside a transaction: a mutation that throws undoes its own writes only. */
  async #runNested(type, path, args, { caller, logLines, transaction, depth }) {
    if (depth >= MAX_CALL_DEPTH) {
      throw new DeveloperError(
        "MaximumCallDepthExceeded",
        "Cross component call depth limit exceeded. Do you have an infinite loop in your app?",
      );
    }
    const savepoint = transaction.savepoint();
    try {
      const definition = this.#resolve(path, type === "query" ? "Query" : "Mutation", () => true);
      const argsText = JSON.stringify([args]);
      this.#checkArguments(definition, path, [args]);
      return JSON.stringify(
        await this.#execute({ definition, path, argsText, caller, logLines, transaction, depth }),
      );
    } catch (error) {
      transaction.rollbackTo(savepoint);
      const isFatal = error instanceof UserTimeout || error instanceof SystemTimeout;
      if (!(error instanceof FunctionError) || isFatal) throw error;
      // What user code threw comes with its frames, what the server found is one message.
      throw new DeveloperError("Error", error.isThrown ? error.toText() : error.message, error.data);
    }
  }

  async #runAction({ definition, path, argsText, caller, logLines }) {
    // Other code may be deployed while an action runs.
    const app = this.#app;
    const outcome = await app.actionSandbox.runAction({
      path: definition.path,
      name: definition.name,
      argsText,
      logLines,
      asyncSyscall: (operation, text) => this.#actionSyscall(operation, JSON.parse(text), caller),
    });
    return this.#checkResult(app, definition, path, outcome);
  }

  async #actionSyscall(operation, { name, args }, caller) {
    const type = {
      "1.0/actions/query": "Query",
      "1.0/actions/mutation": "Mutation",
      "1.0/actions/action": "Action",
    }[operation];
    if (operation === "1.0/getUserIdentity") return "null";
    if (type === undefined || name === undefined) {
      throw new DeveloperError("NotSupported", `${operation} is not supported by the local Convex.`);
    }
    const sent = { args: [args], argsText: JSON.stringify([args]) };
    const { value, error } = await this.run(type, parseFunctionPath(name), sent, {
      requestId: caller.requestId,
      isAdmin: true,
    });
    if (error !== undefined) throw new DeveloperError("Error", error.toText(), error.data);
    return JSON.stringify(value);
  }
}
