/** Gemma's tokens as text: spaces as U+2581, unknown characters as bytes such as <0xE5>. */

const SPACE_MARK = /\u2581/g;
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;
const REPLACEMENT = '\ufffd';

/**
 * Joins tokens. Neighbouring byte tokens form UTF-8; where they do not, each of them is one U+FFFD, as in the Rust
 * tokenizers library's ByteFallback (a TextDecoder would replace them in groups, and drop a U+FEFF).
 */
export function detokenize(tokens: readonly string[]): string {
  let text = '';
  let bytes: number[] = [];
  for (const token of tokens) {
    const byte = BYTE_TOKEN.exec(token)?.[1];
    if (byte !== undefined) {
      bytes.push(Number.parseInt(byte, 16));
      continue;
    }
    text += textOfBytes(bytes) + token.replace(SPACE_MARK, ' ');
    bytes = [];
  }
  return text + textOfBytes(bytes);
}

function textOfBytes(bytes: readonly number[]): string {
  const encoded = Buffer.from(bytes);
  const text = encoded.toString('utf8');
  return Buffer.from(text, 'utf8').equals(encoded) ? text : REPLACEMENT.repeat(bytes.length);
}
