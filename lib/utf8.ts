/** Text that is not UTF-8, named by line and byte; decoded as it is, it would become U+FFFD without a word. */
import { isUtf8 } from 'node:buffer';
import { SvgT2IError } from './errors.js';

/** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with line and byte of what is no UTF-8 */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  if (!isUtf8(bytes)) {
    const at = firstBadByte(bytes);
    let line = 1;
    for (const byte of bytes.subarray(0, at)) if (byte === 0x0a) line++;
    throw notUtf8(name, { line, at, byte: bytes[at] ?? 0 });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The byte `byte` at offset `at` of a file begins no character. */
export function notUtf8(
  name: string,
  { line, at, byte }: { readonly line: number; readonly at: number; readonly byte: number },
): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_FILE_FORMAT',
    `${name}:${line}: not UTF-8: byte 0x${byte.toString(16).padStart(2, '0')} at position ${at}`,
    { hint: 'Save the file as UTF-8; from Latin-1: iconv -f latin1 -t utf-8 OLD > NEW.' },
  );
}

/** Where the first character begins that is no UTF-8; the length where all are. */
export function firstBadByte(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = characterBytes(bytes[at] as number);
    if (length === 0 || at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}

/** Of a character, by its first byte; 0 where none begins with it. */
export function characterBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0 || first > 0xf7) return 0;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
