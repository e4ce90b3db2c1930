/** Lines of a scorer's file, with their numbers, and what to say of those that are broken. */
import { badRows } from '../layouts/json-rows.js';

export interface NumberedLine {
  /** From 1, as editors count. */
  readonly number: number;
  readonly text: string;
}

/** Lines with something on them. */
export function linesOf(text: string): readonly NumberedLine[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ number: index + 1, text: line }))
    .filter((line) => line.text.trim() !== '');
}

/** Collects what is wrong with lines, so that the first error tells of several. */
export class BrokenLines {
  readonly #path: string;
  readonly #problems: string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  add(line: number, problem: string): void {
    this.#problems.push(`${line}: ${problem}`);
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the numbers of the lines, where there are any */
  check(): void {
    if (this.#problems.length === 0) return;
    const hint = 'Run the scorer again: a table of the other lines would be of other pictures.';
    throw badRows(
      this.#problems.map((problem) => `${this.#path}:${problem}`),
      hint,
    );
  }
}

/** JSON of a line; undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** "1 prompt", "3 prompts". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
