/** Comma-separated values as spreadsheets and pandas write them (RFC 4180): quotes, doubled quotes, line ends inside of them. */

/** Rows of fields; empty lines are none. Undefined where a quote is never closed. */
export function parseCsv(text: string): readonly (readonly string[])[] | undefined {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  const endField = () => {
    row.push(field);
    field = '';
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else isQuoted = false;
    } else if (character === '"' && field === '') isQuoted = true;
    else if (character === ',') endField();
    else if (character === '\n') endRow();
    else if (character !== '\r' || text[i + 1] !== '\n') field += character;
  }
  if (isQuoted) return undefined;
  endRow();
  return rows;
}
