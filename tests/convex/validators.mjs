/**
 * Validators of arguments, results and documents: parsed from the JSON that
 * `convex/values` exports, printed and checked as
 * crates/common/src/schemas/{validator,json}.rs does.
 */
import { DeveloperError } from "./errors.mjs";
import { displayFloat, displayObject, displayValue } from "./display.mjs";
import { tableNumberOfId } from "./ids.mjs";
import { checkIdentifier, checkIdentifierFieldName } from "./names.mjs";
import { canonicalize, isObject, typeName } from "./values.mjs";

/**
 * @typedef {{kind: string, tableName?: string, literal?: unknown, element?: Validator,
 *   keys?: Validator, values?: Validator, fields?: Map<string, {validator: Validator, optional: boolean}>,
 *   cases?: Validator[]}} Validator
 */

const SIMPLE_KINDS = new Map([
  ["null", "null"],
  ["number", "float64"],
  ["bigint", "int64"],
  ["commitTs", "commitTs"],
  ["boolean", "boolean"],
  ["string", "string"],
  ["bytes", "bytes"],
  ["any", "any"],
  ["map", "any"],
  ["set", "any"],
]);

/**
 * @param {any} json validator JSON
 * @returns {Validator}
 * @throws {Error} when no such validator may exist
 */
export function parseValidator(json) {
  const simple = SIMPLE_KINDS.get(json.type);
  if (simple !== undefined) return { kind: simple };
  switch (json.type) {
    case "literal":
      return parseLiteral(json.value);
    case "id":
      checkIdentifier(json.tableName);
      return { kind: "id", tableName: json.tableName };
    case "array":
      return { kind: "array", element: parseValidator(json.value) };
    case "record":
      return parseRecord(json);
    case "object":
      return parseObject(json.value);
    case "union":
      return { kind: "union", cases: json.value.map(parseValidator) };
    default:
      throw new Error(`unknown validator type ${JSON.stringify(json.type)}`);
  }
}

function parseLiteral(json) {
  const { value } = canonicalize(json);
  if (!["Float64", "Int64", "Boolean", "String"].includes(typeName(value))) {
    throw new Error(`Value ${displayValue(value)} is not a valid literal.`);
  }
  return { kind: "literal", literal: value };
}

function parseRecord(json) {
  const keys = parseValidator(json.keys);
  if (!isStringSubset(keys)) {
    throw new DeveloperError(
      "InvalidRecordType",
      `Records can only have string keys. Your validator contains a record with key typed as \`${displayValidator(keys)}\`, which is not a subtype of \`v.string()\``,
    );
  }
  const values = parseValidator(json.values.fieldType);
  if (hasStringLiteral(keys)) {
    throw new DeveloperError("InvalidRecordType", "Records cannot have string literal keys");
  }
  if (json.values.optional)
    throw new DeveloperError("InvalidRecordType", "Records cannot have optional values");
  return { kind: "record", keys, values };
}

function isStringSubset(validator) {
  if (validator.kind === "union") return validator.cases.every(isStringSubset);
  if (validator.kind === "literal") return typeof validator.literal === "string";
  return validator.kind === "string" || validator.kind === "id";
}

function hasStringLiteral(validator) {
  if (validator.kind === "union") return validator.cases.some(hasStringLiteral);
  return validator.kind === "literal" && typeof validator.literal === "string";
}

function parseObject(json) {
  const fields = new Map();
  for (const name of Object.keys(json).sort()) {
    checkIdentifierFieldName(name);
    try {
      fields.set(name, { validator: parseValidator(json[name].fieldType), optional: json[name].optional });
    } catch (error) {
      if (!(error instanceof DeveloperError)) throw error;
      throw new DeveloperError(error.code, `Invalid validator for key \`${name}\`: ${error.message}`);
    }
  }
  return { kind: "object", fields };
}

function displayLiteral(literal) {
  switch (typeName(literal)) {
    case "Float64":
      return typeof literal === "number" ? displayFloat(literal) : "<number>";
    case "Int64":
      return "<bigint>";
    default:
      return JSON.stringify(literal);
  }
}

/** @param {Validator} validator */
export function displayValidator(validator) {
  switch (validator.kind) {
    case "id":
      return `v.id("${validator.tableName}")`;
    case "literal":
      return `v.literal(${displayLiteral(validator.literal)})`;
    case "array":
      return `v.array(${displayValidator(validator.element)})`;
    case "record":
      return `v.record(${displayValidator(validator.keys)}, ${displayValidator(validator.values)})`;
    case "union":
      return `v.union(${validator.cases.map(displayValidator).join(", ")})`;
    case "object": {
      const fields = [...validator.fields].map(([name, field]) => {
        const text = displayValidator(field.validator);
        return `${name}: ${field.optional ? `v.optional(${text})` : text}`;
      });
      return `v.object({${fields.join(", ")}})`;
    }
    default:
      return `v.${validator.kind}()`;
  }
}

/**
 * A value that a validator refuses; its text needs the path, which callers prepend on the way up. No Error, as it is
 * never thrown: a union makes one for each case that does not fit, and a stack trace costs more than the check.
 */
class ValidationError {
  /** @param {(path: string) => string} describe */
  constructor(describe) {
    this.describe = describe;
    this.path = "";
  }

  /** @param {string} element e.g. ".name", "[3]" */
  within(element) {
    this.path = element + this.path;
    return this;
  }

  toText() {
    return this.describe(this.path === "" ? "" : `Path: ${this.path}`);
  }
}

