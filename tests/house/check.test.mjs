/**
 * Does the check of the sources see what it must? Faults are planted into a copy of them: each is reported at its file
 * and line, and nothing else is.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../..", import.meta.url));
const checker = fileURLToPath(new URL("check.mjs", import.meta.url));

/** What the check reports without a plant: of no interest but to the first test. */
let known = [];

/**
 * @param {Record<string, string>} plants texts, by the file that is written; "+" before its name: appended to. New files
 * are put on the map.
 * @returns {Promise<string[]>} what the check reports because of them
 */
async function problemsWith(plants) {
  const root = mkdtempSync(join(tmpdir(), "convex-house-"));
  try {
    for (const part of ["convex_migrate.c", "src", "README.md", "CHANGELOG.md", "LICENSE", "docs"])
      cpSync(`${project}/${part}`, `${root}/${part}`, { recursive: true });
    symlinkSync(`${project}/tests`, `${root}/tests`);
    for (const path of Object.keys(plants).filter((path) => /^src\/\w+\/\w+\.c$/.test(path)))
      appendFileSync(`${root}/src/README.md`, `\n\`${path.slice("src/".length)}\``);
    for (const [path, text] of Object.entries(plants)) plant(root, path, text);
    const { status, output } = await run(root);
    const lines = output.trim().split("\n");
    if (status !== 0) return lines.filter((line) => !known.includes(line));
    assert.match(output, /^\d+ files and \d+ pages are in order\n$/);
    return [];
  } finally {
    rmSync(root, { recursive: true });
  }
}

function plant(root, path, text) {
  if (path.startsWith("+")) return appendFileSync(`${root}/${path.slice(1)}`, text);
  mkdirSync(dirname(`${root}/${path}`), { recursive: true });
  writeFileSync(`${root}/${path}`, text);
}

