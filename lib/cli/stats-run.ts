/** The work of `svg-t2i stats`. */
import { resolve } from 'node:path';
import { loadDitTrainingConfig } from '../config/train.js';
import { writeFeatureStatistics } from '../features/feature-statistics.js';
import { chooseDevice } from '../processes/device.js';
import { rankPlace } from '../processes/ranks.js';
import { parseInteger } from './arguments.js';
import { badItemReport } from './bad-item-report.js';
import type { CommonOptions } from './flags.js';
import { printJson, printLine } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';
import { prepareFile } from './write-file.js';

/** Of the command line, as it was typed. */
export interface StatsFlags extends CommonOptions {
  readonly config: string;
  readonly out: string;
  readonly count?: unknown;
}

export async function statsFromCommandLine(flags: StatsFlags): Promise<void> {
  const config = await loadDitTrainingConfig({
    file: flags.config,
    environment: process.env,
    set: flags.set,
  });
  const count = flags.count === undefined ? undefined : parseInteger('--count', flags.count, { least: 1 });
  const path = resolve(flags.out);
  await prepareFile(path, 0);
  using interrupt = listenForInterrupt();
  let bar: ProgressBar | undefined;
  const reportBad = badItemReport((print) => (bar === undefined ? print() : bar.aside(print)));
  try {
    const result = await writeFeatureStatistics({
      config,
      path,
      count,
      device: chooseDevice(config, rankPlace({})),
      signal: interrupt.signal,
      onProgress: (done, total) => {
        bar ??= createProgressBar(total);
        bar.update(done, '');
      },
      onBad: (error) => reportBad(error.message),
    });
    bar?.stop();
    if (flags.json === true) printJson({ type: 'statistics', ...result });
    else printLine(`${path}: ${result.channels} channels over ${result.images} pictures`);
  } finally {
    bar?.stop();
  }
}
