/** bad-items.jsonl of a run folder: every picture that could not be read, each once. */
import { firstLine } from '../errors.js';
import { KeyedLines, type LineRule } from '../keyed-lines.js';

const rule: LineRule = {
  placeOf: (value) => {
    if (typeof value !== 'object' || value === null || !('index' in value)) return undefined;
    const { index } = value;
    return typeof index === 'number' ? { key: String(index), order: index } : undefined;
  },
};

/** All processes of a run write to it; what went wrong with it is told, and no reason to stop. */
export class BadItemList {
  readonly #path: string;
  readonly #onWarning: (message: string) => void;
  #lines: KeyedLines | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, onWarning: (message: string) => void) {
    this.#path = path;
    this.#onWarning = onWarning;
  }

  /** A picture that stands there already, as after a resume, is not added again. */
  add(item: { readonly index: number; readonly message: string }): void {
    this.#queue(async () => {
      this.#lines ??= await KeyedLines.open(this.#path, rule);
      const [key, text] = [String(item.index), JSON.stringify(item)];
      if (!this.#lines.has(key, text)) await this.#lines.append(key, text);
    });
  }

  /** Waits until all is written. */
  settle(): Promise<void> {
    return this.#writing;
  }

  /** One line a picture, in order. Of one process alone, when no other adds to it any more. */
  async finish(): Promise<void> {
    this.#queue(async () => {
      await (this.#lines ?? (await KeyedLines.open(this.#path, rule))).finish();
    });
    await this.#writing;
  }

  #queue(work: () => Promise<void>): void {
    this.#writing = this.#writing
      .then(work)
      .catch((error: unknown) => this.#onWarning(`${this.#path} could not be written: ${firstLine(error)}`));
  }
}
