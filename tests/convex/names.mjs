/**
 * Rules for names: identifiers, field names, function paths
 * (crates/convex/sync_types/src/{identifier,module_path,udf_path,path,function_name}.rs).
 * Each check throws an Error with the server's words; callers say where it happened.
 */
import { MAX_FIELD_NAME_LENGTH, MAX_IDENTIFIER_LENGTH } from "./limits.mjs";
import { displayChar } from "./display.mjs";

const IDENTIFIER = /^(?=.*[a-zA-Z0-9])[a-zA-Z_][a-zA-Z0-9_]*$/;
const FIELD_NAME = /^(?!\$)[\x20-\x7e]*$/;

/** Table, index, function and validator field names: `check_valid_identifier`. */
export function checkIdentifier(name) {
  if (name.length <= MAX_IDENTIFIER_LENGTH && IDENTIFIER.test(name)) return;
  const [first, ...others] = name;
  if (first === undefined) throw new Error("Identifier cannot be empty");
  if (!/[a-zA-Z_]/.test(first)) {
    throw new Error(
      `Invalid first character ${displayChar(first)} in ${name}: Identifiers must start with an alphabetic character or underscore`,
    );
  }
  const bad = others.find((character) => !/[a-zA-Z0-9_]/.test(character));
  if (bad !== undefined) {
    throw new Error(
      `Identifier ${name} has invalid character ${displayChar(bad)}: Identifiers can only contain alphanumeric characters or underscores`,
    );
  }
  if (name.length > MAX_IDENTIFIER_LENGTH) {
    throw new Error(`Identifier is too long (${name.length} > maximum ${MAX_IDENTIFIER_LENGTH})`);
  }
  throw new Error(`Identifier ${name} cannot have exclusively underscores`);
}

/** Keys of any object: `check_valid_field_name`. */
export function checkFieldName(name) {
  if (name.length <= MAX_FIELD_NAME_LENGTH && FIELD_NAME.test(name)) return;
  if (name.startsWith("$")) throw new Error(`Field name ${name} starts with '$', which is reserved.`);
  const bad = [...name].find((character) => !/^[\x20-\x7e]$/.test(character));
  if (bad !== undefined) {
    throw new Error(
      `Field name ${name} has invalid character ${displayChar(bad)}: Field names can only contain non-control ASCII characters`,
    );
  }
  throw new Error(`Field name is too long (${name.length} > maximum ${MAX_FIELD_NAME_LENGTH})`);
}

/** Fields named in validators and indexes: legal as field name and as identifier. */
export function checkIdentifierFieldName(name) {
  checkFieldName(name);
  checkIdentifier(name);
}

/**
 * "a.b.c" of an index or filter → ["a", "b", "c"] (`FieldPath`, crates/value/src/field_path.rs).
 * @param {string} text
 * @returns {string[]}
 */
export function parseFieldPath(text) {
  const trimmed = text.replace(/^\.+|\.+$/g, "");
  if (trimmed === "") throw new Error(`Empty path ${text}`);
  const fields = trimmed.split(".");
  fields.forEach(checkIdentifierFieldName);
  return fields;
}

/**
 * "dir/module:fn" → canonical path; ":default" when no function is named.
 * @param {string} text
 * @returns {{module: string, functionName: string, canonical: string, stripped: string, isSystem: boolean}}
 *   `canonical` is "dir/module.js:fn", `stripped` what messages call the function
 */
export function parseFunctionPath(text) {
  const colon = text.lastIndexOf(":");
  const modulePart = colon < 0 ? text : text.slice(0, colon);
  const functionName = colon < 0 ? "default" : text.slice(colon + 1);
  const module = parseModulePath(modulePart);
  checkIdentifier(functionName);
  const withoutExtension = module.replace(/\.js$/, "");
  return {
    module,
    functionName,
    canonical: `${module}:${functionName}`,
    stripped: functionName === "default" ? withoutExtension : `${withoutExtension}:${functionName}`,
    isSystem: module.startsWith("_system/") || module === "_system",
  };
}

/**
 * A module path as Rust's PathBuf reads it: doubled and trailing slashes and inner "." fall away.
 * @param {string} text
 * @returns {string} canonical, with ".js"
 */
export function parseModulePath(text) {
  const components = text.split("/").filter((part, i) => part !== "" && (part !== "." || i === 0));
  const last = components[components.length - 1];
  if (last === undefined || last === ".." || last === ".") {
    throw new Error(`Module path ${text} doesn't have a filename.`);
  }
  const extension = /^.+\.([^.]*)$/.exec(last)?.[1];
  if (extension !== undefined && extension !== "js") {
    throw new Error(`Module path (${text}) has an extension that isn't 'js'.`);
  }
  if (text.startsWith("/")) throw new Error(`Module paths must be relative (${text} is absolute).`);
  if (components[0] === "." || components.includes("..")) {
    throw new Error(`Invalid path component in ${text}.`);
  }
  const canonical = extension === undefined ? [...components.slice(0, -1), `${last}.js`] : components;
  canonical.forEach(checkPathComponent);
  return canonical.join("/");
}

function checkPathComponent(part) {
  const length = Buffer.byteLength(part);
  if (length > MAX_IDENTIFIER_LENGTH) {
    throw new Error(
      `Path component is too long (${length} > maximum ${MAX_IDENTIFIER_LENGTH}): ${part.slice(0, MAX_IDENTIFIER_LENGTH)}...`,
    );
  }
  if (!/^[a-zA-Z0-9_.]*$/.test(part)) {
    throw new Error(
      `Path component ${part} can only contain alphanumeric characters, underscores, or periods.`,
    );
  }
  if (!/[a-zA-Z0-9]/.test(part)) {
    throw new Error(`Path component ${part} must have at least one alphanumeric character.`);
  }
}
