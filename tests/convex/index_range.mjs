/**
 * `withIndex(name, q => …)`: range expressions → the interval of index keys they
 * name (`IndexRange::compile`, crates/common/src/query.rs).
 */
import { displayValue } from "./display.mjs";
import { DeveloperError } from "./errors.mjs";
import { parseLiteral } from "./expression.mjs";
import { parseFieldPath } from "./names.mjs";
import { afterPrefix, sortKey } from "./ordering.mjs";

/** @typedef {{start: string, end: string | null}} Range first key inside, first key outside (null: none) */

/** @returns {Range} */
export function wholeIndex() {
  return { start: "", end: null };
}

const COMPARATORS = { Gt: ">", Gte: ">=", Lt: "<", Lte: "<=" };

function alreadyDefined(boundType, field, comparator, value) {
  const text = value === undefined ? "undefined" : displayValue(value);
  return new DeveloperError(
    "AlreadyDefinedBound",
    `Already defined ${boundType} bound in index range. Can't add "${field}" ${comparator} ${text}.`,
  );
}

/** Sorts the expressions into equalities and at most one lower and one upper bound on one field. */
function splitExpressions(indexName, expressions) {
  const equalities = new Map();
  const bounds = { field: undefined, lower: undefined, upper: undefined };
  for (const { type, fieldPath, value: json } of expressions) {
    const field = parseFieldPath(fieldPath).join(".");
    const value = parseLiteral(json);
    if (type === "Eq") {
      if (equalities.has(field)) throw alreadyDefined("equality", field, "==", equalities.get(field));
      equalities.set(field, value);
      continue;
    }
    if (!(type in COMPARATORS)) throw new Error(`unknown variant \`${type}\` in an index range`);
    const side = type.startsWith("L") ? "upper" : "lower";
    if (bounds[side] !== undefined) throw alreadyDefined(side, field, COMPARATORS[type], value);
    if (bounds.field !== undefined && bounds.field !== field) {
      throw new DeveloperError(
        "BoundsOnMultipleFields",
        `Upper and lower bounds in \`range\` can only be applied to a single index field. This query against index ${indexName} attempted to set a range bound on both "${bounds.field}" and "${field}". Consider using \`filter\` instead. See https://docs.convex.dev/using/indexes for more info.`,
      );
    }
    bounds.field = field;
    bounds[side] = { value, isIncluded: type.endsWith("e") };
  }
  if (equalities.has(bounds.field)) {
    throw alreadyDefined("inequality", bounds.field, "==", equalities.get(bounds.field));
  }
  return { equalities, bounds };
}

function displayFields(fields) {
  return `[${fields.map((field) => `"${field}"`).join(", ")}]`;
}

/** The fields that a range uses must be the first fields of the index. */
function checkFieldOrder(indexName, index, used) {
  const indexed = [...index.fields, "_id"];
  const unknown = used.find((field) => !indexed.includes(field));
  if (unknown !== undefined) {
    throw new DeveloperError(
      "FieldNotInIndex",
      `The index range included a comparison with "${unknown}", but ${indexName} with fields ${displayFields(index.fields)} doesn't index this field. For more information see https://docs.convex.dev/using/indexes.`,
    );
  }
  const first = used.findIndex((field, i) => indexed[i] !== field);
  if (first >= 0) {
    throw new DeveloperError(
      "InvalidIndexRange",
      `Tried to query index ${indexName} but the query didn't use the index fields in order.\nIndex fields: ${displayFields(index.fields)}\nQuery fields: ${displayFields(used)}\nFirst incorrect field: "${used[first]}"\nFor more information see https://docs.convex.dev/using/indexes.`,
    );
  }
}

/**
 * @param {{indexName: string, range: {type: string, fieldPath: string, value: unknown}[]}} source
 * @param {import("./table.mjs").Index} index
 * @returns {Range}
 * @throws {DeveloperError} when the expressions do not fit the index
 */
export function compileRange({ indexName, range }, index) {
  const { equalities, bounds } = splitExpressions(indexName, range);
  const indexed = [...index.fields, "_id"];
  const equalFields = [...equalities.keys()].sort((a, b) => indexed.indexOf(a) - indexed.indexOf(b));
  const used = bounds.field === undefined ? equalFields : [...equalFields, bounds.field];
  checkFieldOrder(indexName, index, used);
  const prefix = equalFields.map((field) => sortKey(equalities.get(field))).join("");
  return {
    start: lowerEnd(prefix, bounds.lower),
    end: upperEnd(prefix, bounds.upper, used.length === indexed.length),
  };
}

function lowerEnd(prefix, bound) {
  if (bound === undefined) return prefix;
  const key = prefix + sortKey(bound.value);
  return bound.isIncluded ? key : afterPrefix(key);
}

/** A range that names every field, `_id` too, ends right after its key. */
function upperEnd(prefix, bound, isWholeKey) {
  if (bound !== undefined && !bound.isIncluded) return prefix + sortKey(bound.value);
  const key = bound === undefined ? prefix : prefix + sortKey(bound.value);
  return isWholeKey ? `${key}\0` : afterPrefix(key);
}
