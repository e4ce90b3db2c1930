/** Which metrics a run's checkpoints are measured by: what was asked for, or all that can be had of what was given. */
import {
  DRAWING_METRICS,
  RECONSTRUCTION_METRICS,
  type ResolvedWatch,
  type WatchMetric,
} from '../../config/eval/watch.js';
import type { TrainingConfig } from '../../config/train.js';
import { SvgT2IError } from '../../errors.js';
import { checkNetworks } from '../measurement.js';
import { MOMENTS_NEED } from '../needs.js';

export interface MetricsAtHand {
  /** Whether the run trains on drawn scenes, which can be judged. */
  readonly isShapes: boolean;
  /** File of LPIPS, of the watch or of the run. */
  readonly lpips: string | undefined;
}

/**
 * In the order in which they are shown.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a metric of the other stage, or one that lacks what it needs;
 *   ERR_SVGT2I_WEIGHTS_MISSING for one whose network is not named
 */
export function chooseMetrics(
  { stage }: Pick<TrainingConfig, 'stage'>,
  { metrics: asked, data, inception, count }: Pick<ResolvedWatch, 'metrics' | 'data' | 'inception' | 'count'>,
  { isShapes, lpips }: MetricsAtHand,
): readonly WatchMetric[] {
  const all: readonly WatchMetric[] = stage === 'dit' ? DRAWING_METRICS : RECONSTRUCTION_METRICS;
  const lacks = (metric: WatchMetric): string | undefined => {
    if (metric === 'shapes' && !isShapes) return 'a run that trains on what svg-t2i dataset shapes draws';
    if (stage === 'dit' && data === undefined && (metric === 'fid' || metric === 'kid'))
      return 'pictures to compare with: give data (--data)';
    if (count < MOMENTS_NEED && (metric === 'fid' || metric === 'kid'))
      return `${MOMENTS_NEED} pictures or more: raise count (--count)`;
    return undefined;
  };
  if (asked === undefined) {
    const networks: ReadonlySet<WatchMetric> = new Set([
      ...(lpips === undefined ? (['lpips'] as const) : []),
      ...(inception === undefined ? (['fid', 'kid', 'is'] as const) : []),
    ]);
    // Pictures of fewer than 161 pixels a side have no MS-SSIM.
    return all.filter(
      (metric) => lacks(metric) === undefined && !networks.has(metric) && metric !== 'ms-ssim',
    );
  }
  for (const metric of asked) {
    if (!all.includes(metric)) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `metrics: ${metric} is none of stage ${stage}`, {
        hint: `Of this run there are ${all.join(', ')}.`,
      });
    }
    const lacking = lacks(metric);
    if (lacking === undefined) continue;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `metrics: ${metric} needs ${lacking}`);
  }
  checkNetworks({ networks: { inception, lpips }, metrics: asked.filter(isMeasured) });
  return all.filter((metric) => asked.includes(metric));
}

type MeasuredMetric = Exclude<WatchMetric, 'shapes' | 'previous'>;

/** Whether it is one of pictures as such, whoever made them. */
export function isMeasured(metric: WatchMetric): metric is MeasuredMetric {
  return metric !== 'shapes' && metric !== 'previous';
}
