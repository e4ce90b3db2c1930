/** The line under which a figure is published: numbers, and the exact sampler that they are of. */
import { isAdaptive, type ResolvedSettings } from '../../config/request.js';
import type { SetValues } from '../measure-types.js';

/** What a figure is of. */
export interface FigureSubject {
  /** Name of the model. */
  readonly model: string;
  /** Every setting of the sampler, defaults filled in. */
  readonly sample: Omit<ResolvedSettings, 'count' | 'seed' | 'seedMode'>;
  readonly seed: number;
  readonly count: number;
  readonly classes: string;
  readonly dtype: string;
  /** File name of the reference. */
  readonly reference: string;
  /** Whether guidance moves away from a weaker model. */
  readonly weak: boolean;
}

/** `50000` as `50,000`. */
export function thousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The sampler as papers give it: solver, steps, guidance, shift. */
export function samplerWords({ sample, weak }: Pick<FigureSubject, 'sample' | 'weak'>): string {
  const { solver, steps, order, method, atol, rtol, shift } = sample;
  const adaptive = isAdaptive(solver);
  const words = [
    solver === 'dpm++' ? `dpm++ ${method ?? 'multistep'} of order ${order ?? 2}` : solver,
    ...(adaptive ? [`atol ${atol}, rtol ${rtol}`] : [`${steps} steps`]),
    guidanceWords(sample, weak),
    ...(adaptive || shift === undefined ? [] : [`shift ${shift}`]),
  ];
  return words.join(', ');
}

function guidanceWords(sample: FigureSubject['sample'], weak: boolean): string {
  const {
    guidanceScale,
    guidanceSchedule = 'constant',
    guidanceMode,
    guidanceFrom = 0,
    guidanceUntil = 1,
  } = sample;
  if (guidanceScale === 1) return 'no cfg';
  const where = [
    guidanceSchedule,
    ...(guidanceMode === 'renorm' ? [`renorm ${sample.renorm ?? 1}`] : []),
    ...(guidanceFrom > 0 || guidanceUntil < 1 ? [`t in ${guidanceFrom} to ${guidanceUntil}`] : []),
  ];
  return `${weak ? 'autoguidance' : 'cfg'} ${guidanceScale} (${where.join(', ')})`;
}

/** FID, sFID, IS, precision and recall, those that were computed. */
function metricWords({ fid, sfid, is, pr }: SetValues): string {
  return [
    ...(fid === undefined ? [] : [`FID ${fid.toFixed(2)}`]),
    ...(sfid === undefined ? [] : [`sFID ${sfid.toFixed(2)}`]),
    ...(is === undefined ? [] : [`IS ${is.mean.toFixed(1)}`]),
    ...(pr === undefined ? [] : [`precision ${pr.precision.toFixed(3)}`, `recall ${pr.recall.toFixed(3)}`]),
  ].join(', ');
}

/**
 * One line with everything that decides the numbers.
 *
 * @example
 * // "V1-SVG-XL: FID 3.54, sFID 5.11, IS 207.6, precision 0.790, recall 0.580 | 50,000 pictures of 256x256, balanced classes,
 * //  seed 0, euler, 25 steps, cfg 1.5 (cfg_star-1-0), shift 0.15, fp32 | ADM's protocol, VIRTUAL_imagenet256_labeled.npz"
 */
export function figureLine(subject: FigureSubject, metrics: SetValues): string {
  const { model, sample, seed, count, classes, dtype, reference } = subject;
  const pictures = `${thousands(count)} pictures of ${sample.width}x${sample.height}, ${classes} classes, seed ${seed}`;
  return [
    `${model}: ${metricWords(metrics)}`,
    `${pictures}, ${samplerWords(subject)}, ${dtype}`,
    `ADM's protocol, ${reference}`,
  ].join(' | ');
}