function run(root) {
  return new Promise((resolve) => {
    execFile("node", [checker, root], (error, stdout, stderr) => {
      resolve({ status: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

/** A static function of so many lines. */
function functionOf(lines, name) {
  return `/* Does nothing. */\nstatic void\n${name}(void)\n{\n${"\tnothing();\n".repeat(lines - 4)}}\n`;
}

/** The line after the end of a file of the project. */
function lineAfter(path) {
  return readFileSync(`${project}/${path}`, "utf8").split("\n").length;
}

test("the sources are in order", async () => {
  known = await problemsWith({});
  assert.deepEqual(known, []);
});

test("what only looks like a fault is none", async () => {
  const text = [
    '#include "base/base.h"',
    '#include "catalog/pg_class.h"',
    "/* curl_easy_init() and cJSON_Parse(), as of PG_VERSION_NUM 150000; { */",
    'static const char *const words = "curl_easy_init( cJSON }";',
    "static char brace = '}';",
    "struct CmPlanted",
    "{",
    "\tint\t\tcount;",
    "};",
    'StaticAssertDecl(1 == 1, "it is");',
    functionOf(60, "longest"),
  ];
  assert.deepEqual(await problemsWith({ "src/base/planted.c": text.join("\n") }), []);
});

test("a header of a folder above", async () => {
  assert.deepEqual(
    await problemsWith({
      "src/base/planted.c": '#include "base/base.h"\n\n#include "catalog/pg_class.h"\n#include "run/run.h"\n',
      "src/row/planted.c": ' # include "generate/generate.h"\n',
    }),
    [
      "src/base/planted.c:4: base/ may not know run/run.h, which is above it",
      "src/row/planted.c:1: row/ may not know generate/generate.h, which is above it",
    ],
  );
});

test("a folder that is on no floor", async () => {
  assert.deepEqual(await problemsWith({ "src/attic/planted.c": "" }), [
    "src/attic/planted.c:1: the folder attic/ is not on a floor",
  ]);
});

test("headers in a circle", async () => {
  assert.deepEqual(
    await problemsWith({ "src/base/a.h": '\n#include "base/b.h"\n', "src/base/b.h": '#include "base/a.h"\n' }),
    [
      'src/base/a.h:2: a circle: src/base/a.h uses #include "base/b.h" of src/base/b.h, ' +
        'and src/base/b.h uses #include "base/a.h" of src/base/a.h',
    ],
  );
});

test("files in a circle", async () => {
  assert.deepEqual(
    await problemsWith({
      "src/base/p.h": "/* in a.c */\nextern void cm_a_do(void);\n/* in b.c */\nextern void cm_b_do(void);\n",
      "src/base/a.c": "void\ncm_a_do(void)\n{\n\tcm_b_do();\n}\n",
      "src/base/b.c": "void\ncm_b_do(void)\n{\n\tcm_a_do();\n}\n",
    }),
    [
      "src/base/a.c:4: a circle: src/base/a.c uses cm_b_do() of src/base/b.c, " +
        "and src/base/b.c uses cm_a_do() of src/base/a.c",
    ],
  );
});

test("libcurl, cJSON and version tests outside their files", async () => {
  const text =
    "#include <curl/curl.h>\n#include <cjson/cJSON.h>\nstatic cJSON *tree;\n#if PG_VERSION_NUM >= 160000\n#endif\n";
  const used = (path) => [
    `${path}:1: libcurl is used here`,
    `${path}:2: cJSON is used here`,
    `${path}:2: cJSON is used here`,
    `${path}:3: cJSON is used here`,
    `${path}:4: a test of a version is used here`,
  ];
  assert.deepEqual(await problemsWith({ "src/value/planted.c": text }), used("src/value/planted.c"));
  assert.deepEqual(
    await problemsWith({ "src/base/http_planted.c": "#include <curl/curl.h>\nstatic CURL *handle;\n" }),
    [],
  );
  const after = lineAfter("convex_migrate.c");
  assert.deepEqual(await problemsWith({ "+convex_migrate.c": "static int v = LIBCURL_VERSION_NUM;\n" }), [
    `convex_migrate.c:${after}: a test of a version is used here`,
  ]);
});

test("what other files see and is not named after its file", async () => {
  const problems = await problemsWith({
    "src/base/planted.h": "/* in planted.c */\nextern void cm_plant(void);\nextern int cm_planted;\n",
    "src/base/planted.c": "int\t\t\tcm_planted = 1;\n\nvoid\ncm_plant(void)\n{\n}\n",
  });
  assert.deepEqual(problems, [
    "src/base/planted.c:1: cm_planted is not named cm_planted_…, and not static",
    "src/base/planted.c:3: cm_plant is not named cm_planted_…, and not static",
  ]);
});

test("what other files see and no header declares under its file", async () => {
  const body = "void\ncm_planted_do(void)\n{\n}\n";
  const missing = 'src/base/planted.c:1: cm_planted_do has no prototype under "in planted.c" in a header of base/';
  assert.deepEqual(await problemsWith({ "src/base/planted.c": body }), [missing]);

  // under the heading of another file
  assert.deepEqual(
    await problemsWith({
      "src/base/planted.c": body,
      "src/base/planted.h": "/* in own.c */\nextern void cm_planted_do(void);\n",
    }),
    [missing, "src/base/planted.h:2: src/base/own.c does not define cm_planted_do"],
  );
});

test("a prototype of nothing, and one outside a header", async () => {
  assert.deepEqual(
    await problemsWith({
      "src/base/planted.h":
        "extern void cm_planted_one(void);\n/* in planted.c */\nextern void cm_planted_two(void);\n",
      "src/base/planted.c": "extern void cm_planted_three(void);\n",
    }),
    [
      'src/base/planted.c:1: cm_planted_three is declared without a heading "in FILE.c"',
      'src/base/planted.h:1: cm_planted_one is declared without a heading "in FILE.c"',
      "src/base/planted.h:3: src/base/planted.c does not define cm_planted_two",
    ],
  );
});

test("a function or a file that is too long", async () => {
  assert.deepEqual(await problemsWith({ "src/base/planted.c": functionOf(61, "endless") }), [
    "src/base/planted.c:2: endless() has 61 lines, more than 60",
  ]);
  assert.deepEqual(await problemsWith({ "src/base/planted.c": "\n".repeat(501) }), [
    "src/base/planted.c:501: 501 lines, more than 500",
  ]);
});

test("too many functions, or files, that are long", async () => {
  const functions = Array.from({ length: 10 }, (_, n) => functionOf(40, `long_${n}`)).join("");
  const plants = (text) => Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`src/base/planted_${n}.c`, text]));
  assert.deepEqual(await problemsWith(plants("\n".repeat(301))), [
    "src:1: half of all files has 301 lines or more: the goal is 300",
  ]);
  assert.deepEqual(
    (await problemsWith(plants(functions))).filter((line) => line.includes("functions")),
    ["src:1: a tenth of all functions has 40 lines or more: the goal is 30"],
  );
});

test("a map that is not that of the sources", async () => {
  const after = lineAfter("src/README.md");
  const text = "`base/nowhere.c`, `cm_nothing_does()`, `cm_run_open()`, `convex_plan()`\n";
  assert.deepEqual(await problemsWith({ "+src/README.md": text }), [
    `src/README.md:${after}: there is no base/nowhere.c`,
    `src/README.md:${after}: there is no cm_nothing_does()`,
  ]);
});

test("a file that is not on the map", async () => {
  assert.deepEqual(await problemsWith({ "+src/base/stray.c": "" }), [
    "src/README.md:1: src/base/stray.c is not on the map",
  ]);
});

test("a link that leads nowhere", async () => {
  const after = lineAfter("docs/failures.md");
  const text =
    "[a](nowhere.md) [b](contract.md#the-call) [c](contract.md#nowhere) [d](../tests/demo.sh) [e](https://x.y)\n";
  assert.deepEqual(await problemsWith({ "+docs/failures.md": text }), [
    `docs/failures.md:${after}: the link to nowhere.md leads nowhere`,
    `docs/failures.md:${after}: the link to contract.md#nowhere leads nowhere`,
  ]);
});

test("a message that is explained and that nothing says", async () => {
  const after = lineAfter("docs/failures.md");
  const text = '\n| message | |\n|---|---|\n| `server "…" is not active`, `the moon is not active` | none |\n';
  assert.deepEqual(await problemsWith({ "+docs/failures.md": text }), [
    `docs/failures.md:${after + 3}: no source has the message "the moon is not active"`,
  ]);
});

test("a function without a comment above it", async () => {
  const bare = (lines) =>
    functionOf(lines, `of_${lines}`).replace("/* Does nothing. */", "/* Of the file. */\n\nstatic int count;");
  const between = functionOf(7, "between").replace("static", "#ifdef HERE\nstatic");
  assert.deepEqual(await problemsWith({ "src/base/planted.c": [bare(6), bare(7), between].join("\n") }), [
    "src/base/planted.c:14: of_7() has no comment above it",
  ]);
});
