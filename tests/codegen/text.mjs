/**
 * TypeScript as prettier formats it by default (two spaces, double quotes, 80
 * columns), for the few forms that generated files have.
 *
 *   property(4, "role", ["optional", ["union", ["literal", "a"], ["literal", "b"]]])
 *
 * A validator is an array: the function of `v`, then its arguments, which are
 * validators or texts.
 */
const WIDTH = 80;

/** A text as a string literal: the quotes that need fewer escapes, else double ones. */
export function quoted(text) {
  const count = (quote) => text.split(quote).length;
  const quote = count('"') > count("'") ? "'" : '"';
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [quote]: `\\${quote}` };
  const escaped = [...text].map((character) => {
    if (Object.hasOwn(escapes, character)) return escapes[character];
    return /[\u0000-\u001f\u007f\u2028\u2029]/.test(character)
      ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
      : character;
  });
  return quote + escaped.join("") + quote;
}

/** Lines of text as comments; every character that ends a line in JavaScript or Postgres' clients ends one here. */
export function comments(indent, text) {
  return text
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => `${" ".repeat(indent)}// ${line}`.trimEnd() + "\n")
    .join("");
}

/** A validator on one line. */
export function flat(validator) {
  if (typeof validator === "string") return quoted(validator);
  const [name, ...args] = validator;
  return `v.${name}(${args.map(flat).join(", ")})`;
}

/**
 * Columns of a text, as prettier counts them; enough for Latin, and for the wide characters of East Asia.
 */
function columns(text) {
  const wide =
    /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
  return [...text].reduce((sum, character) => sum + (wide.test(character) ? 2 : 1), 0);
}

/** Whether the text and the comma that follows it fit into a line from this column on. */
function fits(column, text) {
  return column + columns(text) + 1 <= WIDTH;
}

/**
 * A validator that begins at a column, in a line of this indent: on one line if it fits, else one argument on a line.
 */
function broken(indent, column, validator) {
  const line = flat(validator);
  if (fits(column, line) || typeof validator === "string" || validator.length === 1) return line;
  const [name, ...args] = validator;
  const inner = " ".repeat(indent + 2);
  const lines = args.map((arg) => `${inner}${broken(indent + 2, indent + 2, arg)},\n`);
  return `v.${name}(\n${lines.join("")}${" ".repeat(indent)})`;
}

/**
 * `name: validator,` as a line, or lines. Where it does not fit into one line, the validator goes to a line of its own
 * if it has nothing to break in (no arguments, or one text of up to 20 columns), or not even its "(" fits.
 */
export function property(indent, name, validator) {
  const head = `${" ".repeat(indent)}${name}:`;
  const start = head.length + 1;
  const [method, ...args] = validator;
  const short = args.length === 0 || (args.length === 1 && typeof args[0] === "string" && quoted(args[0]).length <= 20);
  const below = !fits(start, flat(validator)) && (short || start + `v.${method}(`.length > WIDTH);
  return below
    ? `${head}\n${" ".repeat(indent + 2)}${broken(indent + 2, indent + 2, validator)},\n`
    : `${head} ${broken(indent, start, validator)},\n`;
}

/** What begins with `head` and ends with the names in brackets and `tail`: on one line, or a line for each name. */
export function list(indent, head, names, tail) {
  const items = names.map(quoted);
  const line = `${" ".repeat(indent)}${head}[${items.join(", ")}]${tail}`;
  if (line.length <= WIDTH) return `${line}\n`;
  const space = " ".repeat(indent);
  return `${space}${head}[\n${items.map((item) => `${space}  ${item},\n`).join("")}${space}]${tail}\n`;
}
