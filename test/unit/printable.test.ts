import { expect, it, vi } from 'vitest';
import { formatTable, note, printError, printJson, printLine, warn } from '../../lib/cli/output.js';
import { fileError, SvgT2IError } from '../../lib/errors.js';
import { printable, printableJson } from '../../lib/printable.js';

const NASTY = '\u001b[31mred\u001b[0m \u0007\u009b2J\r\u202egpj.\u2028\ufeff';

it('writes out what steers a terminal, and leaves every other text', () => {
  expect(printable(NASTY)).toBe('\\x1b[31mred\\x1b[0m \\x07\\x9b2J\\x0d\\u202egpj.\\u2028\\ufeff');
  const plain = 'größer \u5199\u5b9e \u{1f468}\u200d\u{1f469} a\tb\nc';
  expect(printable(plain)).toBe(plain);
});

it('writes JSON that reads back', () => {
  const text = printableJson({ [NASTY]: NASTY });
  expect(text).not.toMatch(/[\p{Cc}\u202e\u2028]/u);
  expect(JSON.parse(text)).toEqual({ [NASTY]: NASTY });
});

it('errors and everything on the command line are printable', () => {
  let written = '';
  const take = (chunk: unknown) => {
    written += String(chunk);
    return true;
  };
  const streams = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(take),
  );
  try {
    const error = new SvgT2IError('ERR_SVGT2I_DATA', NASTY, { hint: NASTY, cause: new Error(NASTY) });
    printError(error, { verbose: true });
    printError(new Error(NASTY), { verbose: true });
    printError(fileError(new Error(NASTY), 'read', NASTY));
    for (const print of [printLine, note, warn, printJson]) print(NASTY);
    printLine(formatTable(['name'], [[NASTY]]));
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
  expect(written).toContain('red');
  const ESC = '\u001b[';
  // Colours of our own may be there on a terminal.
  const colours = new RegExp(`${ESC.replace('[', '\\[')}(2|22|31|33|39)m(?! ?red)`, 'g');
  expect(written.replace(colours, '').replace(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
});
