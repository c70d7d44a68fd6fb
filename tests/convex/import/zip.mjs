/**
 * The entries of a ZIP file, read through its central directory (crates/storage_zip_reader/src/lib.rs, rc-zip): their
 * order does not matter, and sizes and checksums are the directory's. yauzl knows ZIP64 and finds what is broken;
 * entries that it does not decompress, and checksums, are looked at here.
 */
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";
import crc32 from "buffer-crc32";
import { decompress as decompressZstd } from "fzstd";
import yauzl from "yauzl";
import { DeveloperError } from "../errors.mjs";
import { notSupported } from "./errors.mjs";

const fromBuffer = promisify(yauzl.fromBuffer);

const METHODS = { stored: 0, deflate: 8, deflate64: 9, zstd: 93 };
/** The bit of an entry that says that it is encrypted. */
const ENCRYPTED = 1;

function invalidZip() {
  return new DeveloperError("InvalidZip", "invalid zip file");
}

/**
 * @param {Buffer} bytes of the file
 * @returns {Promise<{name: string, read: () => Promise<Buffer>}[]>} in the order of the directory
 * @throws {DeveloperError} InvalidZip
 */
export async function readZip(bytes) {
  const entries = [];
  try {
    // Names that look dangerous are none here: nothing is written to a disk.
    const zip = await fromBuffer(bytes, { lazyEntries: true, decodeStrings: false });
    for await (const entry of zip.eachEntry())
      entries.push({ name: entry.fileName.toString(), read: () => readEntry(zip, entry) });
  } catch {
    throw invalidZip();
  }
  return entries;
}

async function readEntry(zip, entry) {
  if (entry.compressionMethod === METHODS.deflate64) throw notSupported("deflate64 in a ZIP file");
  if (entry.generalPurposeBitFlag & ENCRYPTED) throw invalidZip();
  let content;
  try {
    content = decompress(entry, await readRaw(zip, entry));
  } catch {
    throw invalidZip();
  }
  if (content.length !== entry.uncompressedSize) throw invalidZip();
  // A directory without a checksum leaves it to the descriptor, which nothing here depends on.
  if (entry.crc32 !== 0 && crc32.unsigned(content) !== entry.crc32) throw invalidZip();
  return content;
}

async function readRaw(zip, entry) {
  const stream = await zip.openReadStreamPromise(entry, { decodeFileData: false });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function decompress({ compressionMethod }, raw) {
  switch (compressionMethod) {
    case METHODS.stored:
      return raw;
    case METHODS.deflate:
      return inflateRawSync(raw);
    case METHODS.zstd:
      return Buffer.from(decompressZstd(raw));
    default:
      throw new Error(`unsupported compression method ${compressionMethod}`);
  }
}
