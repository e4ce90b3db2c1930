/** Which text of a benchmark's line is drawn: its prompt, or what a language model made of it. */
import { badRows, type JsonRow } from './json-rows.js';

/** A line with the text that is drawn. */
export type DrawnRow<Value> = JsonRow<Value> & { readonly drawn: string };

/**
 * Lines with the text of `promptKey`.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the lines that have none
 */
export function drawnPrompt<Value extends object>(
  rows: readonly JsonRow<Value>[],
  { path, promptKey }: { readonly path: string; readonly promptKey: string },
): readonly DrawnRow<Value>[] {
  const bad: string[] = [];
  const drawn = rows.map((row) => {
    const text: unknown = Object.hasOwn(row.value, promptKey) ? Reflect.get(row.value, promptKey) : undefined;
    if (typeof text === 'string' && text.trim() !== '') return { ...row, drawn: text };
    const is = text === undefined ? 'is not there' : 'is no text';
    bad.push(`${path}:${row.line}: the key ${promptKey}, whose text is to be drawn, ${is}`);
    return { ...row, drawn: '' };
  });
  if (bad.length > 0) {
    throw badRows(
      bad,
      'Name the key of the texts with --prompt-key, or leave it out to draw each prompt itself.',
    );
  }
  return drawn;
}
