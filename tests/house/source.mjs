/**
 * C as the checks of the house need it: what a file includes, defines, declares and calls. Reads PostgreSQL's layout and
 * any other: it goes by brackets, not by line breaks. What a preprocessor would drop is read too.
 */
import { readFileSync } from "node:fs";

/** Comments and texts, the first of which starts the match. */
const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** A preprocessor line with those that continue it. */
const DIRECTIVE = /^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm;

/**
 * @typedef {object} Statement at the outermost level
 * @property {string} text without comments and bodies
 * @property {string} name what it defines or declares; "" if that is not a name
 * @property {number} line
 * @property {number} last
 * @property {boolean} isFunction a function with its body
 * @property {boolean} hasComment right above it
 *
 * @typedef {object} Source
 * @property {string} path below the root
 * @property {number} lines
 * @property {string} code without comments and without the contents of texts, line by line as it was
 * @property {{path: string, system: boolean, line: number}[]} includes
 * @property {{file: string, line: number}[]} headings comments of the form "in file.c"
 * @property {Statement[]} statements
 * @property {string[]} texts string literals; what a format puts in is "…"
 */

/** @returns {Source} */
export function readSource(root, path) {
  const text = readFileSync(`${root}/${path}`, "utf8");
  const withTexts = text.replace(COMMENT_OR_TEXT, (part) => (part.startsWith("/") ? blank(part) : part));
  const code = text.replace(COMMENT_OR_TEXT, blank);
  return {
    path,
    lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
    code,
    includes: [...withTexts.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)/gm)].map((match) => ({
      path: match[2],
      system: match[1] === "<",
      line: lineOf(text, match.index),
    })),
    headings: [...text.matchAll(/\/\*\s*in (\w+)\.c\s*\*\//g)].map((match) => ({
      file: match[1],
      line: lineOf(text, match.index),
    })),
    statements: statementsOf(code.replace(DIRECTIVE, blank), text.replace(DIRECTIVE, blank)),
    texts: textsOf(withTexts),
  };
}

/** The line of an offset, from 1. */
export function lineOf(text, offset) {
  return text.slice(0, offset).split("\n").length;
}

/** As many characters, and the same lines. */
function blank(text) {
  return text.replace(/[^\n]/g, " ");
}

function textsOf(code) {
  const text = /"(?:\\.|[^"\\\n])*"/g;
  return [...code.matchAll(/"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*/g)].map(([parts]) =>
    [...parts.matchAll(text)]
      .map(([part]) => part.slice(1, -1))
      .join("")
      .replace(/%[-.*\d]*[a-zA-Z]/g, "…")
      .replace(/\\(.)/g, "$1"),
  );
}

/**
 * @param {string} code without comments and directives
 * @param {string} text the same with comments
 * @returns {Statement[]}
 */
function statementsOf(code, text) {
  const statements = [];
  let start = -1;
  let head = ""; // the statement without what is in braces
  let depth = 0;
  for (let at = 0; at < code.length; at++) {
    const character = code[at];
    if (start < 0) {
      if (/[\s;]/.test(character)) continue;
      start = at;
      head = "";
    }
    if (character === "}") depth--;
    const isBody = character === "}" && depth === 0 && /\)\s*\{$/.test(head);
    if (depth === 0) head += character;
    if (character === "{") depth++;
    if (depth > 0 || !(isBody || character === ";")) continue;
    statements.push({
      text: head.replace(/\s+/g, " "),
      name: nameIn(head),
      line: lineOf(code, start),
      last: lineOf(code, at),
      isFunction: isBody,
      hasComment: /\*\/\s*$/.test(text.slice(0, start)),
    });
    start = -1;
  }
  return statements;
}

/** What stands before the first bracket, or before the end of a declaration. */
function nameIn(head) {
  return /(\w+)\s*(?:[([=;]|\{)/.exec(head)?.[1] ?? "";
}
