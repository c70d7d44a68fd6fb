/**
 * Measuring processes and showing what was measured. Linux only: it reads /proc.
 */
import { readFileSync } from "node:fs";

/** Clock ticks in a second as /proc counts CPU time: fixed for user space (man 5 proc, USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Milliseconds between two looks at a process's memory. */
const SAMPLE_INTERVAL = 10;

/** @param {number[]} numbers at least one */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** CPU time that the process has used so far, in user and system mode, in seconds. */
export function cpuSeconds(pid) {
  // The second field is the program's name in parentheses, which may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A memory figure of /proc/PID/status, in bytes. */
function memory(pid, name) {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))[1]) * 1024;
}

/** The process behind a connection. @param {import("pg").Client} client */
export async function backendOf(client) {
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  return rows[0].pid;
}

/**
 * Runs a statement and measures its backend: `seconds` of wall time, `cpu`
 * seconds, `rows` it returned, and two peaks of memory, in bytes.
 *
 * `anonymous` is what the backend allocates (RssAnon: heap, libcurl, temporary
 * buffers), and what a leak would raise. The kernel keeps no peak of it, so it is
 * sampled. `resident` is VmHWM, which misses no moment but counts each page of
 * shared buffers that the backend has touched: it grows with the size of a table
 * up to shared_buffers, although that memory is taken once for all backends.
 * @param {import("pg").Client} client VmHWM is that of its whole life
 * @param {string} sql
 */
export async function timed(client, sql) {
  const pid = await backendOf(client);
  let anonymous = 0;
  const sample = () => (anonymous = Math.max(anonymous, memory(pid, "RssAnon")));
  const timer = setInterval(sample, SAMPLE_INTERVAL);
  try {
    const cpuBefore = cpuSeconds(pid);
    const start = performance.now();
    const { rows } = await client.query(sql);
    const seconds = (performance.now() - start) / 1000;
    sample();
    return { seconds, cpu: cpuSeconds(pid) - cpuBefore, rows, anonymous, resident: memory(pid, "VmHWM") };
  } finally {
    clearInterval(timer);
  }
}

/**
 * Prints a table: columns as wide as they must be, all but the first to the right.
 * @param {string} title
 * @param {string[]} head
 * @param {string[][]} lines
 */
export function printTable(title, head, lines) {
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i].length)));
  const format = (line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`\n${title}`);
  for (const line of [head, widths.map((width) => "-".repeat(width)), ...lines]) console.log(`  ${format(line).trimEnd()}`);
}

/** A whole number with commas between thousands. */
export function grouped(number) {
  return Math.round(number).toLocaleString("en");
}

/** Bytes as megabytes. */
export function megabytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
