/**
 * Files that clients upload in parts, kept as the two kinds of storage do that a server may have: a folder on its disk
 * (`LocalDirStorage`, crates/storage/src/lib.rs) and S3 (crates/aws_s3/src/storage.rs). Tokens are JSON text in both.
 */
import { createHash, randomUUID } from "node:crypto";
import { DeveloperError } from "../errors.mjs";
import { MAX_S3_PARTS, MIN_S3_PART_SIZE } from "../limits.mjs";

/** @throws {Error} without a code: to the server a token that it did not make is a surprise, and a 500 */
function readToken(text, member) {
  const token = JSON.parse(text);
  for (const name of ["objectKey", member])
    if (typeof token?.[name] !== "string") throw new Error(`missing ${name}`);
  return token;
}

/** Appends each part to the file, whatever its number: a part that is sent twice is in the file twice. */
export class LocalUploads {
  /** @type {Map<string, Buffer[]>} */
  #parts = new Map();

  start() {
    const objectKey = randomUUID();
    this.#parts.set(objectKey, []);
    return JSON.stringify({ objectKey, filepath: `/convex/data/storage/modules/${objectKey}.blob` });
  }

  /** @param {string} token @param {number} _number is not looked at @param {Buffer} bytes @returns {string} */
  addPart(token, _number, bytes) {
    const { objectKey } = readToken(token, "filepath");
    const parts = this.#parts.get(objectKey);
    if (parts === undefined) throw new Error("No such file or directory");
    parts.push(bytes);
    return "";
  }

  /** @param {string} token @returns {string} key of the object */
  finish(token) {
    return readToken(token, "filepath").objectKey;
  }

  /** A file that came in one request. @param {Buffer} bytes @returns {string} key of the object */
  store(bytes) {
    const objectKey = randomUUID();
    this.#parts.set(objectKey, [bytes]);
    return objectKey;
  }

  /** @param {string} objectKey @throws {Error} for an object that is not there */
  read(objectKey) {
    const parts = this.#parts.get(objectKey);
    if (parts === undefined) throw new Error(`Missing import object ${objectKey}`);
    return Buffer.concat(parts);
  }

  clear() {
    this.#parts.clear();
  }
}

/** Keeps parts by number: one that is sent twice replaces the first. What S3 refuses is a 500 here as there. */
export class S3Uploads {
  /** @type {Map<string, Map<number, {bytes: Buffer, etag: string}>>} */
  #uploads = new Map();
  #objects = new Map();

  start() {
    const uploadId = randomUUID();
    this.#uploads.set(uploadId, new Map());
    return JSON.stringify({ objectKey: randomUUID(), uploadId });
  }

  addPart(token, number, bytes) {
    const { uploadId } = readToken(token, "uploadId");
    checkPartNumber(number);
    const parts = this.#uploads.get(uploadId);
    if (parts === undefined) throw new Error("NoSuchUpload");
    const etag = createHash("md5").update(bytes).digest("hex");
    parts.set(number, { bytes, etag });
    return JSON.stringify({ partNumber: number, etag, checksum: etag, size: bytes.length });
  }

  finish(token, partTokens) {
    const { objectKey, uploadId } = readToken(token, "uploadId");
    const tokens = partTokens.length === 0 ? [this.addPart(token, 1, Buffer.alloc(0))] : partTokens;
    const parts = this.#uploads.get(uploadId);
    if (parts === undefined) throw new Error("NoSuchUpload");
    const chosen = tokens.map((text) => choosePart(parts, JSON.parse(text)));
    checkParts(chosen);
    this.#uploads.delete(uploadId);
    this.#objects.set(objectKey, Buffer.concat(chosen.map(({ bytes }) => bytes)));
    return objectKey;
  }

  store(bytes) {
    const objectKey = randomUUID();
    this.#objects.set(objectKey, bytes);
    return objectKey;
  }

  read(objectKey) {
    const bytes = this.#objects.get(objectKey);
    if (bytes === undefined) throw new Error(`Missing import object ${objectKey}`);
    return bytes;
  }

  clear() {
    this.#uploads.clear();
    this.#objects.clear();
  }
}

/** The server asks whether the next number would do too, so that the last of S3's 10,000 is never used. */
function checkPartNumber(number) {
  if (number >= 1 && number <= MAX_S3_PARTS) return;
  // A zero passes the server's own question, and fails the one after it without a code.
  if (number === 0) throw new Error("Object part number cannot exceed 10,000 or be 0.");
  throw new DeveloperError("Invalid part number", "Object part number cannot exceed 10,000 or be 0.");
}

function choosePart(parts, { partNumber, etag }) {
  const part = parts.get(partNumber);
  if (part?.etag !== etag) throw new Error("InvalidPart");
  return { number: partNumber, bytes: part.bytes };
}

/** `CompleteMultipartUpload` of S3: numbers go up, and only the last part may be small. */
function checkParts(parts) {
  for (const [i, { number, bytes }] of parts.entries()) {
    if (i > 0 && number <= parts[i - 1].number) throw new Error("InvalidPartOrder");
    if (i < parts.length - 1 && bytes.length < MIN_S3_PART_SIZE) throw new Error("EntityTooSmall");
  }
}

const KINDS = { local: LocalUploads, s3: S3Uploads };

/** @param {string} kind @throws {Error} for a kind that does not exist */
export function makeUploads(kind) {
  const Kind = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (Kind === undefined)
    throw new Error(`unknown storage ${kind}; there are ${Object.keys(KINDS).join(", ")}`);
  return new Kind();
}
