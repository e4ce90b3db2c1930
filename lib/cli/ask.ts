/** A question on the terminal. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

export interface AskOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal?: AbortSignal;
}

/** Enter alone means yes, the end of the input no. Throws the reason of the signal. */
export async function askYesNo(question: string, { input, output, signal }: AskOptions): Promise<boolean> {
  // Not as a terminal: then a Ctrl-C stays a signal.
  const lines = createInterface({ input, output, terminal: false });
  const ended = once(lines, 'close').then(() => 'no');
  try {
    const answer = lines.question(`${question} [Y/n] `, signal === undefined ? {} : { signal });
    return /^(y|yes)?$/i.test((await Promise.race([answer, ended])).trim());
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