function noMatch(value, validator) {
  return new ValidationError(
    (context) =>
      `Value does not match validator.\n${context}\nValue: ${displayValue(value)}\nValidator: ${displayValidator(validator)}`,
  );
}

const KIND_OF_TYPE = new Map([
  ["Null", "null"],
  ["Float64", "float64"],
  ["Int64", "int64"],
  ["Boolean", "boolean"],
  ["String", "string"],
  ["Bytes", "bytes"],
]);

/**
 * Checks a value; returns nothing, or the error (not thrown: unions try their cases).
 * @param {Validator} validator
 * @param {unknown} value canonical
 * @param {(tableNumber: number) => string | undefined} tableNameOf
 * @returns {ValidationError | undefined}
 */
export function checkValue(validator, value, tableNameOf) {
  switch (validator.kind) {
    case "any":
      return undefined;
    case "id":
      return checkId(validator, value, tableNameOf);
    case "literal":
      return checkLiteral(validator, value);
    case "array":
      return checkArray(validator, value, tableNameOf);
    case "record":
      return checkRecord(validator, value, tableNameOf);
    case "object":
      return checkObject(validator, value, tableNameOf);
    case "union":
      return checkUnion(validator, value, tableNameOf);
    case "commitTs":
      return typeName(value) === "Int64" ? undefined : noMatch(value, validator);
    default:
      return KIND_OF_TYPE.get(typeName(value)) === validator.kind ? undefined : noMatch(value, validator);
  }
}

function checkId(validator, value, tableNameOf) {
  if (typeof value !== "string") return noMatch(value, validator);
  const tableNumber = tableNumberOfId(value);
  const tableName = tableNumber === null ? undefined : tableNameOf(tableNumber);
  if (tableName === undefined) return noMatch(value, validator);
  if (tableName === validator.tableName) return undefined;
  return new ValidationError(
    (context) =>
      `Found ID "${value}" from table \`${tableName}\`, which does not match the table name in validator \`v.id("${validator.tableName}")\`.${context}`,
  );
}

function checkLiteral(validator, value) {
  const { literal } = validator;
  if (value === literal) return undefined;
  if (typeName(value) === typeName(literal) && JSON.stringify(value) === JSON.stringify(literal))
    return undefined;
  return new ValidationError(
    (context) =>
      `\`${displayValue(value)}\` does not match literal validator \`v.literal(${displayLiteral(literal)})\`.${context}`,
  );
}

function checkArray(validator, value, tableNameOf) {
  if (!Array.isArray(value)) return noMatch(value, validator);
  for (let i = 0; i < value.length; i += 1) {
    const error = checkValue(validator.element, value[i], tableNameOf);
    if (error !== undefined) return error.within(`[${i}]`);
  }
  return undefined;
}

function checkRecord(validator, value, tableNameOf) {
  if (!isObject(value)) return noMatch(value, validator);
  for (const key of Object.keys(value).sort()) {
    const keyError = checkValue(validator.keys, key, tableNameOf);
    if (keyError !== undefined) return keyError.within(".keys()");
    const valueError = checkValue(validator.values, value[key], tableNameOf);
    if (valueError !== undefined) return valueError.within(".values()");
  }
  return undefined;
}

function checkObject(validator, value, tableNameOf) {
  if (!isObject(value)) return noMatch(value, validator);
  for (const [name, field] of validator.fields) {
    if (Object.hasOwn(value, name)) {
      const error = checkValue(field.validator, value[name], tableNameOf);
      if (error !== undefined) return error.within(`.${name}`);
    } else if (!field.optional) {
      return objectError(
        `Object is missing the required field \`${name}\`. Consider wrapping the field validator in \`v.optional(...)\` if this is expected.`,
        value,
        validator,
      );
    }
  }
  const extra = Object.keys(value).filter((name) => !validator.fields.has(name));
  if (extra.length === 0) return undefined;
  return objectError(
    `Object contains extra field \`${extra.sort()[0]}\` that is not in the validator.`,
    value,
    validator,
  );
}

function objectError(message, value, validator) {
  return new ValidationError(
    (context) =>
      `${message}\n${context}\nObject: ${displayObject(value)}\nValidator: ${displayValidator(validator)}`,
  );
}

function checkUnion(validator, value, tableNameOf) {
  if (validator.cases.length === 1) return checkValue(validator.cases[0], value, tableNameOf);
  for (const option of validator.cases) {
    if (checkValue(option, value, tableNameOf) === undefined) return undefined;
  }
  return noMatch(value, validator);
}

/**
 * Whether some value of the validator has a field at this path (`can_contain_field`).
 * @param {Validator} validator
 * @param {string[]} path
 */
export function canContainField(validator, path) {
  if (path.length === 0 || validator.kind === "any") return true;
  if (validator.kind === "union") return validator.cases.some((option) => canContainField(option, path));
  if (validator.kind !== "object") return false;
  const field = validator.fields.get(path[0]);
  return field !== undefined && canContainField(field.validator, path.slice(1));
}

/**
 * Whether some value of the validator has an array of numbers at this path (`overlaps_with_array_float64`).
 * @param {Validator} validator
 * @param {string[]} path
 */
export function canBeVector(validator, path) {
  if (validator.kind === "any") return true;
  if (validator.kind === "union") return validator.cases.some((option) => canBeVector(option, path));
  if (path.length === 0)
    return validator.kind === "array" && ["float64", "any"].includes(validator.element.kind);
  if (validator.kind !== "object") return false;
  const field = validator.fields.get(path[0]);
  return field === undefined || canBeVector(field.validator, path.slice(1));
}
