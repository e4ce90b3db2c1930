/** An EXIF block with the texts that a picture carries (Exif 2.32; the structure is that of TIFF). */

const TAG = {
  imageDescription: 0x010e,
  software: 0x0131,
  exifDirectory: 0x8769,
  userComment: 0x9286,
} as const;
const TYPE = { ascii: 2, long: 4, undefined: 7 } as const;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;

interface Entry {
  readonly tag: number;
  readonly type: number;
  /** Values of its type: bytes of a text, one 32-bit number. */
  readonly count: number;
  readonly value: Buffer;
}

export interface ExifTexts {
  /** ASCII. */
  readonly description: string;
  /** ASCII. */
  readonly software: string;
  /** Any text; stored in UTF-16 with the code that says so, as tools that read prompts expect it. */
  readonly userComment?: string | undefined;
}

/** Little-endian, from its byte order mark on: what a PNG's eXIf chunk holds. */
export function exifBlock({ description, software, userComment }: ExifTexts): Buffer {
  const main: Entry[] = [asciiEntry(TAG.imageDescription, description), asciiEntry(TAG.software, software)];
  const comment = userComment === undefined ? undefined : unicodeEntry(TAG.userComment, userComment);
  // The second directory stands behind the first, whose size does not depend on where that is.
  const pointer = (at: number): Entry => ({
    tag: TAG.exifDirectory,
    type: TYPE.long,
    count: 1,
    value: uint32(at),
  });
  const size = directory(HEADER_BYTES, comment === undefined ? main : [...main, pointer(0)]).length;
  const header = Buffer.concat([Buffer.from('II*\0', 'latin1'), uint32(HEADER_BYTES)]);
  if (comment === undefined) return Buffer.concat([header, directory(HEADER_BYTES, main)]);
  const second = HEADER_BYTES + size;
  return Buffer.concat([
    header,
    directory(HEADER_BYTES, [...main, pointer(second)]),
    directory(second, [comment]),
  ]);
}

/** A directory that begins at `start` of the block, with the values that do not fit into its entries behind it. */
function directory(start: number, entries: readonly Entry[]): Buffer {
  const head = Buffer.alloc(2 + entries.length * ENTRY_BYTES + 4);
  head.writeUInt16LE(entries.length, 0);
  const values: Buffer[] = [];
  let valuesAt = start + head.length;
  for (const [i, { tag, type, count, value }] of entries.entries()) {
    const at = 2 + i * ENTRY_BYTES;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    if (value.length <= 4) {
      value.copy(head, at + 8);
      continue;
    }
    head.writeUInt32LE(valuesAt, at + 8);
    // Values begin at even places.
    const padded = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)]);
    values.push(padded);
    valuesAt += padded.length;
  }
  return Buffer.concat([head, ...values]);
}

function asciiEntry(tag: number, text: string): Entry {
  const value = Buffer.from(`${text}\0`, 'latin1');
  return { tag, type: TYPE.ascii, count: value.length, value };
}

/** Big-endian units, whatever the block's order: so write the tools that put prompts here, and so they read them. */
function unicodeEntry(tag: number, text: string): Entry {
  const value = Buffer.concat([Buffer.from('UNICODE\0', 'latin1'), Buffer.from(text, 'utf16le').swap16()]);
  return { tag, type: TYPE.undefined, count: value.length, value };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
