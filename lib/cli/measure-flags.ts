/** The flags of `svg-t2i eval images`, `stats` and `reconstruct`. */
import { imagesSchema } from '../config/eval/images.js';
import { reconstructSchema } from '../config/eval/reconstruct.js';
import { statsSchema } from '../config/eval/stats.js';
import { type CommonOptions, type Flag, sectionFlags, toList, toNumber } from './flags.js';

/** As they were typed. */
export interface MeasureFlags extends CommonOptions {
  readonly [flag: string]: unknown;
}

/** Flags by the heading of the help that they stand under. */
export type FlagGroups = Readonly<Record<string, readonly Flag[]>>;

const INCEPTION = { flags: '--inception <file>', key: 'inception' } as const;
const LPIPS = [
  { flags: '--lpips <file>', key: 'lpips' },
  { flags: '--lpips-linear <file>', key: 'lpipsLinear' },
] as const;
const COUNTING = [
  { flags: '--protocol <name>', key: 'protocol' },
  { flags: '--splits <n>', key: 'splits', parse: toNumber },
  { flags: '--kid-subsets <n>', key: 'kidSubsets', parse: toNumber },
  { flags: '--kid-subset-size <n>', key: 'kidSubsetSize', parse: toNumber },
  { flags: '--neighbours <n>', key: 'neighbours', parse: toNumber },
  { flags: '--seed <n>', key: 'seed', parse: toNumber },
] as const;
const READING = [
  { flags: '--resolution <px>', key: 'resolution', parse: toNumber },
  { flags: '--crop <name>', key: 'crop' },
  { flags: '--alpha <name>', key: 'alpha' },
  { flags: '--auto-orient', key: 'autoOrient' },
  { flags: '--no-auto-orient', key: 'autoOrient', description: 'take pixels as stored' },
  { flags: '--max-pixels <n>', key: 'maxPixels', parse: toNumber },
  { flags: '--max-bad-share <share>', key: 'maxBadShare', parse: toNumber },
  { flags: '--workers <n>', key: 'workers', parse: toNumber },
] as const;
const SPILL = { flags: '--spill-megabytes <n>', key: 'spillMegabytes', parse: toNumber } as const;
const MACHINE = [
  { flags: '--device <device>', key: 'device' },
  { flags: '--threads <n>', key: 'threads', parse: toNumber },
  SPILL,
] as const;
const METRICS = { flags: '--metrics <list>', key: 'metrics', parse: toList } as const;
const OUT = { flags: '-o, --out <folder>', key: 'out' } as const;

export const IMAGES_FLAGS: FlagGroups = {
  'Measuring:': sectionFlags('images', imagesSchema, [METRICS, INCEPTION, ...LPIPS, OUT]),
  'Counting:': sectionFlags('images', imagesSchema, COUNTING),
  'Reading pictures:': sectionFlags('images', imagesSchema, READING),
  'Machine:': sectionFlags('images', imagesSchema, MACHINE),
};

export const STATS_FLAGS: FlagGroups = {
  'Measuring:': sectionFlags('stats', statsSchema, [
    { flags: '-o, --out <file>', key: 'out' },
    INCEPTION,
    { flags: '--spatial', key: 'spatial' },
    { flags: '--no-spatial', key: 'spatial', description: 'mu and sigma only' },
  ]),
  'Reading pictures:': sectionFlags('stats', statsSchema, READING),
  'Machine:': sectionFlags('stats', statsSchema, MACHINE),
};

export const RECONSTRUCT_FLAGS: FlagGroups = {
  'Measuring:': sectionFlags('reconstruct', reconstructSchema, [
    { flags: '--data <path>', key: 'data' },
    METRICS,
    INCEPTION,
    ...LPIPS,
    { flags: '--reference <file>', key: 'reference' },
    { flags: '--count <n>', key: 'count', parse: toNumber },
    OUT,
    { flags: '--keep-pictures', key: 'keepPictures' },
  ]),
  'Counting:': sectionFlags('reconstruct', reconstructSchema, COUNTING),
  'Reading pictures:': sectionFlags('reconstruct', reconstructSchema, [...READING, SPILL]),
};
