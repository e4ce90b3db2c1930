/** The benchmarks that are drawn and checked: where each has its prompts, its files and its scorer. */
import { join } from 'node:path';
import type { BenchmarkKind } from '../../config/eval/generate.js';
import { SvgT2IError } from '../../errors.js';
import type { CheckOptions } from './check-options.js';
import type { CheckReport } from './check-report.js';
import { type DpgPrompt, planDpg } from './dpg.js';
import { checkDpg } from './dpg-check.js';
import { readDpgPrompts } from './dpg-prompts.js';
import { type GenevalPrompt, planGeneval, readGenevalPrompts } from './geneval.js';
import { checkGeneval } from './geneval-check.js';
import { type Geneval2Prompt, geneval2Warnings, planGeneval2, readGeneval2Prompts } from './geneval2.js';
import { checkGeneval2 } from './geneval2-check.js';
import type { BenchmarkPrompt, LayoutPlan } from './plan.js';

export interface Benchmark<Prompt extends BenchmarkPrompt = BenchmarkPrompt> {
  readonly title: string;
  /** Of each prompt, where nobody says another number. */
  readonly imagesPerPrompt: number;
  /** Whether the scorer is told one number of pixels for both sides. */
  readonly isSquare: boolean;
  /** Below the output folder; the scorer is given this one. */
  readonly folder: string;
  readPrompts(path: string, promptKey?: string): Promise<readonly Prompt[]>;
  /** Remarks on a list. */
  warnings(prompts: readonly Prompt[]): readonly string[];
  /** @throws SvgT2IError ERR_SVGT2I_USAGE for a number of pictures that the scorer does not take */
  plan(prompts: readonly Prompt[], imagesPerPrompt: number): LayoutPlan;
  check(folder: string, options: CheckOptions<Prompt>): Promise<CheckReport>;
}

const geneval: Benchmark<GenevalPrompt> = {
  title: 'GenEval',
  imagesPerPrompt: 4,
  isSquare: false,
  folder: 'images',
  readPrompts: readGenevalPrompts,
  warnings: () => [],
  plan: planGeneval,
  check: checkGeneval,
};

const geneval2: Benchmark<Geneval2Prompt> = {
  title: 'GenEval 2',
  imagesPerPrompt: 1,
  isSquare: false,
  // Its pictures lie in images/, and the scorer is run where image_paths.json is.
  folder: '',
  readPrompts: readGeneval2Prompts,
  warnings: geneval2Warnings,
  plan: planGeneval2,
  check: checkGeneval2,
};

const dpg: Benchmark<DpgPrompt> = {
  title: 'DPG-Bench',
  imagesPerPrompt: 4,
  isSquare: true,
  folder: 'images',
  readPrompts: readDpgPrompts,
  warnings: () => [],
  plan: planDpg,
  check: async (folder, { resolution, ...options }) => {
    if (resolution !== undefined) return checkDpg(folder, { ...options, resolution });
    const message = 'the pictures of DPG-Bench cannot be checked without their resolution (--resolution)';
    throw new SvgT2IError('ERR_SVGT2I_USAGE', message, {
      hint: 'Pass the pixels a side of one picture, as the scorer gets them: half of those of a grid.',
    });
  },
};

/** Each takes the prompts that it gave. */
const benchmarks: Readonly<Record<BenchmarkKind, Benchmark>> = { geneval, geneval2, dpg };

export function benchmarkOf(kind: BenchmarkKind): Benchmark {
  return benchmarks[kind];
}

/** Where the scorer's files lie in an output folder. */
export function scorerFolder(kind: BenchmarkKind, out: string): string {
  return join(out, benchmarks[kind].folder);
}
