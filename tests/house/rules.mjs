/**
 * What must hold in src/, and of the pages. Each rule is a function from the files (and the pages) to what is wrong
 * with them; src/README.md gives the reasons. A rule that a file has to break is changed here, not around
 * the file, and the reason is written next to it.
 */
import { lineOf } from "./source.mjs";

/** Folders of src/, from below. A folder includes its own headers and those of folders before it. */
const FLOORS = ["base", "value", "settings", "api", "catalog", "row", "generate", "run", "preview"];

/** Libraries and version tests: who may name them. */
const CONFINED = [
  { what: /<curl\/|\bCURL|\bcurl_/g, name: "libcurl", where: /^src\/base\/(http\w*\.c|compat\.h)$/ },
  { what: /\bcJSON|<cjson\//g, name: "cJSON", where: /^src\/api\// },
  { what: /\bisal_|\bZSTD_|<isa-l|<zstd/g, name: "ISA-L or zstd", where: /^src\/base\/compress\.c$/ },
  { what: /\bPG_VERSION_NUM\b|\bLIBCURL_VERSION_NUM\b/g, name: "a test of a version", where: /^src\/base\/compat\.h$/ },
];

/** The one circle of files: values contain values. */
const RECURSION = ["src/value/containers.c", "src/value/value.c"];

/** The map of src/, and the files on it that are neither C nor headers. */
const MAP = "src/README.md";
const TEMPLATES = ["src/generate/migrate.ts.in", "src/catalog/left_behind.sql.in"];

/** Messages that are explained, and those of them that are PostgreSQL's. */
const MESSAGES = "docs/failures.md";
const OF_POSTGRES = [
  /^permission denied for foreign server/,
  /^cannot execute/,
  /^out of shared memory/,
  /^canceling statement/,
];

/** A function of this many lines may say all by its name. */
const PLAIN_FUNCTION = 6;
const LONGEST_FUNCTION = 60;
const LONGEST_FILE = 500;
const P90_FUNCTION = 30;
const MEDIAN_FILE = 300;

/**
 * @typedef {import("./source.mjs").Source} Source
 * @typedef {import("./pages.mjs").Page} Page
 * @typedef {{path: string, line: number, text: string}} Problem
 */

export const rules = [
  floors,
  circlesOfHeaders,
  circlesOfFiles,
  confined,
  externsAreNamed,
  externsAreDeclared,
  functionsAreShort,
  functionsAreExplained,
  filesAreShort,
  mapIsWhole,
  linksLeadSomewhere,
  messagesAreOurs,
];

/** No header of a folder above is included. PostgreSQL has folders of the same names: ours are the files that exist. */
function floors(files) {
  const ours = new Set(files.map((file) => file.path));
  return files.flatMap((file) => {
    const folder = folderOf(file);
    if (folder === null) return [];
    if (!FLOORS.includes(folder))
      return [{ path: file.path, line: 1, text: `the folder ${folder}/ is not on a floor` }];
    return file.includes
      .filter(({ path }) => ours.has(`src/${path}`) && FLOORS.indexOf(path.split("/")[0]) > FLOORS.indexOf(folder))
      .map(({ path, line }) => ({ path: file.path, line, text: `${folder}/ may not know ${path}, which is above it` }));
  });
}

/** Headers do not include each other in a circle. */
function circlesOfHeaders(files) {
  const uses = new Map(
    files.map((file) => [
      file.path,
      file.includes.map(({ path, line }) => ({ to: `src/${path}`, line, by: `#include "${path}"` })),
    ]),
  );
  return circles(uses);
}

/** Files do not call each other in a circle. */
function circlesOfFiles(files) {
  const homes = new Map(definitions(files).map(({ file, statement }) => [statement.name, file.path]));
  const uses = new Map(files.map((file) => [file.path, callsOf(file, homes)]));
  return circles(uses).filter(({ circle }) => !circle.every((path) => RECURSION.includes(path)));
}

/** What other files define and this one names. */
function callsOf(file, homes) {
  if (!file.path.endsWith(".c")) return [];
  return [...file.code.matchAll(/\bcm_\w+/g)]
    .filter(([name]) => homes.has(name) && homes.get(name) !== file.path)
    .map(({ 0: name, index }) => ({ to: homes.get(name), line: lineOf(file.code, index), by: `${name}()` }));
}

/** Libraries and tests of versions stay where they are wrapped. */
function confined(files) {
  return files.flatMap((file) =>
    CONFINED.filter(({ where }) => !where.test(file.path)).flatMap(({ what, name }) =>
      [...file.code.matchAll(what)].map(({ index }) => ({
        path: file.path,
        line: lineOf(file.code, index),
        text: `${name} is used here`,
      })),
    ),
  );
}

/** What other files can see is named after its file. */
function externsAreNamed(files) {
  return definitions(files).flatMap(({ file, statement }) => {
    const prefix = `cm_${nameOf(file)}_`;
    if (statement.name.startsWith(prefix) && statement.name.length > prefix.length) return [];
    return [
      { path: file.path, line: statement.line, text: `${statement.name} is not named ${prefix}…, and not static` },
    ];
  });
}

/** What other files can see is declared under its file's heading in a header of its folder, and nowhere else. */
function externsAreDeclared(files) {
  const declared = files.filter((file) => file.path.startsWith("src/")).flatMap(declarationsOf);
  const missing = definitions(files)
    .filter(({ file, statement }) => !declared.some((it) => it.name === statement.name && it.home === file.path))
    .map(({ file, statement }) => ({
      path: file.path,
      line: statement.line,
      text: `${statement.name} has no prototype under "in ${nameOf(file)}.c" in a header of ${folderOf(file)}/`,
    }));
  const defined = new Set(definitions(files).map(({ file, statement }) => `${file.path} ${statement.name}`));
  const idle = declared
    .filter(({ name, home }) => !defined.has(`${home} ${name}`))
    .map(({ path, line, name, home }) => ({
      path,
      line,
      text: home === null ? `${name} is declared without a heading "in FILE.c"` : `${home} does not define ${name}`,
    }));
  return [...missing, ...idle];
}

/** Externs that a file declares; a home of null is none. */
function declarationsOf(file) {
  return file.statements
    .filter(({ text }) => text.startsWith("extern "))
    .map(({ name, line }) => {
      const heading = file.headings.filter((it) => it.line < line).at(-1);
      const home = heading && file.path.endsWith(".h") ? `src/${folderOf(file)}/${heading.file}.c` : null;
      return { path: file.path, line, name, home };
    });
}

function functionsAreShort(files) {
  const found = files.flatMap((file) =>
    file.statements.filter((it) => it.isFunction).map((it) => ({ file, ...it, length: it.last - it.line + 1 })),
  );
  const lengths = found.map(({ length }) => length);
  const p90 = quantile(lengths, 0.9);
  return [
    ...found
      .filter(({ length }) => length > LONGEST_FUNCTION)
      .map(({ file, line, name, length }) => ({
        path: file.path,
        line,
        text: `${name}() has ${length} lines, more than ${LONGEST_FUNCTION}`,
      })),
    ...(p90 > P90_FUNCTION
      ? [whole(`a tenth of all functions has ${p90} lines or more: the goal is ${P90_FUNCTION}`)]
      : []),
  ];
}

/** A comment stands above a function. */
function functionsAreExplained(files) {
  return files.flatMap((file) =>
    file.statements
      .filter((it) => it.isFunction && !it.hasComment && it.last - it.line + 1 > PLAIN_FUNCTION)
      .map(({ line, name }) => ({ path: file.path, line, text: `${name}() has no comment above it` })),
  );
}

function filesAreShort(files) {
  const median = quantile(
    files.map(({ lines }) => lines),
    0.5,
  );
  return [
    ...files
      .filter(({ lines }) => lines > LONGEST_FILE)
      .map(({ path, lines }) => ({ path, line: lines, text: `${lines} lines, more than ${LONGEST_FILE}` })),
    ...(median > MEDIAN_FILE
      ? [whole(`half of all files has ${median} lines or more: the goal is ${MEDIAN_FILE}`)]
      : []),
  ];
}

/** src/README.md names every file of src/, and no file or C function that is not there. */
function mapIsWhole(files, pages) {
  const page = pages.find(({ path }) => path === MAP);
  const sources = files.filter(({ path }) => /^src\/.*\.c$/.test(path)).map(({ path }) => path);
  const missing = sources
    .filter((path) => !page.text.includes(`\`${path.slice("src/".length)}\``))
    .map((path) => ({ path: MAP, line: 1, text: `${path} is not on the map` }));
  const wrong = [...page.text.matchAll(/`([^`\n]+)`/g)]
    .filter(([, word]) => namesNothing(word, files))
    .map(({ 1: word, index }) => ({ path: MAP, line: lineOf(page.text, index), text: `there is no ${word}` }));
  return [...missing, ...wrong];
}

/** Whether a word of the map looks like a file of src/, or a function of C, and is none. */
function namesNothing(word, files) {
  if (FLOORS.some((folder) => word.startsWith(`${folder}/`) && word.includes(".")))
    return !files.some(({ path }) => path === `src/${word}`) && !TEMPLATES.includes(`src/${word}`);
  const name = /^(\w+)\(\)$/.exec(word)?.[1];
  if (name === undefined || name.startsWith("convex_")) return false;
  return !files.some(({ code }) => new RegExp(`\\b${name}\\s*\\(`).test(code));
}

/** Links from one page to another, or to a heading of it. */
function linksLeadSomewhere(files, pages) {
  return pages.flatMap(({ path, text, links }) =>
    links
      .filter((link) => !link.exists)
      .map(({ target, index }) => ({ path, line: lineOf(text, index), text: `the link to ${target} leads nowhere` })),
  );
}

/** A message that docs/failures.md explains, in the first column of a table headed "message", is in the sources. */
function messagesAreOurs(files, pages) {
  const { text } = pages.find(({ path }) => path === MESSAGES);
  const texts = files.flatMap((file) => file.texts);
  return [...text.matchAll(/^\| message \|.*\n(?:\|.*\n)+/gm)].flatMap((table) =>
    [...table[0].matchAll(/^\| (`.*?) \|/gm)].flatMap((row) =>
      [...row[1].matchAll(/`([^`]+)`/g)]
        .filter(
          ([, message]) => !OF_POSTGRES.some((it) => it.test(message)) && !texts.some((it) => it.includes(message)),
        )
        .map(([, message]) => ({
          path: MESSAGES,
          line: lineOf(text, table.index + row.index),
          text: `no source has the message "${message}"`,
        })),
    ),
  );
}

/** Functions and variables of src/ that other files can see. */
function definitions(files) {
  return files
    .filter((file) => /^src\/.*\.c$/.test(file.path))
    .flatMap((file) => file.statements.filter(isVisible).map((statement) => ({ file, statement })));
}

/** Not static, not a type, not a macro's call. */
function isVisible({ text, isFunction }) {
  if (/^(static|typedef|extern)\b/.test(text) || /^(struct|union|enum) \w*\s*(\{\})?;$/.test(text)) return false;
  return isFunction || !/^\w+ ?\(/.test(text);
}

/**
 * @param {Map<string, {to: string, line: number, by: string}[]>} uses
 * @returns {(Problem & {circle: string[]})[]} each circle once, shortest way round
 */
function circles(uses) {
  const found = new Map();
  for (const from of uses.keys()) {
    const way = wayBack(uses, from);
    if (way === null) continue;
    const circle = way.map(({ from }) => from);
    const key = [...circle].sort().join(" ");
    const text = way.map(({ from, by, to }) => `${from} uses ${by} of ${to}`).join(", and ");
    if (!found.has(key)) found.set(key, { path: from, line: way[0].line, text: `a circle: ${text}`, circle });
  }
  return [...found.values()];
}

/** The shortest way from a file to itself, or null. */
function wayBack(uses, start) {
  const ways = [[start, []]];
  const seen = new Set();
  for (const [from, way] of ways) {
    for (const use of uses.get(from) ?? []) {
      const longer = [...way, { from, ...use }];
      if (use.to === start) return longer;
      if (seen.has(use.to)) continue;
      seen.add(use.to);
      ways.push([use.to, longer]);
    }
  }
  return null;
}

function quantile(numbers, part) {
  return [...numbers].sort((a, b) => a - b)[Math.ceil(part * numbers.length) - 1] ?? 0;
}

/** A problem of no file in particular. */
function whole(text) {
  return { path: "src", line: 1, text };
}

/** The folder of src/, or null. */
function folderOf(file) {
  return /^src\/(\w+)\//.exec(file.path)?.[1] ?? null;
}

function nameOf(file) {
  return /(\w+)\.[ch]$/.exec(file.path)[1];
}
