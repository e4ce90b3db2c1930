/** JSON Lines files in which every key has one line, whatever ended the process that wrote them. */
import { createReadStream } from 'node:fs';
import { appendFile, type FileHandle, open, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { fileError, SvgT2IError, systemErrorCode } from './errors.js';
import { replaceFile } from './files.js';

/** A longer line is no line of ours. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const LINE_END = 0x0a;
/** Lines that lie behind each other are copied together, up to this size. */
const COPY_BYTES = 1024 * 1024;

export interface LineRule {
  /** Where a line belongs; undefined for a value that is no line of such a file. */
  readonly placeOf: (value: unknown) => { readonly key: string; readonly order: number } | undefined;
}

/** A line as it lies in the file. */
interface Line {
  readonly key: string;
  readonly order: number;
  readonly start: number;
  readonly length: number;
}

/**
 * Lines are appended while a run goes on: at any moment the file holds what was done, and at worst a torn line, or an
 * earlier line of a key beside its last one. `finish` leaves each key's last line, in order.
 */
export class KeyedLines {
  readonly #path: string;
  readonly #rule: LineRule;
  /** Checksum of each key's last line. */
  readonly #known: Map<string, number>;
  /** What the next line must begin with, behind a torn one. */
  #separator: string;
  /** A pipe or a device is written to, and nothing else. */
  readonly #isRegular: boolean;

  private constructor(
    path: string,
    rule: LineRule,
    found: { known?: Map<string, number>; isTorn?: boolean; isRegular?: boolean } = {},
  ) {
    this.#path = path;
    this.#rule = rule;
    this.#known = found.known ?? new Map();
    this.#separator = found.isTorn === true ? '\n' : '';
    this.#isRegular = found.isRegular ?? true;
  }

  /** A file that begins anew. */
  static async create(path: string, rule: LineRule): Promise<KeyedLines> {
    const isRegular = await isRegularOrAbsent(path);
    if (isRegular) await replaceFile(path, [], { isDurable: true });
    return new KeyedLines(path, rule, { isRegular });
  }

  /** What lies there goes on; nothing is written yet. Other processes may append to it, too. */
  static async open(path: string, rule: LineRule): Promise<KeyedLines> {
    const isRegular = await isRegularOrAbsent(path);
    if (!isRegular) return new KeyedLines(path, rule, { isRegular });
    const known = new Map<string, number>();
    const { isTorn } = await scan(path, rule, ({ key }, bytes) => known.set(key, crc32(bytes)));
    return new KeyedLines(path, rule, { known, isTorn });
  }

  /** Whether the key's last line is this text, or, without a text, whether it has one. */
  has(key: string, text?: string): boolean {
    const sum = this.#known.get(key);
    return sum !== undefined && (text === undefined || sum === crc32(Buffer.from(text)));
  }

  /** @throws SvgT2IError ERR_SVGT2I_IO, ERR_SVGT2I_DISK_FULL */
  async append(key: string, text: string): Promise<void> {
    const line = `${this.#separator}${text}\n`;
    // Where this fails, a part of it may lie there.
    this.#separator = '\n';
    try {
      await appendFile(this.#path, line);
    } catch (error) {
      throw fileError(error, 'write', this.#path);
    }
    this.#separator = '';
    this.#known.set(key, crc32(Buffer.from(text)));
  }

  /** Leaves whole lines alone, one a key, in order. Returns how many broken ones were left out. */
  async finish(): Promise<number> {
    if (!this.#isRegular) return 0;
    const last = new Map<string, Line>();
    let inOrder = true;
    let previous = Number.NEGATIVE_INFINITY;
    const { broken, isTorn, lines } = await scan(this.#path, this.#rule, (line) => {
      inOrder &&= line.order >= previous && !last.has(line.key);
      previous = line.order;
      // Among equals, the order of their last lines.
      last.delete(line.key);
      last.set(line.key, line);
    });
    if (lines === 0 && broken === 0) return 0;
    if (broken > 0 || isTorn || !inOrder) {
      const sorted = [...last.values()].sort((a, b) => a.order - b.order);
      await replaceFile(this.#path, pieces(this.#path, sorted), { isDurable: true });
      this.#separator = '';
    }
    return broken;
  }
}

/** The bytes of lines, each with its end. */
async function* pieces(path: string, lines: readonly Line[]): AsyncGenerator<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    for (const { start, length } of joined(lines)) {
      const bytes = Buffer.alloc(length + 1, LINE_END);
      const { bytesRead } = await file.read(bytes, 0, length, start);
      if (bytesRead < length) throw new SvgT2IError('ERR_SVGT2I_IO', `${path} became shorter meanwhile`);
      yield bytes;
    }
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file?.close();
  }
}

/** Lines that follow each other in the file as one. */
function* joined(lines: readonly Line[]): Generator<{ readonly start: number; readonly length: number }> {
  let [start, length] = [0, -1];
  for (const line of lines) {
    if (length >= 0 && line.start === start + length + 1 && length + line.length < COPY_BYTES) {
      length += 1 + line.length;
      continue;
    }
    if (length >= 0) yield { start, length };
    ({ start, length } = line);
  }
  if (length >= 0) yield { start, length };
}

interface ScanResult {
  /** Whole ones. */
  readonly lines: number;
  readonly broken: number;
  /** The file does not end with a line's end. */
  readonly isTorn: boolean;
}

/** Goes through the lines of a file; none where it is not there. */
async function scan(
  path: string,
  rule: LineRule,
  onLine: (line: Line, bytes: Buffer) => void,
): Promise<ScanResult> {
  let [lines, broken] = [0, 0];
  let isTorn = false;
  for await (const { start, bytes, hasEnd } of splitLines(path)) {
    isTorn = !hasEnd;
    if (bytes !== undefined && bytes.toString('utf8').trim() === '') continue;
    const place = bytes === undefined ? undefined : placeOf(bytes, rule);
    if (bytes === undefined || place === undefined) {
      broken++;
      continue;
    }
    lines++;
    onLine({ ...place, start, length: bytes.length }, bytes);
  }
  return { lines, broken, isTorn };
}

function placeOf(bytes: Buffer, rule: LineRule): ReturnType<LineRule['placeOf']> {
  try {
    return rule.placeOf(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface RawLine {
  readonly start: number;
  /** Undefined for one that is too long to be looked at. */
  readonly bytes: Buffer | undefined;
  readonly hasEnd: boolean;
}

async function* splitLines(path: string): AsyncGenerator<RawLine> {
  let parts: Buffer[] = [];
  let [start, length] = [0, 0];
  const line = (hasEnd: boolean): RawLine => {
    const bytes = length > MAX_LINE_BYTES ? undefined : Buffer.concat(parts);
    const result = { start, bytes, hasEnd };
    start += length + 1;
    [parts, length] = [[], 0];
    return result;
  };
  const keep = (bytes: Buffer) => {
    length += bytes.length;
    if (length > MAX_LINE_BYTES) parts = [];
    else parts.push(bytes);
  };
  try {
    for await (const chunk of createReadStream(path)) {
      let rest = chunk as Buffer;
      for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END)) {
        keep(rest.subarray(0, end));
        yield line(true);
        rest = rest.subarray(end + 1);
      }
      keep(rest);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw fileError(error, 'read', path);
  }
  if (length > 0) yield line(false);
}

async function isRegularOrAbsent(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return true;
    throw fileError(error, 'write', path);
  }
}
