/**
 * What user code threw → the error text of the server: "Uncaught Name: message"
 * and a line for each frame in the user's own files (crates/isolate/src/error.rs,
 * crates/common/src/errors.rs).
 */
import { FunctionError } from "./errors.mjs";
import { MAX_ERROR_MESSAGE_LENGTH } from "./limits.mjs";
import { canonicalize } from "./values.mjs";

/** A frame inside a module (`MODULE_SCHEME` of sandbox.mjs); others belong to the local Convex. */
const FRAME = /^\s+at (?:(?<name>.*?) \()?convex:\/(?<path>[^:()]+):(?<line>\d+):(?<column>\d+)\)?$/;
/** Frames of convex/server itself (`is_omittable_internal_frame`, crates/common/src/errors.rs). */
const INTERNAL = /convex\/(src|dist\/esm)\/(server|values)\//;

/**
 * @param {{isError: boolean, isUnprefixed?: boolean, name?: string, message: string, stack?: string, dataText?: string}} failure
 *   from sandbox_globals.js
 * @param {Map<string, import("./module_code.mjs").ModuleCode>} modules that ran, by path
 * @returns {FunctionError}
 */
export function toFunctionError(failure, modules) {
  const message = failure.isUnprefixed ? failure.message : uncaught(failure);
  const details = { frames: mapFrames(failure.stack ?? "", modules), isThrown: true };
  if (failure.dataText === undefined) return new FunctionError(truncate(message), details);
  try {
    return new FunctionError(truncate(message), {
      ...details,
      data: canonicalize(JSON.parse(failure.dataText)).value,
    });
  } catch (error) {
    return new FunctionError(`ConvexError with invalid data: ${error.message}`, details);
  }
}

function uncaught({ name = "", message }) {
  return ["Uncaught", [name, message].filter((part) => part !== "").join(": ")]
    .filter((part) => part !== "")
    .join(" ");
}

function truncate(message) {
  return message.length > MAX_ERROR_MESSAGE_LENGTH ? message.slice(0, MAX_ERROR_MESSAGE_LENGTH) : message;
}

/** Stack lines with their places in the source files; the runtime's own frames at both ends are left out. */
function mapFrames(stack, modules) {
  const frames = [];
  for (const line of stack.split("\n")) {
    const match = FRAME.exec(line)?.groups;
    if (match === undefined) continue;
    const place = modules.get(match.path).findSource(Number(match.line), Number(match.column));
    frames.push({ file: place.file, text: formatFrame(match.name, place) });
  }
  const isInternal = (frame) => INTERNAL.test(frame.file);
  while (frames.length > 0 && isInternal(frames[0])) frames.shift();
  while (frames.length > 0 && isInternal(frames[frames.length - 1])) frames.pop();
  return frames.map((frame) => frame.text);
}

function formatFrame(name, { file, line, column }) {
  const place = `${file}:${line}:${column}`;
  return name === undefined ? `    at ${place}` : `    at ${name} (${place})`;
}
