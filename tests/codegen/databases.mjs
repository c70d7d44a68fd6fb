/** SQL of databases whose names and texts are hard to write as TypeScript. */
import pg from "pg";

const quoted = (texts) => texts.map((text) => pg.escapeLiteral(text)).join(", ");

/** The longest name of a Convex table, and of a column in PostgreSQL. */
const LONGEST_TABLE = 57;
const LONGEST_COLUMN = 63;

const WORDS = ["class", "default", "delete", "constructor", "toString", "v", "tables"];

/** Kinds of columns of which each length of name is there. */
const COLUMNS = [
  "text NOT NULL",
  "text",
  "int[]",
  "int NOT NULL REFERENCES class",
  `int REFERENCES ${"n".repeat(LONGEST_TABLE)}`,
  `int NOT NULL REFERENCES ${"n".repeat(LONGEST_TABLE)}`,
  "text NOT NULL CHECK (% IN ('one', 'two'))",
  `text CHECK (% IN ('${"x".repeat(30)}', '${"y".repeat(30)}'))`,
  "either[] NOT NULL",
  "pair",
  "text NOT NULL CHECK (% IN ('日本語日本語日本語'))",
  "text NOT NULL CHECK (% IN ('日本語日本語日本語日本語日本語日本語日'))",
  "text NOT NULL CHECK (% IN ('one that is a bit longer'))",
  `text NOT NULL CHECK (% IN ('${"x".repeat(70)}', 'y'))`,
  "int NOT NULL CHECK (% IN (1234567))",
  "one NOT NULL",
  "one[] NOT NULL",
  "one[]",
];

/** @returns {number[]} 1, 2, … */
function upTo(length) {
  return Array.from({ length }, (_, n) => n + 1);
}

/**
 * Names of any length, and words of TypeScript.
 * @param {number[]} [lengths] those of the names of columns
 */
export function oddNames(lengths = upTo(LONGEST_COLUMN)) {
  const tables = upTo(LONGEST_TABLE).map((length) => `CREATE TABLE ${"n".repeat(length)} (id int PRIMARY KEY, name text);`);
  const words = WORDS.map((word) => `CREATE TABLE "${word}" (id int PRIMARY KEY, "${word}" text);`);
  const wide = "n".repeat(21);
  const indexes = upTo(30).map((length) => `
    ALTER TABLE ${wide} ADD ${"x".repeat(length)} int; CREATE INDEX ON ${wide} (name, ${"x".repeat(length)});`);
  const columns = COLUMNS.flatMap((type, kind) =>
    lengths.map((length) => {
      const name = pg.escapeIdentifier("abcdefghijklmnopqr"[kind].padEnd(length, "n"));
      return `${name} ${type.replace("%", name)}`;
    }));
  const attributes = lengths.map((length) => `${"k".padEnd(length, "n")} one`);
  return `
    CREATE TYPE either AS ENUM ('${"a".repeat(20)}', '${"b".repeat(40)}');
    CREATE TYPE inner_pair AS (${"deep".repeat(9)} text, "class" either);
    CREATE TYPE one AS (x int);
    CREATE TYPE pair AS (a int, ${"long".repeat(15)} inner_pair[], ${attributes.join(", ")});
    ${tables.join("\n")} ${words.join("\n")} ${indexes.join("\n")}
    CREATE TABLE empty (id int PRIMARY KEY);
    CREATE TABLE many (id int PRIMARY KEY, ${columns.join(", ")});`;
}

/** What `kind` of table "items" may be. */
export const literalTexts = [
  "it's",
  'say "hi"',
  `both " and '`,
  `more '' than "`,
  "back\\slash",
  "two\nlines",
  "tab\t, bell\u0007",
  "\u2028",
  "größe",
  "日本語".repeat(9),
  "${x}",
  "`",
  "*/",
  "//",
  "",
  "😀",
];

const COMMENT = "One line.\n\n  Another */ \r\nand \u2028 a third; `${x}` \\u0041 ";

/** Texts of any characters: labels, constants, comments, names of what is left out. */
export function oddTexts() {
  const comment = pg.escapeLiteral(COMMENT);
  return `
    CREATE TYPE mood AS ENUM (${quoted(literalTexts.filter((text) => Buffer.byteLength(text) < 64))});
    CREATE TABLE items (id int PRIMARY KEY,
      kind text NOT NULL UNIQUE CHECK (kind IN (${quoted(literalTexts)})), mood mood NOT NULL,
      label text NOT NULL CHECK (label IN ('a', 'b')),
      rest text CHECK (rest IN (${quoted([literalTexts[9], `${literalTexts[9]}9`])})));
    CREATE INDEX "odd\nname" ON items USING hash (rest);
    CREATE INDEX "odd\u2028 */ name" ON items (lower(rest));
    COMMENT ON TABLE items IS ${comment};
    COMMENT ON COLUMN items.id IS ${comment};
    COMMENT ON COLUMN items.kind IS ${comment};
    COMMENT ON COLUMN items.label IS E'\\u2028';`;
}

/** So many tables of 20 columns, each of which refers to one before it. */
export function largeTables(count) {
  const columns = upTo(20).map((n) => `column_${n} ${n % 3 === 0 ? "text" : "int NOT NULL"}`);
  const tables = Array.from({ length: count }, (_, n) => `
    CREATE TABLE table${n} (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES table${n >> 1}, ${columns.join(", ")});
    CREATE INDEX ON table${n} (column_1, column_2);`);
  return tables.join("\n");
}
