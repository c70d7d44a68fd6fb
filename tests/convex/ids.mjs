/**
 * Document ids, version 6 (crates/value/src/id_v6.rs):
 * base32(VInt(table number) | 16 bytes | fletcher16 of all before), and the
 * ids that a server mints (crates/database/src/transaction_id_generator.rs).
 */
import { randomFillSync } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS = new Map([...ALPHABET].map((character, digit) => [character, digit]));
const INTERNAL_LENGTH = 16;
const MIN_LENGTH = 31;
const MAX_LENGTH = 37;
const MAX_VINT_BYTES = 5;

/** Checksum modulo 256; the footer is its two sums, low byte first. */
function fletcher16(bytes, length) {
  let low = 0;
  let high = 0;
  for (let i = 0; i < length; i += 1) {
    low = (low + bytes[i]) & 255;
    high = (high + low) & 255;
  }
  return [low, high];
}

function base32Encode(bytes) {
  let text = "";
  let buffered = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffered = ((buffered << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffered >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(buffered << (5 - bits)) & 31] : text;
}

function base32Decode(text) {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let buffered = 0;
  let bits = 0;
  let position = 0;
  for (const character of text) {
    const digit = DIGITS.get(character);
    if (digit === undefined) return null;
    buffered = ((buffered << 5) | digit) & 0xffff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[position++] = (buffered >> bits) & 255;
    }
  }
  return bytes;
}

/**
 * @param {number} tableNumber 1 … 2^32 − 1
 * @param {Uint8Array} internalId 16 bytes
 * @returns {string} the id, 31 to 37 characters
 */
export function encodeId(tableNumber, internalId) {
  const bytes = [];
  let rest = tableNumber;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest, ...internalId);
  bytes.push(...fletcher16(bytes, bytes.length));
  return base32Encode(bytes);
}

/**
 * @param {string} text
 * @returns {{tableNumber: number, internalId: Uint8Array} | null} null when text is not an id in its only spelling
 */
export function decodeId(text) {
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH) return null;
  const bytes = base32Decode(text);
  if (bytes === null) return null;
  let tableNumber = 0;
  let position = 0;
  for (;;) {
    if (position >= MAX_VINT_BYTES) return null;
    const byte = bytes[position];
    // Bits beyond the 32nd fall away, as in the server; the spelling check below catches them.
    tableNumber = (tableNumber + (byte & 127) * 128 ** position) % 2 ** 32;
    position += 1;
    if (byte < 128) break;
  }
  const end = position + INTERNAL_LENGTH;
  if (tableNumber === 0 || bytes.length !== end + 2) return null;
  const [low, high] = fletcher16(bytes, end);
  if (bytes[end] !== low || bytes[end + 1] !== high) return null;
  const internalId = bytes.subarray(position, end);
  return encodeId(tableNumber, internalId) === text ? { tableNumber, internalId } : null;
}

const decodedTables = new Map();
const DECODED_TABLES_KEPT = 20000;

/**
 * The table number of an id, or null; remembers recent answers because a batch
 * of records repeats its references.
 * @param {string} text
 */
export function tableNumberOfId(text) {
  let tableNumber = decodedTables.get(text);
  if (tableNumber === undefined) {
    tableNumber = decodeId(text)?.tableNumber ?? null;
    if (decodedTables.size >= DECODED_TABLES_KEPT) decodedTables.clear();
    decodedTables.set(text, tableNumber);
  }
  return tableNumber;
}

/** Why an id does not decode, as `IdDecodeError` says it. */
export function describeBadId(text) {
  const length = Buffer.byteLength(text);
  if (length < MIN_LENGTH || length > MAX_LENGTH) return `Unable to decode ID: Invalid ID length ${length}`;
  if (base32Decode(text) === null) return "Unable to decode ID: ID wasn't valid base32";
  return `Unable to decode ID: Invalid ID version or length of "${text}"`;
}

const RANDOM_LENGTH = 14;
const randomPool = Buffer.alloc(RANDOM_LENGTH * 512);
let randomPosition = randomPool.length;

/** 14 random bytes and the day since 1970 in two bytes, high byte first. */
export function mintInternalId() {
  if (randomPosition >= randomPool.length) {
    randomFillSync(randomPool);
    randomPosition = 0;
  }
  const internalId = Buffer.alloc(INTERNAL_LENGTH);
  randomPool.copy(internalId, 0, randomPosition, randomPosition + RANDOM_LENGTH);
  randomPosition += RANDOM_LENGTH;
  internalId.writeUInt16BE(Math.floor(Date.now() / 86_400_000), RANDOM_LENGTH);
  return internalId;
}
