/**
 * What a row must become: the document with its fields, references among them,
 * or the reasons for which it cannot go. Used by compare.mjs, whose settings
 * these are.
 */
import { convexToJson, getDocumentSize } from "convex/values";
import pg from "pg";
import { Place } from "./expected_place.mjs";
import { conversionOf, goesAsJsonText, receivedOf } from "./expected_values.mjs";

/** What Convex takes in a document and in a request (crates/common/src/document.rs, knobs.rs; crates/value/src/object.rs). */
const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
const MAX_FIELDS = 1024;
const SYSTEM_FIELDS = 2;

/** In the place of an id that only the second pass knows, or that there is not: ids have this length. */
const UNKNOWN_ID = "?".repeat(32);
/** In the place of the key of a row without one: a hash and its ordinal among equal rows. */
const UNKNOWN_KEY = `${"?".repeat(64)}-1`;

/**
 * How to read a table: a query that gives each row with the keys of the rows it
 * refers to (joined by PostgreSQL itself), and what a row becomes.
 */
export function rowReader(relation, relations, idOf, settings) {
  const names = settings.fields[nameOf(relation)] ?? {};
  const choices = settings.choices[nameOf(relation)] ?? {};
  const fieldOf = (name) => (Object.hasOwn(names, name) ? names[name] : name);
  const references = referencesOf(relation, relations)
    .map((reference) => ({ ...reference, field: fieldOf(reference.field) }))
    .filter(({ field }) => field !== null);
  const referenceFields = references.map(({ field }) => field);
  const values = relation.columns
    .filter(({ name }) => !isIdKey(relation, name))
    .map(({ name, type }) => ({ name, type, field: fieldOf(name), choice: choices[name] ?? null }))
    .map((value) => ({ ...value, convert: conversionOf(value.type, settings, value.choice), received: receivedOf(value.type, value.choice) }))
    .filter(({ field }) => field !== null && !referenceFields.includes(field));
  const isMeasured = !values.some(({ type, choice }) => goesAsJsonText(type, choice));
  const query = rowsQuery(relation, values, references, settings.rows[nameOf(relation)]);

  /** @param {(string | null)[]} row @returns {{ key: string, fields: Map<string, unknown> } & Pick<Refusal, "problems" | "inPart">} */
  const expected = (row) => {
    let next = 0;
    const take = (count) => row.slice(next, (next += count));
    const key = keyText(take(relation.key.length));
    const fields = new Map([[settings.keyField, key]]);
    const problems = [];
    for (const { field, convert } of values) {
      const [text] = take(1);
      // A JSON null is a value: only NULL is left out.
      if (text !== null) fields.set(field, convert(text, new Place(problems, field)));
      else if (settings.nulls === "null") fields.set(field, null);
    }
    const unknown = relation.key.length === 0 ? [[settings.keyField, UNKNOWN_KEY]] : [];
    const orphans = [];
    for (const { parent, columns, field } of references) {
      const own = take(columns.length);
      const parentKey = take(parent.key.length);
      const deferred = settings.deferred.includes(field);
      const id = parentKey.includes(null) ? undefined : idOf(parent, keyText(parentKey));
      const value = own.includes(null) ? null : (id ?? orphan(keyText(own), deferred, settings));
      if (value === ORPHAN) orphans.push({ code: "orphan", path: field, figures: [], deferred });
      else if (value !== undefined && (value !== null || settings.nulls === "null")) fields.set(field, value);
      if (deferred && !own.includes(null)) unknown.push([field, longest(keyText(own), settings)]);
    }
    if (problems.length === 0) problems.push(...documentProblems(new Map([...fields, ...unknown]), isMeasured));
    const inPart = problems.length === 0 && orphans.every(({ deferred }) => deferred);
    return { key, fields, problems: [...problems, ...oneOf(orphans)], inPart };
  };
  /** Values of documents become what expected() gives. */
  const normalize = (documents) => {
    for (const document of documents) {
      for (const { field, received } of values) {
        if (Object.hasOwn(document, field)) document[field] = received(document[field]);
      }
    }
  };
  return { query, expected, normalize };
}

/** What a field may hold of bytes that the second pass sets: the id, or the old key of a row that is not there. */
function longest(own, { orphans }) {
  return orphans === "keep" && Buffer.byteLength(own) > UNKNOWN_ID.length ? own : UNKNOWN_ID;
}

/** The row, or this field of it, cannot go. */
const ORPHAN = Symbol("orphan");

/** The problem that all lost references of a row are: those of the second pass are only found if there is no other. */
function oneOf(orphans) {
  const atOnce = orphans.filter(({ deferred }) => !deferred);
  const named = atOnce.length > 0 ? atOnce : orphans;
  return named.length === 0 ? [] : [{ code: "orphan", path: named.map(({ path }) => path).join(", "), figures: [] }];
}

