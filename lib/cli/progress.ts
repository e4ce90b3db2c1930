/** Progress on stderr: a bar with the time left on a terminal, nothing elsewhere. */
import { createRequire } from 'node:module';
import { printable } from '../printable.js';

export interface ProgressBar {
  /** `text` stands behind the bar. */
  update(value: number, text: string): void;
  /** Runs `print` with the bar out of the way. */
  aside(print: () => void): void;
  stop(): void;
}

const none: ProgressBar = {
  update: () => undefined,
  aside: (print) => print(),
  stop: () => undefined,
};

/** A bar to `total`, from what was done before; `enabled` false gives one that shows nothing. */
export function createProgressBar(
  total: number,
  enabled = process.stderr.isTTY === true,
  before = 0,
): ProgressBar {
  if (!enabled || total <= 0) return none;
  // It is needed at terminals alone.
  const { SingleBar } = createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress');
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {text} | {duration_formatted} gone, {eta_formatted} left',
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 20,
    stream: process.stderr,
    // Ctrl-C is ours: the bar must not take it.
    gracefulExit: false,
  });
  bar.start(total, before, { text: '' });
  let value = before;
  let text = '';
  return {
    update: (newValue, newText) => {
      value = newValue;
      text = printable(newText);
      bar.update(value, { text });
    },
    aside: (print) => {
      process.stderr.write('\r\x1b[K');
      print();
      bar.update(value, { text });
    },
    stop: () => {
      bar.stop();
      process.stderr.write('\r\x1b[K');
    },
  };
}
