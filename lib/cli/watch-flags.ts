/** The flags of `svg-t2i eval watch`. */
import { watchSchema } from '../config/eval/watch.js';
import { type CommonOptions, type Flag, sectionFlags, toList, toNumber } from './flags.js';

/** As they were typed. */
export interface WatchFlags extends CommonOptions {
  readonly [flag: string]: unknown;
}

/** What is measured, and on what. */
export const MEASURING_FLAGS: readonly Flag[] = sectionFlags('watch', watchSchema, [
  { flags: '--metrics <list>', key: 'metrics', parse: toList },
  { flags: '--data <path>', key: 'data' },
  { flags: '--prompts <file>', key: 'prompts' },
  { flags: '--count <n>', key: 'count', parse: toNumber },
  { flags: '--seed <n>', key: 'seed', parse: toNumber },
  { flags: '--inception <file>', key: 'inception' },
  { flags: '--lpips <file>', key: 'lpips' },
  { flags: '--lpips-linear <file>', key: 'lpipsLinear' },
]);

/** How one watches. */
export const WATCHING_FLAGS: readonly Flag[] = sectionFlags('watch', watchSchema, [
  { flags: '--once', key: 'once' },
  { flags: '--interval <seconds>', key: 'interval', parse: toNumber },
  { flags: '--device <device>', key: 'device' },
  { flags: '--threads <n>', key: 'threads', parse: toNumber },
  { flags: '--niceness <n>', key: 'niceness', parse: toNumber },
]);
