/** DPG-Bench's folder: flat, one picture a prompt under the prompt's name, the four samples in a 2 x 2 grid. */
import { SvgT2IError } from '../../errors.js';
import type { BenchmarkPrompt, LayoutPlan } from './plan.js';

export interface DpgPrompt extends BenchmarkPrompt {
  /** Stem of its file, as the scorer looks it up. */
  readonly id: string;
}

/** Samples that the scorer crops out of a file: --pic-num. */
const DPG_COUNTS: readonly number[] = [1, 4];

/**
 * Why the scorer could never find a prompt of this id; undefined where it can. It takes a file's name up to the first dot.
 *
 * Source: TencentQQGYLab/ELLA 3c228f1, dpg_bench/compute_dpg_bench.py.
 */
export function dpgIdFault(id: string): string | undefined {
  if (id === '') return 'the id is empty';
  if (id.includes('.')) {
    return `the id ${JSON.stringify(id)} has a dot: the scorer takes a file's name up to the first one, so it could never be scored`;
  }
  if (/[/\\\0]/.test(id)) return `the id ${JSON.stringify(id)} is no name of a file`;
  return undefined;
}

/**
 * Which files there will be: ID.png, with the samples top left, top right, bottom left, bottom right.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE for another number of samples than the scorer can crop
 */
export function planDpg(prompts: readonly DpgPrompt[], imagesPerPrompt: number): LayoutPlan {
  checkDpgCount(imagesPerPrompt);
  return {
    texts: [],
    pictures: prompts.map(({ id }, i) => ({
      path: `${id}.png`,
      pictures: Array.from({ length: imagesPerPrompt }, (_, j) => i * imagesPerPrompt + j),
    })),
    lastTexts: [],
  };
}

export function checkDpgCount(imagesPerPrompt: number): void {
  if (DPG_COUNTS.includes(imagesPerPrompt)) return;
  const message = `DPG-Bench scores ${DPG_COUNTS.join(' or ')} pictures a prompt, not ${imagesPerPrompt}`;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', message, {
    hint: 'Pass --images-per-prompt 4, which its dist_eval.sh takes.',
  });
}
