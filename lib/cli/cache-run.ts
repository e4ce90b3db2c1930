/** The work of `svg-t2i cache`. */
import { resolve } from 'node:path';
import { loadDitTrainingConfig } from '../config/train.js';
import { SvgT2IError } from '../errors.js';
import { STORED_DTYPES } from '../facts.js';
import { type CacheResult, writeFeatureCache } from '../features/feature-cache.js';
import { chooseDevice } from '../processes/device.js';
import { rankPlace } from '../processes/ranks.js';
import { duration } from '../train/metrics.js';
import { parseInteger } from './arguments.js';
import { badItemReport } from './bad-item-report.js';
import { bucketLines } from './bucket-lines.js';
import type { CommonOptions } from './flags.js';
import { note, printJson, printLine, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';

/** Of the command line, as it was typed. */
export interface CacheFlags extends CommonOptions {
  readonly config: string;
  readonly out: string;
  readonly dtype?: string;
  readonly shardSize?: unknown;
}

/** Pixels of one shard: 256 pictures of 256 x 256. */
const SHARD_PIXELS = 256 * 256 * 256;

export async function cacheFromCommandLine(flags: CacheFlags): Promise<void> {
  const config = await loadDitTrainingConfig({
    file: flags.config,
    environment: process.env,
    set: flags.set,
  });
  const dtype = STORED_DTYPES.find((known) => known === flags.dtype);
  if (flags.dtype !== undefined && dtype === undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_USAGE',
      `--dtype ${flags.dtype}: must be one of ${STORED_DTYPES.join(', ')}`,
    );
  }
  const { resolution } = config.data;
  const usual = Math.max(8, Math.min(1024, Math.round(SHARD_PIXELS / resolution ** 2)));
  const shardSize = parseInteger('--shard-size', flags.shardSize ?? usual, { least: 1 });
  using interrupt = listenForInterrupt();
  let bar: ProgressBar = createProgressBar(0);
  const reportBad = badItemReport((print) => bar.aside(print));
  try {
    const result = await writeFeatureCache({
      config,
      folder: resolve(flags.out),
      device: chooseDevice(config, rankPlace({})),
      dtype,
      shardSize,
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.type === 'bad-item') reportBad(event.message);
        else if (event.type === 'warning') warn(event.message);
        else if (event.type === 'buckets') for (const line of bucketLines(event)) note(line);
        else if (event.type === 'progress') bar.update(event.done, '');
        else {
          if (event.done > 0) note(`${event.done} of ${event.items} pictures are there already`);
          bar = createProgressBar(event.items);
          bar.update(event.done, '');
        }
      },
    });
    bar.stop();
    if (flags.json === true) printJson({ type: 'cache', ...result });
    else for (const line of resultLines(result)) printLine(line);
  } finally {
    bar.stop();
  }
}

function resultLines(result: CacheResult): readonly string[] {
  const { folder, items, shards, bad, bytes, encodeMs, readMs } = result;
  const perEpoch = duration((Math.max(0, encodeMs - readMs) * items) / 1000);
  return [
    `${folder}: ${items - bad} pictures in ${shards} shards, ${(bytes / 1e6).toFixed(1)} MB`,
    ...(bad > 0 ? [`${bad} pictures could not be read; their neighbours take their place`] : []),
    `encoding took ${encodeMs.toFixed(2)} ms a picture, reading takes ${readMs.toFixed(3)} ms: ${perEpoch} saved an epoch`,
  ];
}
