/** How an evaluation is followed on the command line: a bar, warnings, pictures that cannot be read, Ctrl-C. */
import type { EvaluateEvent, EvaluateOptions } from '../eval/events.js';
import { note, printJson, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';

/**
 * Runs an evaluation. With `json` its events are lines on stdout, and the caller adds the result; otherwise people see a
 * bar and remarks on stderr.
 */
export async function followEvaluation<Result>(
  json: boolean,
  run: (options: {
    readonly signal: AbortSignal;
    readonly onEvent: NonNullable<EvaluateOptions['onEvent']>;
  }) => Promise<Result>,
): Promise<Result> {
  using interrupt = listenForInterrupt();
  const screen = new Screen();
  try {
    return await run({
      signal: interrupt.signal,
      onEvent: (event) => (json ? printJson(event) : screen.show(event)),
    });
  } finally {
    screen.close();
  }
}

class Screen {
  #bar: ProgressBar | undefined;
  /** What the bar counts, of how many. */
  #part = '';

  show(event: EvaluateEvent): void {
    switch (event.type) {
      case 'progress':
        this.#update(event.what, event.done, event.total);
        break;
      case 'warning':
        this.#aside(() => warn(event.message));
        break;
      case 'bad-picture':
        // All of them: where they are too many, nothing else names them.
        this.#aside(() => warn(`left out: ${event.message}`));
        break;
      case 'waiting':
        this.#aside(() => note(`waiting for ${event.for}`));
        break;
      case 'skipped':
        this.#aside(() => warn(`step ${event.step} is skipped: ${event.message}`));
        break;
      case 'load':
      case 'image':
      case 'evaluation':
        break;
    }
  }

  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /** A bar for each part, one after the other. */
  #update(what: string, done: number, total: number | undefined): void {
    if (total === undefined) {
      // Nobody knows how long; that it goes on can be said.
      if (what !== this.#part) this.#aside(() => note(`computing ${what}`));
      this.#part = what;
      return;
    }
    const part = `${what} ${total}`;
    if (part !== this.#part) {
      this.close();
      this.#part = part;
      this.#bar = createProgressBar(total);
    }
    this.#bar?.update(done, what);
    if (done >= total) this.close();
  }

  #aside(print: () => void): void {
    if (this.#bar === undefined) print();
    else this.#bar.aside(print);
  }
}
