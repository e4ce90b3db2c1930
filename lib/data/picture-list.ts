/** Captioned pictures listed in a file: JSON Lines or a JSON array of {"path": "a.jpg", "prompt": "a fox"}. */
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileError, firstLine, SvgT2IError } from '../errors.js';
import { parsePythonJson } from '../python-json.js';
import { openRegular } from '../regular-file.js';
import type { DataItem, Dataset } from './dataset.js';
import { malformed, readEntry } from './list-entry.js';
import { HEAD_BYTES, LIST_FORMS, type ListForm, listForm } from './list-kind.js';
import { ArrayPlaces, LinePlaces, type Places } from './list-places.js';
import { ListReader, lineOf, readRange } from './list-text.js';

export interface PictureListOptions {
  /** Folder that relative picture paths start from; by default that of the list. */
  readonly root?: string;
  /** Whether every entry must have a caption; yes by default. */
  readonly captions?: 'required' | 'optional';
}

const MAX_ENTRY_BYTES = 4 * 1024 * 1024;

/** What was found on the way through the whole list. */
interface Contents {
  readonly form: ListForm['form'];
  readonly places: Places;
  readonly sha256: string;
}

/**
 * A list that stays on disk: of each entry only its place is kept (16 bytes), so that lists of tens of millions of
 * pictures open in seconds and a malformed entry costs nothing until it is asked for.
 */
export class PictureList implements Dataset {
  readonly length: number;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #root: string;
  readonly #needsCaptions: boolean;
  readonly #contents: Contents;

  private constructor(file: FileHandle, path: string, options: PictureListOptions, contents: Contents) {
    this.#file = file;
    this.#path = path;
    this.#root = resolve(options.root ?? dirname(path));
    this.#needsCaptions = options.captions !== 'optional';
    this.#contents = contents;
    this.length = contents.places.length;
  }

  /**
   * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT for a list without entries,
   *   one that is not UTF-8, and a file of another kind
   */
  static async open(path: string, options: PictureListOptions = {}): Promise<PictureList> {
    let file: FileHandle | undefined;
    try {
      file = await openRegular(path);
      const contents = await readContents(file, path);
      return new PictureList(file, path, options, contents);
    } catch (error) {
      await file?.close();
      throw fileError(error, 'read', path);
    }
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the number of the line or item */
  async item(index: number): Promise<DataItem> {
    const place = this.#contents.places.get(index);
    if (place === undefined) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${this.#path} has no item ${index}`);
    }
    const [begin, end] = place;
    if (end - begin > MAX_ENTRY_BYTES) {
      throw malformed(await this.#where(index, begin), `longer than ${MAX_ENTRY_BYTES} bytes`);
    }
    const value = await this.#parse(index, begin, end);
    const entry = readEntry(value);
    if (typeof entry === 'string') throw malformed(await this.#where(index, begin), entry);
    if (entry.prompt === undefined && this.#needsCaptions)
      throw malformed(await this.#where(index, begin), 'no "prompt"');
    return { ...entry, path: resolve(this.#root, entry.path) };
  }

  /** SHA-256 of the list, in hexadecimal. */
  async fingerprint(): Promise<string> {
    return this.#contents.sha256;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #parse(index: number, begin: number, end: number): Promise<unknown> {
    let text: string;
    try {
      text = (await readRange(this.#file, begin, end)).toString('utf8');
    } catch (error) {
      throw fileError(error, 'read', this.#path);
    }
    try {
      return parsePythonJson(text);
    } catch (error) {
      throw malformed(await this.#where(index, begin), `no JSON: ${firstLine(error)}`);
    }
  }

  /** Lines are counted only where a number is wanted. */
  async #where(index: number, begin: number): Promise<string> {
    if (this.#contents.form === 'array') return `${this.#path}: item ${index + 1}`;
    return `${this.#path}:${await lineOf(this.#file, begin)}`;
  }
}

async function readContents(file: FileHandle, path: string): Promise<Contents> {
  const { form, start } = listForm(await readRange(file, 0, HEAD_BYTES), path);
  const finder = form === 'array' ? new ArrayPlaces(start) : new LinePlaces(start);
  const reader = new ListReader(file, path);
  let size = 0;
  for await (const piece of reader.pieces()) {
    finder.take(piece);
    size = piece.offset + piece.bytes.length;
  }
  const wrong = finder.end(size);
  if (wrong !== undefined) throw malformed(path, wrong);
  const { places } = finder;
  if (places.length === 0)
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} lists no pictures`, { hint: LIST_FORMS });
  return { form, places, sha256: reader.sha256() };
}
