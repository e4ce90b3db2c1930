/** JSON as Python writes it: json.dumps and pandas put NaN and Infinity where a number is missing. */

const STRING_OR_NAME = /"(?:[^"\\]|\\.)*"|-?Infinity\b|\bNaN\b/g;

/** As JSON.parse; NaN, Infinity and -Infinity are 0 in what comes out. @throws SyntaxError */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(text.replace(STRING_OR_NAME, (match) => (match.startsWith('"') ? match : '0')));
  }
}
