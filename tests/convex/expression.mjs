/**
 * Filter expressions of `query.filter(q => …)`, evaluated as
 * `Expression::eval` does (crates/common/src/query.rs).
 */
import { displayValue } from "./display.mjs";
import { DeveloperError } from "./errors.mjs";
import { parseFieldPath } from "./names.mjs";
import { sortKey, valueAtPath } from "./ordering.mjs";
import { canonicalize, fromBigInt, fromFloat, toBigInt, toFloat, typeName } from "./values.mjs";

/** The JSON of `undefined` in filters and index ranges. */
export function isUndefinedToken(json) {
  return (
    typeof json === "object" && json !== null && Object.keys(json).length === 1 && json.$undefined === null
  );
}

/** A literal of a filter or index range: canonical value, or undefined. */
export function parseLiteral(json) {
  return isUndefinedToken(json) ? undefined : canonicalize(json).value;
}

function describe(value) {
  return value === undefined ? "undefined" : displayValue(value);
}

function typeOf(value) {
  return value === undefined ? "undefined" : typeName(value);
}

function evalError(message) {
  return new DeveloperError("EvalError", message);
}

const COMPARISONS = {
  $eq: (l, r) => l === r,
  $neq: (l, r) => l !== r,
  $lt: (l, r) => l < r,
  $lte: (l, r) => l <= r,
  $gt: (l, r) => l > r,
  $gte: (l, r) => l >= r,
};

/** name in messages, on Int64, on Float64; an Int64 result of undefined means division by zero. */
const ARITHMETIC = {
  $add: ["add", (l, r) => l + r, (l, r) => l + r],
  $sub: ["subtract", (l, r) => l - r, (l, r) => l - r],
  $mul: ["multiply", (l, r) => l * r, (l, r) => l * r],
  $div: ["divide", (l, r) => (r === 0n ? undefined : l / r), (l, r) => l / r],
  $mod: ["mod", (l, r) => (r === 0n ? undefined : l % r), (l, r) => l % r],
};

function fitsInt64(integer) {
  return integer !== undefined && BigInt.asIntN(64, integer) === integer;
}

function computeArithmetic([name, onIntegers, onFloats], l, r) {
  const types = [typeOf(l), typeOf(r)];
  if (types.every((type) => type === "Float64")) return fromFloat(onFloats(toFloat(l), toFloat(r)));
  if (types.every((type) => type === "Int64")) {
    const [left, right] = [toBigInt(l), toBigInt(r)];
    const result = onIntegers(left, right);
    if (fitsInt64(result)) return fromBigInt(result);
    throw evalError(
      right === 0n
        ? `Cannot ${name} ${left} by zero`
        : `Cannot ${name} ${left} and ${right}: the result is out of range for Int64`,
    );
  }
  throw evalError(`Cannot ${name} ${describe(l)} (type ${types[0]}) and ${describe(r)} (type ${types[1]})`);
}

function negate(value) {
  if (typeOf(value) === "Float64") return fromFloat(-toFloat(value));
  if (typeOf(value) !== "Int64") throw evalError(`Cannot negate ${describe(value)} (type ${typeOf(value)})`);
  const result = -toBigInt(value);
  if (fitsInt64(result)) return fromBigInt(result);
  throw evalError(`Cannot negate ${toBigInt(value)}: the result is out of range for Int64`);
}

/** Uses a value as a condition. */
export function toBoolean(value) {
  if (typeof value === "boolean") return value;
  throw evalError(`Cannot use value ${describe(value)} (type ${typeOf(value)}) as a Boolean`);
}

/**
 * Turns the JSON of an expression into a function of the document.
 * @param {any} json
 * @returns {(document: Record<string, unknown>) => unknown} canonical value or undefined
 * @throws {Error} when the JSON is no expression
 */
export function compileExpression(json) {
  const [operator] = Object.keys(json ?? {});
  const operand = json?.[operator];
  if (operator in COMPARISONS) {
    const [l, r] = operand.map(compileExpression);
    const compare = COMPARISONS[operator];
    return (document) => compare(sortKey(l(document)), sortKey(r(document)));
  }
  if (operator in ARITHMETIC) {
    const [l, r] = operand.map(compileExpression);
    return (document) => computeArithmetic(ARITHMETIC[operator], l(document), r(document));
  }
  switch (operator) {
    case "$field": {
      const path = parseFieldPath(operand);
      return (document) => valueAtPath(document, path);
    }
    case "$literal": {
      const value = parseLiteral(operand);
      return () => value;
    }
    case "$neg": {
      const x = compileExpression(operand);
      return (document) => negate(x(document));
    }
    case "$not": {
      const x = compileExpression(operand);
      return (document) => !toBoolean(x(document));
    }
    case "$and": {
      const all = operand.map(compileExpression);
      return (document) => all.every((x) => toBoolean(x(document)));
    }
    case "$or": {
      const all = operand.map(compileExpression);
      return (document) => all.some((x) => toBoolean(x(document)));
    }
    default:
      throw new Error(`unknown variant \`${operator}\` in a filter`);
  }
}
