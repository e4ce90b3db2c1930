/** JSON for Python and from Python, which has floats of its own (30.0, NaN) where JavaScript has one kind of number. */

/** One value a line. The numbers under the keys in `floats`, wherever they stand, get a decimal point. */
export function floatsAsFloats(value: object, floats: readonly string[]): string {
  return JSON.stringify(value, null, 1).replace(
    /^( *)"(\w+)": (-?\d+)(,?)$/gm,
    (line, indent, key, digits, comma) =>
      floats.includes(key) ? `${indent}"${key}": ${digits}.0${comma}` : line,
  );
}

/** json.dumps and pandas put NaN and Infinity where a number is missing. */
const STRING_OR_NAME = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity\b|\bNaN\b/g;

/** As JSON.parse; NaN, Infinity and -Infinity are 0 in what comes out. @throws SyntaxError */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(text.replace(STRING_OR_NAME, (match) => (match.startsWith('"') ? match : '0')));
  }
}
