/**
 * What a random type is.
 *
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {object} Options
 * @property {boolean} bad the value may be one that Convex cannot have
 * @property {boolean} whole it is a column's, not within another value
 * @property {boolean} measured the size of its document can be told, so it may be near the limit
 * @property {string | null} choice convex_columns.type of the column
 *
 * @typedef {object} Type
 * @property {string} sql its name
 * @property {(random: Random, options: Options) => string} value an SQL expression of the type
 * @property {string[]} choices of convex_columns.type that are possible
 * @property {number} [since] server_version_num of the first PostgreSQL that has it
 */
import { sqlText } from "./texts.mjs";

/** Every type can go so. */
export const ANY_CHOICES = ["string", "any", "json"];

/**
 * A type whose values are texts that its input function reads.
 * @param {string} sql
 * @param {(random: Random, options: Options) => unknown} literal
 * @param {string[]} [choices] besides those that every type has
 * @returns {Type}
 */
export function literals(sql, literal, choices = []) {
  return {
    sql,
    choices: [...ANY_CHOICES, ...choices],
    value: (random, options) => `${sqlText(String(literal(random, options)))}::${sql}`,
  };
}

/** The same values under another name, such as a domain's. @param {Type} type @returns {Type} */
export function alias(sql, type) {
  return { ...type, sql, value: (random, options) => `(${type.value(random, options)})::${sql}` };
}

/** One that PostgreSQL 14 does not have, or not with all these values. @param {Type} type @returns {Type} */
export const since15 = (type) => ({ ...type, since: 150000 });
