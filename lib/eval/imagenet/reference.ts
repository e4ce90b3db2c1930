/** What a reference can serve in ADM's protocol, and in which words it is said what it cannot. */
import type { ResolvedImagenet } from '../../config/eval/imagenet.js';
import type { SetMetricName } from '../../config/eval/measure.js';
import { USUAL_SAMPLES } from '../adm-npz.js';
import type { PictureSource } from '../picture-set.js';
import { checkWidths } from '../statistics-fit.js';

export interface ReferenceUse {
  /** What is computed. */
  readonly metrics: readonly SetMetricName[];
  readonly warnings: readonly string[];
}

/**
 * What is computed against a reference: what it cannot serve is left out with a warning.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA for statistics of another network
 */
export function useOfReference(
  reference: Pick<PictureSource, 'name' | 'hasPictures' | 'statistics'>,
): ReferenceUse {
  const { name, hasPictures, statistics } = reference;
  const warnings: string[] = [];
  if (statistics === undefined) {
    warnings.push(`${name} has no mu and sigma: they are taken of its pictures`);
    return { metrics: ['fid', 'sfid', 'is', 'pr'], warnings };
  }
  checkWidths(name, statistics);
  const { spatial } = statistics;
  if (spatial === undefined && hasPictures)
    warnings.push(`${name} has no mu_s and sigma_s: sFID is taken of its pictures`);
  else if (spatial === undefined) warnings.push(`${name} has no mu_s and sigma_s: sFID is left out`);
  if (!hasPictures) warnings.push(`${name} has no pictures (arr_0): precision and recall are left out`);
  const metrics: readonly SetMetricName[] = [
    'fid',
    ...(spatial === undefined && !hasPictures ? [] : (['sfid'] as const)),
    'is',
    ...(hasPictures ? (['pr'] as const) : []),
  ];
  return { metrics, warnings };
}

/** What makes the figures other ones than those that are published. */
export function unlikePublished({
  count,
  classes,
  numClasses,
}: Pick<ResolvedImagenet, 'count' | 'classes' | 'numClasses'>): readonly string[] {
  const warnings: string[] = [];
  if (count !== USUAL_SAMPLES) {
    const how = count < USUAL_SAMPLES ? 'fewer pictures give a higher FID' : 'more pictures give a lower FID';
    warnings.push(`${count} pictures: published figures are of ${USUAL_SAMPLES}, and ${how}`);
  }
  if (classes === 'balanced' && count % numClasses !== 0) {
    warnings.push(`${count} is no multiple of ${numClasses} classes: some are drawn once more than others`);
  }
  return warnings;
}
