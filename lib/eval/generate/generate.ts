/** Draws a benchmark in its scorer's own layout, checks the folder, and reports: `eval geneval`, `geneval2` and `dpg`. */
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type BenchmarkKind, type SeedRule, UPSTREAM_SEED } from '../../config/eval/generate.js';
import { seedOf } from '../../config/request.js';
import { SvgT2IError } from '../../errors.js';
import { makeFolder, replaceFile } from '../../files.js';
import type { EvaluateOptions } from '../events.js';
import { writeReport } from '../html/write-report.js';
import { type Benchmark, benchmarkOf, scorerFolder } from '../layouts/benchmarks.js';
import type { BenchmarkPrompt, LayoutPlan, TextFile } from '../layouts/plan.js';
import { scorerCalls } from '../layouts/scorer-calls.js';
import type { GenerateConfig } from './config.js';
import { drawRun } from './draw-run.js';
import { makePartsFolder, removeEmptyParts } from './parts-folder.js';
import { promptsHash } from './prompts-hash.js';
import { benchmarkReport } from './report.js';
import { RUN_FILE } from './run-record.js';
import type { BenchmarkResult } from './types.js';

export interface GenerateOptions extends EvaluateOptions {
  /** As it was typed, for run.json and the report. */
  readonly command?: string | undefined;
}

/** All that is decided before anything is drawn. */
interface Planned {
  readonly kind: BenchmarkKind;
  readonly benchmark: Benchmark;
  readonly config: GenerateConfig;
  readonly prompts: readonly BenchmarkPrompt[];
  /** Pictures of each. */
  readonly count: number;
  readonly plan: LayoutPlan;
  /** What the scorer is given. */
  readonly folder: string;
}

/**
 * Draws a benchmark, or what of it is not there yet.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for a list of prompts that is none; ERR_SVGT2I_USAGE for settings that the
 *   scorer does not take; what drawRun throws; or the signal's reason. A picture that could not be drawn, and what the
 *   check finds, are no errors but parts of the result
 */
export async function drawBenchmark(
  kind: BenchmarkKind,
  config: GenerateConfig,
  options: GenerateOptions = {},
): Promise<BenchmarkResult> {
  const planned = await planBenchmark(kind, config);
  const { benchmark, prompts, count, plan, folder } = planned;
  const { onEvent, signal, command } = options;
  const { out, promptKey, seeds, nproc, skipExisting, onMismatch } = config.benchmark;
  for (const message of remarks(planned)) onEvent?.({ type: 'warning', message });
  const { seed, seedMode } = seedsOf(seeds, config.sample.seed);
  const hash = await promptsHash(config.benchmark.prompts);
  const { seed: _, ...sample } = config.sample;
  const outcome = await drawRun(
    {
      ...{ kind, out, folder, count, seed, seedMode, nproc, skipExisting, onMismatch, command },
      asked: { prompts: prompts.map(({ drawn }) => drawn) },
      files: plan.pictures,
      config: { ...config, sample },
      decides: { prompts: hash, promptKey },
      about: {
        prompts: {
          file: resolve(config.benchmark.prompts),
          sha256: hash,
          count: prompts.length,
          key: promptKey,
        },
        imagesPerPrompt: count,
        seeds: {
          rule: seeds,
          seed,
          picture: seedMode === 'same' ? 'seed + picture of the prompt' : 'seed + picture of the run',
        },
      },
    },
    {
      signal,
      onEvent,
      beforeDrawing: async () => {
        // Without it no scorer takes pictures of two runs for those of one.
        for (const { path } of plan.lastTexts) await rm(join(folder, path), { force: true });
        await writeTexts(folder, out, plan.texts);
      },
    },
  );
  await writeTexts(folder, out, plan.lastTexts);
  await removeEmptyParts(out);
  const resolution = benchmark.isSquare ? sample.width : undefined;
  let looked = 0;
  const check = await benchmark.check(folder, {
    ...{ prompts, imagesPerPrompt: count, resolution, signal },
    onLooked: () =>
      onEvent?.({
        type: 'progress',
        done: ++looked,
        total: plan.pictures.length,
        what: 'check of the folder',
      }),
  });
  const scorer = scorerCalls(kind, {
    ...{ out, prompts: config.benchmark.prompts, imagesPerPrompt: count },
    resolution: sample.width,
  });
  const result = {
    ...{ kind, out, folder, prompts: prompts.length, pictures: prompts.length * count },
    ...{ drawn: outcome.drawn, kept: outcome.kept, failed: outcome.failed, check, scorer },
    run: join(out, RUN_FILE),
  };
  const content = await benchmarkReport(result, {
    ...{ title: benchmark.title, command: command ?? '', prompts, plan },
    settings: outcome.record.decides,
    seedOf: (index) => seedOf({ count, seed, seedMode }, index),
  });
  const { html, json } = await writeReport(out, content, { ...result, ...outcome.record.drawnIn });
  return { ...result, report: html, results: json };
}

