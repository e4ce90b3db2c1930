/** Progress of a job over the bytes of a file: a bar on a terminal, JSON lines with `--json`; Ctrl-C ends the job. */
import type { FileJobOptions } from '../weight-files.js';
import { printJson } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';

export async function followFileJob<Report>(
  json: boolean,
  run: (options: FileJobOptions) => Promise<Report>,
): Promise<Report> {
  using interrupt = listenForInterrupt();
  let bar: ProgressBar | undefined;
  try {
    return await run({
      signal: interrupt.signal,
      onProgress: (progress) => {
        if (json) return printJson({ type: 'progress', ...progress });
        bar ??= createProgressBar(progress.totalBytes);
        bar.update(progress.doneBytes, progress.what);
      },
    });
  } finally {
    bar?.stop();
  }
}
