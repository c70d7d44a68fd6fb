/**
 * What an import fails with (crates/application/src/snapshot_import/import_error.rs). A `DeveloperError` is the file's
 * or the request's fault and ends an import at once; anything else is tried again, as the server's own trouble is.
 */
import { DeveloperError } from "../errors.mjs";

/** What is wrong with a file. Its text reaches the client as it is, without the head that other errors get. */
export class ImportError extends DeveloperError {}

/** What every client is told of an error that is not its own (`INTERNAL_SERVER_ERROR_MSG`, crates/errors/src/lib.rs). */
const INTERNAL_MESSAGE = "Your request couldn't be completed. Try again later.";

/** `wrap_import_err` and `user_facing_message`. @param {Error} error @returns {string} */
export function failureText(error) {
  if (error instanceof ImportError) return error.message;
  if (error instanceof DeveloperError) return `Hit an error while importing:\n${error.message}`;
  return INTERNAL_MESSAGE;
}

/** What the real server does and this one does not: said in words, so that no test takes it for done. */
export function notSupported(what) {
  return new DeveloperError("NotSupported", `${what} is not supported by the local Convex.`);
}
