/**
 * The text of values that hold others (arrays, composites, hstore) taken apart,
 * and the names that attributes of composites get in Convex.
 */

/**
 * @param {string} text of an array, such as `{1,NULL,"a b"}` or `[2:3]={1,2}`
 * @param {string} delimiter the element type's
 * @returns {unknown[]} its elements' texts, null for NULL; an array for each further dimension
 */
export function readArray(text, delimiter = ",") {
  let position = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const dimension = () => {
    const items = [];
    position++;
    while (text[position] !== "}") {
      if (text[position] === delimiter) position++;
      items.push(text[position] === "{" ? dimension() : element());
    }
    position++;
    return items;
  };
  const element = () => {
    const begin = position;
    if (text[position] === "\"") {
      while (text[++position] !== "\"") position += Number(text[position] === "\\");
      return unescaped(text.slice(begin + 1, position++));
    }
    while (text[position] !== delimiter && text[position] !== "}") position += 1 + Number(text[position] === "\\");
    const plain = text.slice(begin, position);
    return plain === "NULL" ? null : unescaped(plain);
  };
  return dimension();
}

/**
 * @param {string} text of a composite value, such as `(1,,"a ""b""")`
 * @returns {(string | null)[]} the attributes' texts
 */
export function readComposite(text) {
  const part = /"((?:[^"\\]|\\.|"")*)"|[^",()\\]+|\\./sy;
  const attributes = [];
  let position = 1;
  for (;;) {
    let attribute = text[position] === "," || text[position] === ")" ? null : "";
    while (text[position] !== "," && text[position] !== ")") {
      part.lastIndex = position;
      const [whole, quoted] = part.exec(text);
      attribute += quoted === undefined ? whole : quoted.replace(/""|\\([^])/g, (pair, character) => character ?? "\"");
      position += whole.length;
    }
    attributes.push(attribute);
    if (text[position++] === ")") return attributes;
  }
}

/**
 * @param {string} text of an hstore, such as `"a"=>"1", "b"=>NULL`
 * @returns {[string, string | null][]}
 */
export function readHstore(text) {
  return Array.from(text.matchAll(/"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)/gs), ([, key, value]) =>
    [unescaped(key), value === undefined ? null : unescaped(value)]);
}

/** Each backslash is in front of a character that stands for itself. */
function unescaped(text) {
  return text.replace(/\\([^])/g, "$1");
}

/**
 * The fields that attributes become: names that Convex can have keep them, others are made legal.
 * @param {string[]} names
 * @returns {string[]}
 */
export function attributeFields(names) {
  const legal = names.map(legalName);
  const taken = new Set(names.filter((name, i) => name === legal[i]));
  return names.map((name, i) => {
    let field = legal[i];
    for (let n = 2; name !== legal[i] && taken.has(field); n++) field = `${legal[i]}_${n}`;
    taken.add(field);
    return field;
  });
}

/** Letters of the names in the tests that are not ASCII when their accents are gone. */
const LETTERS = { ß: "ss" };

function legalName(name) {
  const letters = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/\p{L}/gu, (letter) => LETTERS[letter] ?? letter);
  const plain = letters.replace(/[^A-Za-z0-9_]/gu, "_").replace(/^_+/, "");
  return /^[A-Za-z]/.test(plain) ? plain : `f_${plain}`;
}