/** What the field of a reference without a document must hold; of one that the second pass sets, null is nothing. */
function orphan(own, deferred, { orphans, mayRefuse }) {
  if (orphans === "keep") return own;
  if (orphans === "null") return deferred ? undefined : null;
  return mayRefuse ? ORPHAN : `the id of ${own}`;
}

/**
 * What Convex does not take of the document as a whole.
 * @param {Map<string, unknown>} fields
 * @param {boolean} isMeasured whether its size is exact
 * @returns {import("./expected_place.mjs").Problem[]}
 */
function documentProblems(fields, isMeasured) {
  const document = Object.fromEntries(fields);
  const bytes = getDocumentSize(document);
  if (bytes > MAX_DOCUMENT_BYTES) {
    const figures = isMeasured ? [bytes, MAX_DOCUMENT_BYTES] : [MAX_DOCUMENT_BYTES];
    const tooLarge = { code: "document_too_large", path: null, figures };
    if (Buffer.byteLength(JSON.stringify(convexToJson(document))) <= MAX_REQUEST_BYTES) return [tooLarge];
    return [tooLarge, { code: "record_too_large", path: null, figures: [MAX_REQUEST_BYTES] }];
  }
  const count = fields.size + SYSTEM_FIELDS;
  return count > MAX_FIELDS ? [{ code: "too_many_fields", path: null, figures: [count, MAX_FIELDS] }] : [];
}

/** Foreign keys to tables that are migrated, each with its field. */
function referencesOf(relation, relations) {
  const taken = new Set();
  const foreignKeys = relation.foreignKeys
    .map((foreignKey) => ({ ...foreignKey, parent: relations.find(({ oid }) => oid === foreignKey.parent) }))
    .filter(({ parent }) => parent !== undefined);
  return foreignKeys
    .map((reference) => {
      if (reference.parent.key.length === 0) {
        throw new Error(`${nameOf(relation)} refers to ${nameOf(reference.parent)}, which has no key to compare by`);
      }
      const field = referenceField(relation, reference, foreignKeys, taken);
      taken.add(field);
      return { ...reference, field };
    });
}

/** A row: its key, its values, and of each reference the own columns and the key of the row it points to. */
function rowsQuery(relation, values, references, condition = "true") {
  const selected = [
    ...relation.key.map((name) => keyColumn("r", name)),
    ...values.map(({ name }) => column("r", name)),
    ...references.flatMap(({ columns, parent }, i) => [
      ...columns.map((name) => keyColumn("r", name)),
      ...parent.key.map((name) => keyColumn(`p${i}`, name)),
    ]),
  ];
  const joins = references.map(({ parent, partition, columns, parentColumns }, i) => {
    const conditions = columns.map((name, k) => `${column(`p${i}`, parentColumns[k])} = ${column("r", name)}`);
    return `LEFT JOIN ${partition ?? rowsOf(parent)} p${i} ON ${conditions.join(" AND ")}`;
  });
  return `SELECT ${selected.join(", ")} FROM ${rowsOf(relation)} r ${joins.join(" ")} WHERE ${condition}`;
}

/** A column named "id" that is the whole key is the key field alone, no field of its own. */
function isIdKey(relation, name) {
  return name === "id" && relation.key.length === 1 && relation.key[0] === "id";
}

/** The only column of a foreign key that no other one has; undefined when there is none, or several. */
function ownColumn(columns, foreignKeys) {
  const own = columns.filter((name) => foreignKeys.filter((other) => other.columns.includes(name)).length === 1);
  return own.length === 1 ? own[0] : undefined;
}

/**
 * The field of a reference: that of its column, or of several that of its own,
 * if all others are never NULL. Where there is none, or it is another's field
 * already, or the key column "id": the own one of several columns and `_ref`,
 * or else `<parent>_id`, or the constraint's name when that is taken.
 */
function referenceField(relation, { name, columns, parent }, foreignKeys, taken) {
  const own = columns.length === 1 ? columns[0] : ownColumn(columns, foreignKeys);
  const stands = own !== undefined && !isIdKey(relation, own) && !taken.has(own) &&
    columns.every((other) => other === own || relation.columns.find((column) => column.name === other).notNull);
  if (stands) return own;
  const field = columns.length > 1 && own !== undefined ? `${own}_ref` : `${parent.name}_id`;
  return taken.has(field) || relation.columns.some((other) => other.name === field) ? name : field;
}

/** The key as text; of several columns a JSON array of texts. */
function keyText(texts) {
  return texts.length === 1 ? texts[0] : JSON.stringify(texts);
}

function column(alias, name) {
  return `${alias}.${pg.escapeIdentifier(name)}`;
}

/** Cast, since a key is what SQL calls its text: of char(4) and bool that is not what is printed. */
function keyColumn(alias, name) {
  return `${column(alias, name)}::text`;
}

/** The rows of the table itself, without those of tables that inherit from it. */
function rowsOf({ schema, name, kind }) {
  return `${kind === "p" ? "" : "ONLY "}${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}

export function nameOf({ schema, name }) {
  return `${schema}.${name}`;
}
