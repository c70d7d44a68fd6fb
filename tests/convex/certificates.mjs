/**
 * Certificates for a deployment behind TLS: a good one, and such that no client should trust. Made anew for each start,
 * so that none expires in the repository. X.509 in DER (RFC 5280), with keys on the curve P-256.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";
const BASIC_CONSTRAINTS = "2.5.29.19";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

/** What may be wrong with the certificate of the deployment. */
const KINDS = {
  good: {},
  expired: { days: [-20, -10] },
  wrong_host: { names: ["elsewhere.example"], addresses: [] },
  self_signed: { isSelfSigned: true },
};

function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const significant = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, content]);
}

const sequence = (...parts) => der(0x30, ...parts);
const octets = (bytes) => der(0x04, bytes);
const bits = (bytes) => der(0x03, Buffer.from([0]), bytes);
const tagged = (number, ...parts) => der(0xa0 | number, ...parts);
const yes = der(0x01, Buffer.from([0xff]));
const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));

function objectIdentifier(text) {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 127];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 127));
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

function name(text) {
  return sequence(der(0x31, sequence(objectIdentifier(COMMON_NAME), der(0x0c, Buffer.from(text)))));
}

/** UTCTime, as it must be until 2049. */
function time(date) {
  return der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
}

function extension(identifier, ...parts) {
  return sequence(objectIdentifier(identifier), ...parts);
}

function alternativeNames(names, addresses) {
  const hosts = names.map((host) => der(0x82, Buffer.from(host)));
  const numbers = addresses.map((address) => der(0x87, Buffer.from(address.split(".").map(Number))));
  return extension(SUBJECT_ALTERNATIVE_NAME, octets(sequence(...hosts, ...numbers)));
}

function makeKeys() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** @returns {string} PEM of a certificate for `subject`, signed by `issuer` */
function makeCertificate({ subject, issuer, days, extensions }) {
  const [from, until] = days.map((count) => time(new Date(Date.now() + count * DAY_MS)));
  const serial = randomBytes(8);
  serial[0] = (serial[0] & 0x7f) | 1;
  const content = sequence(
    tagged(0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name(issuer.name),
    sequence(from, until),
    name(subject.name),
    subject.keys.publicKey.export({ type: "spki", format: "der" }),
    tagged(3, sequence(...extensions)),
  );
  const whole = sequence(content, algorithm, bits(sign("sha256", content, issuer.keys.privateKey)));
  const lines = whole.toString("base64").match(/.{1,64}/g);
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/**
 * @param {string} kind "good", "expired", "wrong_host" or "self_signed"
 * @returns {{key: string, cert: string, ca: string}} PEM; `ca` is what a client has to trust
 * @throws {Error} for a kind that does not exist
 */
export function makeCertificates(kind) {
  if (!Object.hasOwn(KINDS, kind))
    throw new Error(`unknown certificate ${kind}; there are ${Object.keys(KINDS).join(", ")}`);
  const { names = ["localhost"], addresses = ["127.0.0.1"], days = [-1, 10], isSelfSigned } = KINDS[kind];
  const authority = { name: "local Convex authority", keys: makeKeys() };
  const subject = { name: "local Convex", keys: makeKeys() };
  const isAuthority = extension(BASIC_CONSTRAINTS, yes, octets(sequence(yes)));
  return {
    key: subject.keys.privateKey.export({ type: "pkcs8", format: "pem" }),
    cert: makeCertificate({
      subject,
      issuer: isSelfSigned ? subject : authority,
      days,
      extensions: [alternativeNames(names, addresses)],
    }),
    ca: makeCertificate({ subject: authority, issuer: authority, days: [-1, 10], extensions: [isAuthority] }),
  };
}
