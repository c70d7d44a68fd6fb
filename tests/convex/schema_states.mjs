/**
 * The way of a schema from a push to being enforced (`SchemaModel`, crates/database/src/bootstrap_model/schema/mod.rs).
 * The server looks through the documents in the background; here that is done when the schema is submitted.
 */
import { randomUUID } from "node:crypto";
import { HttpError } from "./errors.mjs";
import { emptySchema } from "./schema.mjs";

export class SchemaState {
  /** @type {"pending" | "validated" | "active" | "failed" | "overwritten"} */
  state = "pending";
  /** What failed it. @type {{tableName: string, error: string} | undefined} */
  failure;

  constructor(schema) {
    this.id = randomUUID();
    this.schema = schema;
  }

  get isInProgress() {
    return this.state === "pending" || this.state === "validated";
  }

  /** @param {{tableName: string, error: string}} failure */
  fail(failure) {
    if (!this.isInProgress) return;
    this.state = "failed";
    this.failure = failure;
  }
}

export class SchemaStates {
  /** @type {Map<string, SchemaState>} */
  #byId = new Map();
  /** @type {SchemaState | undefined} */
  #active;

  /** @param {import("./database.mjs").Database} database */
  constructor(database) {
    this.database = database;
  }

  /** @param {string} id @returns {SchemaState | undefined} */
  find(id) {
    return this.#byId.get(id);
  }

  /** The schema that is enforced; undefined after a push without one. */
  get active() {
    return this.#active?.schema;
  }

  /**
   * Takes a schema, makes its tables and looks whether the documents match (`submit_pending`).
   * @param {import("./schema.mjs").Schema} schema
   * @returns {SchemaState} one that exists already when it is of the same schema
   */
  submit(schema) {
    this.database.createTables(schema);
    const inProgress = this.#inProgress();
    if (this.#active?.schema.json === schema.json) {
      if (inProgress !== undefined) this.#overwrite(inProgress);
      return this.#active;
    }
    if (inProgress?.schema.json === schema.json) return inProgress;
    if (inProgress !== undefined) this.#overwrite(inProgress);
    return this.#validate(schema);
  }

  #inProgress() {
    const { schemaInProgress } = this.database;
    return schemaInProgress?.isInProgress ? schemaInProgress : undefined;
  }

  #overwrite(submitted) {
    submitted.state = "overwritten";
    if (this.database.schemaInProgress === submitted) this.database.schemaInProgress = undefined;
    if (this.#active === submitted) this.#active = undefined;
  }

  #validate(schema) {
    const submitted = new SchemaState(schema);
    this.#byId.set(submitted.id, submitted);
    const misfit = this.database.findMisfit(schema);
    if (misfit !== undefined) {
      submitted.fail(misfit);
    } else {
      submitted.state = "validated";
      this.database.schemaInProgress = submitted;
    }
    return submitted;
  }

  /**
   * A schema that may be made active.
   * @param {string} id
   * @returns {SchemaState}
   * @throws {HttpError} 400 when it has failed or another push has overwritten it
   */
  validatedOrActive(id) {
    const submitted = this.#byId.get(id);
    if (submitted === undefined) throw new Error(`No document found for schema ID ${id}`);
    if (submitted.state === "failed") {
      const message = `Schema has already been failed with error: ${submitted.failure.error}`;
      throw new HttpError(400, "SchemaAlreadyFailed", message);
    }
    if (submitted.state === "overwritten") {
      throw new HttpError(400, "SchemaAlreadyOverwritten", "Schema has already been overwritten.");
    }
    return submitted;
  }

  /** Enforces a schema from now on, or none. @param {SchemaState | undefined} submitted validated or active */
  activate(submitted) {
    if (submitted !== undefined && submitted === this.#active) return;
    if (this.#active !== undefined) this.#overwrite(this.#active);
    if (submitted !== undefined) {
      submitted.state = "active";
      this.database.schemaInProgress = undefined;
    }
    this.#active = submitted;
    this.database.setSchema(submitted?.schema ?? emptySchema());
  }
}
