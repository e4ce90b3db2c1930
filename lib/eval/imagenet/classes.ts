/** Which class each picture of the class-conditional protocol shows. */
import type { ClassOrder } from '../../config/eval/imagenet.js';
import { uniformDraw } from '../../data/random.js';

/**
 * The class of a picture by its index, the same on any number of processes and after a resume.
 *
 * Balanced classes follow one another, so that every part of 5000 pictures, of which ADM takes an Inception Score each, has
 * all of them.
 */
export function classAt(
  index: number,
  {
    classes,
    numClasses,
    seed,
  }: { readonly classes: ClassOrder; readonly numClasses: number; readonly seed: number },
): number {
  if (classes === 'balanced') return index % numClasses;
  return Math.floor(uniformDraw(seed, index) * numClasses);
}