/** Reads the list and plans the files; every mistake of the user's is told by now. */
async function planBenchmark(kind: BenchmarkKind, config: GenerateConfig): Promise<Planned> {
  const benchmark = benchmarkOf(kind);
  const { out, promptKey, imagesPerPrompt: count = benchmark.imagesPerPrompt } = config.benchmark;
  const prompts = await benchmark.readPrompts(config.benchmark.prompts, promptKey);
  const plan = benchmark.plan(prompts, count);
  const { width, height } = config.sample;
  if (benchmark.isSquare && width !== height) {
    const message = `${benchmark.title} takes square pictures, not ${width}x${height}: its scorer knows one resolution`;
    throw new SvgT2IError('ERR_SVGT2I_USAGE', message, { hint: `For example --size ${width}x${width}.` });
  }
  if (config.found.ditKind?.condition === 'class') {
    const message = `${benchmark.title} is drawn from prompts, and this model draws classes`;
    throw new SvgT2IError('ERR_SVGT2I_USAGE', message, {
      hint: 'Name a model that reads text with --pretrained.',
    });
  }
  return { kind, benchmark, config, prompts, count, plan, folder: scorerFolder(kind, out) };
}

/** Of the list and the settings: what is no mistake, but changes what a figure means. */
function remarks({ benchmark, prompts, config, count }: Planned): readonly string[] {
  const { promptKey, seeds } = config.benchmark;
  const refined = prompts.filter(
    (each) => 'row' in each && Object.hasOwn(each.row as object, 'refined_prompt'),
  );
  return [
    ...benchmark.warnings(prompts),
    ...(refined.length > 0 && promptKey === 'prompt'
      ? [
          `${refined.length} of ${prompts.length} lines have a refined_prompt, and the prompts themselves are drawn; --refined draws those`,
        ]
      : []),
    ...(count === benchmark.imagesPerPrompt
      ? []
      : [
          `published figures of ${benchmark.title} are of ${benchmark.imagesPerPrompt} picture(s) a prompt, these are of ${count}`,
        ]),
    ...(seeds === 'upstream' && benchmark.imagesPerPrompt === 1
      ? [`with --seeds upstream every prompt of ${benchmark.title} is drawn from the same noise`]
      : []),
  ];
}

function seedsOf(
  rule: SeedRule,
  given: number | undefined,
): { readonly seed: number; readonly seedMode: 'each' | 'same' } {
  return rule === 'upstream'
    ? { seed: given ?? UPSTREAM_SEED, seedMode: 'same' }
    : { seed: given ?? 0, seedMode: 'each' };
}

/** Whole or not there, each. */
async function writeTexts(folder: string, out: string, texts: readonly TextFile[]): Promise<void> {
  if (texts.length === 0) return;
  const partIn = await makePartsFolder(out);
  for (const { path, text } of texts) {
    const file = join(folder, path);
    await makeFolder(dirname(file));
    await replaceFile(file, [text], { partIn });
  }
}
