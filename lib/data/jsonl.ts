/** Captioned pictures listed in a JSONL file, an object a line: {"path": "a.jpg", "prompt": "a fox"}. */
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { fileError, firstLine, SvgT2IError } from '../errors.js';
import { openRegular } from '../regular-file.js';
import type { DataItem, Dataset } from './dataset.js';

export interface JsonlOptions {
  /** Folder that relative picture paths start from; by default that of the list. */
  readonly root?: string;
  /** Whether every line must have a caption; yes by default. */
  readonly captions?: 'required' | 'optional';
}

const NEWLINE = 0x0a;
/** ASCII white space ends here; a line with any byte above is not blank. */
const SPACE = 0x20;
const READ_BYTES = 1024 * 1024;
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Names that SVG-T2I's and Lumina-Image-2.0's lists use; other keys are passed over. */
const entrySchema = z
  .looseObject({
    path: z.string().min(1).optional(),
    image_path: z.string().min(1).optional(),
    prompt: z.string().optional(),
  })
  .transform(({ path, image_path, prompt }) => ({ path: path ?? image_path, prompt }));

/**
 * A list that stays on disk: of each line only its place is kept (8 bytes), so that lists of tens of millions of
 * pictures open in seconds and a malformed line costs nothing until it is asked for.
 */
export class JsonlDataset implements Dataset {
  readonly length: number;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #root: string;
  readonly #needsCaptions: boolean;
  /** Byte offset of every line that is not blank, and the end of the file. */
  readonly #offsets: Float64Array;

  private constructor(file: FileHandle, path: string, options: JsonlOptions, offsets: Float64Array) {
    this.#file = file;
    this.#path = path;
    this.#root = resolve(options.root ?? dirname(path));
    this.#needsCaptions = options.captions !== 'optional';
    this.#offsets = offsets;
    this.length = offsets.length - 1;
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT for a list without lines */
  static async open(path: string, options: JsonlOptions = {}): Promise<JsonlDataset> {
    let file: FileHandle | undefined;
    try {
      file = await openRegular(path);
      const offsets = await indexLines(file);
      if (offsets.length < 2) {
        throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} lists no pictures`, {
          hint: 'Put an object on every line: {"path": "a.jpg", "prompt": "a fox"}.',
        });
      }
      return new JsonlDataset(file, path, options, offsets);
    } catch (error) {
      await file?.close();
      throw fileError(error, 'read', path);
    }
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the number of the line */
  async item(index: number): Promise<DataItem> {
    const [begin, end] = [this.#offsets[index], this.#offsets[index + 1]];
    if (begin === undefined || end === undefined) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${this.#path} has no item ${index}`);
    }
    if (end - begin > MAX_LINE_BYTES)
      throw await this.#malformed(begin, `longer than ${MAX_LINE_BYTES} bytes`);
    let value: unknown;
    try {
      value = JSON.parse((await readRange(this.#file, begin, end)).toString('utf8'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw fileError(error, 'read', this.#path);
      throw await this.#malformed(begin, `no JSON: ${firstLine(error)}`);
    }
    const entry = entrySchema.safeParse(value);
    if (!entry.success)
      throw await this.#malformed(begin, z.prettifyError(entry.error).replaceAll('\n', ' '));
    const { path, prompt } = entry.data;
    if (path === undefined) throw await this.#malformed(begin, 'neither "path" nor "image_path"');
    if (prompt === undefined && this.#needsCaptions) throw await this.#malformed(begin, 'no "prompt"');
    return { path: resolve(this.#root, path), ...(prompt === undefined ? {} : { prompt }) };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Lines are counted only now that a number is wanted. */
  async #malformed(offset: number, reason: string): Promise<SvgT2IError> {
    let line = 1;
    for await (const { bytes } of chunksOf(this.#file, offset)) {
      for (const byte of bytes) if (byte === NEWLINE) line++;
    }
    return new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${this.#path}:${line}: ${reason}`, {
      hint: 'Every line is an object with "path" and "prompt".',
    });
  }
}

async function indexLines(file: FileHandle): Promise<Float64Array> {
  let offsets = new Float64Array(1024);
  let count = 0;
  const push = (offset: number): void => {
    if (count === offsets.length) {
      const larger = new Float64Array(offsets.length * 2);
      larger.set(offsets);
      offsets = larger;
    }
    offsets[count++] = offset;
  };
  let lineStart = 0;
  let isBlank = true;
  let size = 0;
  for await (const { offset, bytes } of chunksOf(file, Number.POSITIVE_INFINITY)) {
    size = offset + bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (byte === NEWLINE) {
        lineStart = offset + i + 1;
        isBlank = true;
      } else if (isBlank && byte > SPACE) {
        push(lineStart);
        isBlank = false;
      }
    }
  }
  push(size);
  return offsets.subarray(0, count);
}

/** The bytes from the start to `end`, piece by piece; each piece is valid until the next one is asked for. */
async function* chunksOf(
  file: FileHandle,
  end: number,
): AsyncGenerator<{ readonly offset: number; readonly bytes: Uint8Array }> {
  const buffer = Buffer.alloc(READ_BYTES);
  let offset = 0;
  while (offset < end) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, end - offset), offset);
    if (bytesRead === 0) return;
    yield { offset, bytes: buffer.subarray(0, bytesRead) };
    offset += bytesRead;
  }
}

async function readRange(file: FileHandle, begin: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - begin);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, begin);
  return buffer.subarray(0, bytesRead);
}
