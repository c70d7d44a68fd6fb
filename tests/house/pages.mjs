/**
 * The project's pages (Markdown) and the links that they have to each other.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * @typedef {object} Page
 * @property {string} path below the root
 * @property {string} text
 * @property {{target: string, index: number, exists: boolean}[]} links those that lead to the project itself
 */

/** @returns {Page[]} */
export function readPages(root) {
  const docs = readdirSync(`${root}/docs`).map((name) => `docs/${name}`);
  return ["README.md", "CHANGELOG.md", "src/README.md", ...docs]
    .filter((path) => path.endsWith(".md"))
    .map((path) => {
      const text = readFileSync(`${root}/${path}`, "utf8");
      return { path, text, links: linksOf(root, path, text) };
    });
}

function linksOf(root, path, text) {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .filter(([, target]) => !/^\w+:/.test(target))
    .map(({ 1: target, index }) => ({ target, index, exists: leadsSomewhere(root, path, target) }));
}

function leadsSomewhere(root, path, target) {
  const [file, heading] = target.split("#");
  const page = file === "" ? path : normalize(join(dirname(path), file));
  if (!existsSync(`${root}/${page}`)) return false;
  return heading === undefined || headingsOf(readFileSync(`${root}/${page}`, "utf8")).includes(heading);
}

/** The names of headings in links, as GitHub makes them. */
function headingsOf(text) {
  const code = /^```[\s\S]*?^```/gm;
  return [...text.replace(code, "").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replace(/ /g, "-"),
  );
}
