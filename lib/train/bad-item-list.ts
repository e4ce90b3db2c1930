/** bad-items.jsonl of a run folder: every picture that a process could not read. */
import { appendFile } from 'node:fs/promises';
import { firstLine } from '../errors.js';

export class BadItemList {
  readonly #path: string;
  readonly #onWarning: (message: string) => void;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, onWarning: (message: string) => void) {
    this.#path = path;
    this.#onWarning = onWarning;
  }

  add(item: { readonly index: number; readonly message: string }): void {
    this.#writing = this.#writing
      .then(() => appendFile(this.#path, `${JSON.stringify(item)}\n`))
      .catch((error: unknown) => this.#onWarning(`${this.#path} could not be written: ${firstLine(error)}`));
  }

  /** Waits until all is written. */
  settle(): Promise<void> {
    return this.#writing;
  }
}
