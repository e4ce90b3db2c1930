/** Tables of text with commas between (RFC 4180): quoted fields, also with line ends in them. */
import { SvgT2IError } from '../../errors.js';

export interface CsvRow {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The rows of a table, the head included; empty lines are passed over.
 *
 * Source: RFC 4180.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for a quote that is not closed, with the line that it begins in
 *
 * @example
 * const [head, ...rows] = parseCsv('id,prompt\n7,"a fox, asleep"\n', 'prompts.csv');
 */
export function parseCsv(text: string, name: string): readonly CsvRow[] {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let field = '';
  let [line, rowLine, quoteLine] = [1, 1, 0];
  let isQuoted = false;
  const endField = () => {
    fields.push(field);
    field = '';
  };
  const endRow = () => {
    endField();
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: rowLine, fields });
    fields = [];
    rowLine = line;
  };
  const content = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  for (let at = 0; at < content.length; at++) {
    const character = content[at] as string;
    if (character === '\n') line++;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (content[at + 1] === '"') {
        field += '"';
        at++;
      } else isQuoted = false;
    } else if (character === '"' && field === '') {
      isQuoted = true;
      quoteLine = line;
    } else if (character === ',') endField();
    else if (character === '\n') endRow();
    else field += character;
  }
  if (isQuoted) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${name}:${quoteLine}: a quote is not closed`);
  }
  endRow();
  return rows;
}
