/** Text of files, paths and strangers made safe to print: some characters would steer the terminal or hide text. */

/** Controls, line separators, turns of the writing direction, and the invisible U+FEFF. */
const STEERING = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Text with what steers a terminal written out, as in \x1b; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) =>
    character === '\n' || character === '\t' ? character : written(character.charCodeAt(0)),
  );
}

/** JSON that reads back as the same value, with nothing in it that steers a terminal. */
export function printableJson(value: unknown): string {
  // Undefined where there is no JSON, as JSON.stringify has it.
  const json = JSON.stringify(value) as string | undefined;
  return (json ?? 'null').replace(STEERING, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
}

function written(code: number): string {
  return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
