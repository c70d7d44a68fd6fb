/** Lines and rows of text, with what each format says of text that is none (crates/application/src/snapshot_import/parse.rs). */
import { parse as parseCsv } from "csv-parse/sync";
import { displayValue } from "../display.mjs";
import { checkFieldName } from "../names.mjs";
import { ImportError } from "./errors.mjs";

const NEWLINE = 10;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {Buffer} bytes */
export function hasBom(bytes) {
  return bytes.subarray(0, BOM.length).equals(BOM);
}

/** @throws {ImportError} */
export function refuseBom(bytes) {
  if (hasBom(bytes))
    throw new ImportError(
      "Utf8BomNotSupported",
      "UTF-8 BOM is not supported. Please save your file without BOM.",
    );
}

/**
 * The lines of a file, without their ends; what follows the last end is a line only if there is something.
 * @param {Buffer} bytes
 * @param {() => Error} whenNotText
 * @returns {Generator<string>}
 */
export function* readLines(bytes, whenNotText) {
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    yield decode(bytes.subarray(start, end), whenNotText);
    start = end + 1;
  }
}

function decode(bytes, whenNotText) {
  try {
    return utf8.decode(bytes);
  } catch {
    throw whenNotText();
  }
}

export function notUtf8() {
  return new ImportError("NotUtf8", "Import wasn't valid UTF8: stream did not contain valid UTF-8");
}

/** What Rust's `parse::<f64>` takes and is finite; other numbers become null (`json!` of a NaN). */
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;

function readCell(text) {
  if (NOT_FINITE.test(text)) return null;
  if (!FLOAT.test(text)) return text;
  return Number.isFinite(Number(text)) ? Number(text) : null;
}

function readHeader(text) {
  const name = text.replace(/^ +| +$/g, "");
  try {
    checkFieldName(name);
  } catch (error) {
    const message = `CSV header ${displayValue(name)} isn't a valid field name: ${error.message}`;
    throw new ImportError("CsvInvalidHeader", message);
  }
  return name;
}

/** @param {Buffer} bytes @returns {Generator<Record<string, unknown>>} a row as parsed JSON: numbers and strings */
export function* readCsv(bytes) {
  const text = decode(
    bytes,
    () => new ImportError("CsvInvalidRow", "Failed to parse CSV row 0: invalid utf-8"),
  );
  const records = parseCsv(text, {
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    info: true,
  });
  const [header, ...rows] = records;
  const names = (header?.record ?? []).map(readHeader);
  let line = header?.info.lines ?? 0;
  for (const { record, info } of rows) {
    // The line on which the row begins.
    line += 1;
    if (record.length !== names.length)
      throw new ImportError(
        "CsvRowMissingFields",
        `CSV row ${line} doesn't have all of the fields in the header`,
      );
    line = info.lines;
    yield Object.fromEntries(names.map((name, i) => [name, readCell(record[i])]));
  }
}
