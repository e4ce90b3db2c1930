/** JSON for readers in Python, which tell 30 from 30.0; JavaScript has one kind of number and writes 30 for both. */

/** One value a line. The numbers under the keys in `floats`, wherever they stand, get a decimal point. */
export function floatsAsFloats(value: object, floats: readonly string[]): string {
  return JSON.stringify(value, null, 1).replace(
    /^( *)"(\w+)": (-?\d+)(,?)$/gm,
    (line, indent, key, digits, comma) =>
      floats.includes(key) ? `${indent}"${key}": ${digits}.0${comma}` : line,
  );
}
