/** `--manifest`: a JSON Lines file with a line a picture, which survives whatever ends a run. */
import { relative, resolve } from 'node:path';
import type { ImageParameters } from '../image/parameters.js';
import { KeyedLines, type LineRule } from '../keyed-lines.js';

/** A line stands for a file, so lines of other runs stay beside those of this one. */
const rule: LineRule = {
  placeOf: (value) => {
    if (typeof value !== 'object' || value === null || !('index' in value) || !('file' in value))
      return undefined;
    const { index, file } = value;
    if (typeof index !== 'number' || (typeof file !== 'string' && file !== null)) return undefined;
    return { key: file ?? '-', order: index };
  },
};

export class Manifest {
  readonly #folder: string;
  readonly #lines: KeyedLines;

  private constructor(path: string, lines: KeyedLines) {
    this.#folder = resolve(path, '..');
    this.#lines = lines;
  }

  /** `keep`: the lines of earlier runs stay; otherwise it begins anew. Lines that are torn are taken away. */
  static async open(
    path: string,
    { keep, onWarning }: { readonly keep: boolean; readonly onWarning: (message: string) => void },
  ): Promise<Manifest> {
    if (!keep) return new Manifest(path, await KeyedLines.create(path, rule));
    const lines = await KeyedLines.open(path, rule);
    const broken = await lines.finish();
    if (broken > 0) onWarning(`${path}: ${broken} line(s) were torn and are left out`);
    return new Manifest(path, lines);
  }

  /** Of a picture that was drawn; an undefined file is stdout. */
  async add(index: number, file: string | undefined, parameters: ImageParameters): Promise<void> {
    const name = file === undefined ? null : relative(this.#folder, file);
    await this.#lines.append(name ?? '-', JSON.stringify({ index, file: name, ...parameters }));
  }

  /** Of a picture that was there, from what it carries, unless there is a line that says the same. */
  async addKept(index: number, file: string, parameters: ImageParameters | undefined): Promise<void> {
    const name = relative(this.#folder, file);
    const line = JSON.stringify({ index, file: name, ...parameters });
    // A line may know more than a picture that carries nothing, or had no room for all.
    const isPoor = parameters === undefined || parameters.shortened === true;
    if (!this.#lines.has(name, isPoor ? undefined : line)) await this.#lines.append(name, line);
  }

  /** After a run that ended well: each file once, in the order of their indices. */
  async finish(): Promise<void> {
    await this.#lines.finish();
  }
}
