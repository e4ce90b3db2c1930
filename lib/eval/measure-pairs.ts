/** Takes each picture and its partner through the metrics of pairs, and into the sets that are measured along. */
import type { PairMetricName } from '../config/eval/measure.js';
import { SvgT2IError } from '../errors.js';
import type { BadPictures } from './bad-pictures.js';
import { Batches } from './batches.js';
import type { EvaluateOptions } from './events.js';
import { AheadLimit, type Attempt, attempt, type FailedAttempt } from './good-pictures.js';
import type { Measurement } from './measurement.js';
import type { PairPlan } from './pair-plan.js';
import type { BadPicture, NamedPicture, PictureSource } from './picture-set.js';
import { readAhead } from './read-ahead.js';
import type { SetFacts } from './set-facts.js';

/** A picture with its distances to its partner. */
export interface MeasuredPair {
  /** Relative to the set, with `/` and the extension. */
  readonly name: string;
  /** In the set. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
  /** PSNR of equal pictures is Infinity. */
  readonly values: Readonly<Partial<Record<PairMetricName, number>>>;
}

/** A picture's shorter side in pixels, by metric: below it there is no window, or no scale. */
const LEAST_SIDE: Readonly<Record<PairMetricName, number>> = {
  psnr: 1,
  ssim: 11,
  'ssim-reflect': 11,
  'ms-ssim': 161,
  'ms-ssim-reflect': 176,
  lpips: 16,
};

/** Larger pictures would take tens of gigabytes in VGG's first layers. */
const MOST_LPIPS_PIXELS = 4096 * 4096;

/** Why pictures of a size cannot be measured so; undefined where they can. */
export function unfitFor(
  metrics: readonly PairMetricName[],
  { width, height }: { readonly width: number; readonly height: number },
): string | undefined {
  const metric = metrics.find((one) => Math.min(width, height) < LEAST_SIDE[one]);
  const size = `has ${width}x${height} pixels`;
  if (metric !== undefined) return `${size}; ${metric} needs ${LEAST_SIDE[metric]} a side`;
  if (!metrics.includes('lpips') || width * height <= MOST_LPIPS_PIXELS) return undefined;
  return `${size}; lpips takes at most ${MOST_LPIPS_PIXELS}, as of 4096x4096`;
}

export interface MeasuredPairs {
  readonly set: PictureSource;
  readonly reference: PictureSource;
  readonly plan: PairPlan;
  readonly metrics: readonly PairMetricName[];
  /** Names of the measurement's sets that the pictures are added to as well. */
  readonly addTo: { readonly set?: string | undefined; readonly reference?: string | undefined };
  readonly facts: { readonly set: SetFacts; readonly reference: SetFacts };
  /** Counts pairs: one is bad where either picture is, or where they do not fit each other. */
  readonly bad: BadPictures;
}

/**
 * In the set's order; bad pairs are left out, of the sets too.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA where too many pairs are bad; as the engine does; the signal's reason
 */
export async function measurePairs(
  measurement: Measurement,
  { set, reference, plan, metrics, addTo, facts, bad }: MeasuredPairs,
  { signal, onEvent }: EvaluateOptions,
): Promise<readonly MeasuredPair[]> {
  const measured: MeasuredPair[] = [];
  const limit = new AheadLimit();
  const batches = new Batches<Pair>(measurement.batch, async (pairs) => {
    measured.push(...(await measureBatch(measurement, pairs, metrics, signal)));
    const sides = [addTo.set, addTo.reference] as const;
    for (const [side, name] of sides.entries()) {
      if (name === undefined) continue;
      const images = pairs.map((pair) => (pair[side] as NamedPicture).image);
      await measurement.add(name, images, signal);
    }
    const done = measured.length + bad.list.length;
    onEvent?.({ type: 'progress', done, total: plan.length, what: `pairs of ${set.name}` });
  });
  const load = async (index: number) => ({
    index,
    outcomes: await Promise.all([attempt(set, index), attempt(reference, plan[index] as number)] as const),
  });
  const indices = Array.from(plan, (_, index) => index);
  for await (const { index, outcomes } of readAhead(indices, load, { ahead: limit.current, signal })) {
    const pair = fitting(outcomes, metrics);
    if ('message' in pair) {
      // One that does not fit is seldom alone, and what is to be done is known.
      if (pair.side === undefined && bad.areRefused) throw misfit(pair.message);
      bad.add({ ...pair, index });
      continue;
    }
    facts.set.add(pair[0]);
    facts.reference.add(pair[1]);
    // Both are of one size.
    const bytes = 2 * pair[0].image.data.length;
    limit.add(bytes);
    if (!bad.areTooMany) await batches.push(pair, bytes);
  }
  await batches.finish();
  bad.check();
  return measured;
}

type Pair = readonly [NamedPicture, NamedPicture];

async function measureBatch(
  measurement: Measurement,
  pairs: readonly Pair[],
  metrics: readonly PairMetricName[],
  signal: AbortSignal | undefined,
): Promise<readonly MeasuredPair[]> {
  const values = await measurement.pairs(
    pairs.map(([a, b]) => [a.image, b.image] as const),
    metrics,
    signal,
  );
  return pairs.map(([{ name, index, image }], place) => ({
    name,
    index,
    width: image.width,
    height: image.height,
    values: Object.fromEntries(metrics.map((metric) => [metric, values[metric]?.[place] as number])),
  }));
}

/** Both pictures, or why there is no pair. */
function fitting(
  [first, second]: readonly [Attempt, Attempt],
  metrics: readonly PairMetricName[],
): Pair | Omit<BadPicture, 'index'> {
  if (!('picture' in first)) return { ...blamed(first), side: 'set' };
  if (!('picture' in second)) return { ...blamed(second), side: 'reference' };
  const [a, b] = [first.picture, second.picture];
  const place = { name: a.name, path: a.path ?? a.name };
  const shown = ({ image }: NamedPicture) => `${image.width}x${image.height}`;
  if (shown(a) !== shown(b)) {
    const partner = b.path ?? b.name;
    const message = `${place.path} has ${shown(a)} pixels and its partner ${partner} ${shown(b)}: ${metrics.join(', ')} compare pictures of one size`;
    return { ...place, message };
  }
  const unfit = unfitFor(metrics, a.image);
  return unfit === undefined ? [a, b] : { ...place, message: `${place.path} ${unfit}` };
}

function blamed({ name, path, reason }: FailedAttempt): Omit<BadPicture, 'index'> {
  return { name, path, message: reason };
}

function misfit(message: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, {
    hint: '--resolution cuts all alike; leave the metric out, or have such pairs left out with --max-bad-share.',
  });
}
