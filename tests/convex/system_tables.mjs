/**
 * Numbers of the system tables of a current deployment (`DefaultTableNumber`, crates/model/src/lib.rs): no table of a
 * user can have one of them. Their documents are kept elsewhere; only what clients see of them has a name here.
 */
const FIRST_NUMBER = 512;
const USED = [
  1, 2, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 17, 19, 20, 21, 23, 24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
  37, 38, 39, 40, 41,
];

export const EXPORTS = FIRST_NUMBER + 4;
export const SCHEDULED_JOBS = FIRST_NUMBER + 27;
export const FILE_STORAGE = FIRST_NUMBER + 28;
export const SNAPSHOT_IMPORTS = FIRST_NUMBER + 29;

const NUMBERS = new Set(USED.map((number) => FIRST_NUMBER + number));
const NAMES = new Map([
  [EXPORTS, "_exports"],
  [SNAPSHOT_IMPORTS, "_snapshot_imports"],
]);

/** @param {number} number */
export function isSystemTableNumber(number) {
  return NUMBERS.has(number);
}

/** Whether users see a table, under another name. @param {number} number */
export function isVisibleSystemTable(number) {
  return number === SCHEDULED_JOBS || number === FILE_STORAGE;
}

/** Table names as validators of system functions want them. @param {number} number @returns {string | undefined} */
export function systemTableName(number) {
  return NAMES.get(number);
}
