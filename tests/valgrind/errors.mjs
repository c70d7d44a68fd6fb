/**
 * Prints the errors of memcheck that have a frame of an object in their stack;
 * exit code 1 when there is one.
 *
 *   node tests/valgrind/errors.mjs FOLDER OBJECT
 *
 * FOLDER has the XML output of valgrind, a file per process; OBJECT is the file
 * name of a shared library. A file may end anywhere: its process may have been
 * stopped.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const [folder, object] = process.argv.slice(2);

/** The text of the first element of this name. */
function textOf(xml, name) {
  const match = xml.match(new RegExp(`<${name}>(.*?)</${name}>`, "s"));
  return match?.[1].replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function elementsOf(xml, name) {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(([, inner]) => inner);
}

/** Ours if any stack of it says so: where it happened, or where the memory came from. */
function isOurs(error) {
  return elementsOf(error, "frame").some((frame) => basename(textOf(frame, "obj") ?? "") === object);
}

function describe(error) {
  const frames = elementsOf(error, "frame").map((frame) => {
    const place = textOf(frame, "file") ? `${textOf(frame, "file")}:${textOf(frame, "line")}` : textOf(frame, "obj");
    return `    ${textOf(frame, "fn") ?? "?"} (${place ?? "?"})`;
  });
  return [textOf(error, "what") ?? textOf(error, "text") ?? textOf(error, "kind"), ...frames].join("\n");
}

const processes = readdirSync(folder);
const errors = processes.flatMap((file) => elementsOf(readFileSync(join(folder, file), "utf8"), "error"));
const ours = errors.filter(isOurs);
for (const error of ours) console.log(describe(error));
console.log(`memcheck: ${processes.length} processes, ${ours.length} errors in ${object}, ${errors.length - ours.length} in PostgreSQL alone`);
// No process at all means that nothing was looked at.
process.exitCode = ours.length === 0 && processes.length > 0 ? 0 : 1;
