/** `geneval_layout`, `geneval2_layout` and `dpg_layout` cases: the folders that generators leave for a scorer. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { BenchmarkKind } from '../../config/eval/generate.js';
import { firstLine } from '../../errors.js';
import { FileWriter } from '../../eval/generate/file-writer.js';
import { type Benchmark, benchmarkOf } from '../../eval/layouts/benchmarks.js';
import type { BenchmarkPrompt, LayoutPlan } from '../../eval/layouts/plan.js';
import { readImage } from '../../image/decode.js';
import { type RgbImage, rgbImage } from '../../image/rgb-image.js';
import { GeneratedImage } from '../../pipeline/generated-image.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';
import { describeFolder, type FolderDescription, folderSchema, makeDescribed } from './described-folder.js';

const sideSchema = z.number().int().min(1);
const folders = z.array(z.looseObject({ name: z.string(), files: folderSchema }));
const specSchema = z.looseObject({
  // As records: objects with known keys would have these first.
  prompts: z.union([z.array(z.record(z.string(), z.unknown())), z.record(z.string(), z.string())]),
  samples_per_prompt: sideSchema.default(1),
  picture: z.tuple([sideSchema, sideSchema]).optional(),
  resolution: sideSchema.optional(),
  quadrants: z.array(z.tuple([z.number().int(), z.number().int()])).default([]),
  expected: z.looseObject({ files: folderSchema }),
  accept: folders,
  wrong: z.array(
    z.looseObject({
      name: z.string(),
      reason: z.string(),
      files: folderSchema,
      // A number, or the error that the scorer stops with.
      scorer_pictures: z.unknown().optional(),
    }),
  ),
  bad_ids: z.array(z.string()).default([]),
  bad_rows: z.array(z.looseObject({ row: z.unknown(), reason: z.string() })).default([]),
  brace_prompt: z.string().optional(),
});

type Spec = z.output<typeof specSchema>;

export const runGenevalLayoutCase = (golden: GoldenCase, result: Comparison) =>
  run('geneval', golden, result);
export const runGeneval2LayoutCase = (golden: GoldenCase, result: Comparison) =>
  run('geneval2', golden, result);
export const runDpgLayoutCase = (golden: GoldenCase, result: Comparison) => run('dpg', golden, result);

async function run(kind: BenchmarkKind, golden: GoldenCase, result: Comparison): Promise<void> {
  const spec = specSchema.parse(golden.spec);
  const benchmark = benchmarkOf(kind);
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-layout-'));
  try {
    const prompts = await benchmark.readPrompts(await writePrompts(spec.prompts, join(folder, 'prompts')));
    const layout = { spec, benchmark, prompts, folder, result };
    await checkWriting(layout);
    await checkChecking(layout);
    await checkRefusals(layout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface LayoutCase {
  readonly spec: Spec;
  readonly benchmark: Benchmark;
  readonly prompts: readonly BenchmarkPrompt[];
  readonly folder: string;
  readonly result: Comparison;
}

/** Objects as JSON Lines, texts by their ids as a folder of files; returns where. */
async function writePrompts(prompts: Spec['prompts'], path: string): Promise<string> {
  if (Array.isArray(prompts)) {
    const file = `${path}.jsonl`;
    await writeFile(file, prompts.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return file;
  }
  await mkdir(path, { recursive: true });
  for (const [id, text] of Object.entries(prompts)) await writeFile(join(path, `${id}.txt`), text);
  return path;
}

/** What we write is the case's list of files, no more and no less. */
async function checkWriting({ spec, benchmark, prompts, folder, result }: LayoutCase): Promise<void> {
  const plan = benchmark.plan(prompts, spec.samples_per_prompt);
  const root = join(folder, 'written');
  await drawPlanned(plan, root, spec);
  const [written, expected] = [await describeFolder(root), spec.expected.files];
  result.expectText('written', Object.keys(written).sort().join(' '), Object.keys(expected).sort().join(' '));
  for (const [path, wanted] of Object.entries(expected)) {
    // Parsed and said again, so that only blanks and escapes may differ, not the order of keys.
    result.expectText(path, JSON.stringify(written[path] ?? null), JSON.stringify(wanted));
  }
  for (const { path, pictures } of spec.quadrants.length === 0 ? [] : plan.pictures) {
    const grid = await readImage(join(root, path));
    for (const [i, [left, top]] of spec.quadrants.entries()) {
      const at = (top * grid.width + left) * 3;
      const want = [...shade(pictures[i] ?? 0)];
      result.expectEqual(`${path} quadrant ${i}`, [...grid.data.subarray(at, at + 3)], want);
    }
  }
}

/** A colour for each picture of a run. */
function shade(index: number): readonly [number, number, number] {
  return [(index * 37) % 256, (index * 91 + 40) % 256, 255 - ((index * 11) % 256)];
}

async function drawPlanned(plan: LayoutPlan, root: string, spec: Spec): Promise<void> {
  const [width, height] = spec.picture ?? [spec.resolution ?? 1, spec.resolution ?? 1];
  const parts = `${root}-parts`;
  await mkdir(parts, { recursive: true });
  const writer = new FileWriter({ files: plan.pictures, folder: root, parts }, () => undefined);
  for (const index of plan.pictures.flatMap(({ pictures }) => pictures)) {
    const metadata = { seed: index } as GeneratedImage['metadata'];
    const pixels = plainImage(width, height, shade(index));
    await writer.drawn(new GeneratedImage({ index, seed: index, prompt: '', pixels, metadata }));
  }
  for (const { path, text } of [...plan.texts, ...plan.lastTexts]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

function plainImage(width: number, height: number, colour: readonly number[]): RgbImage {
  return rgbImage(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3] ?? 0),
  );
}

/** Folders that the scorer takes pass; the others are refused, for their reason. */
async function checkChecking(layout: LayoutCase): Promise<void> {
  const { spec, result } = layout;
  const check = (name: string, files: FolderDescription) => checkDescribed(layout, name, files);
  const { faults } = await check('expected', spec.expected.files);
  result.expectText('faults of expected', faults.map(({ reason }) => reason).join('; '), '');
  for (const { name, files } of spec.accept) {
    const { faults } = await check(name, files);
    result.expectText(
      `faults of ${name}`,
      faults.map(({ path, reason }) => `${path}: ${reason}`).join('; '),
      '',
    );
  }
  for (const { name, reason, files, scorer_pictures: pictures } of spec.wrong) {
    const report = await check(name, files);
    const isFound = report.faults.some((fault) => fault.reason.startsWith(reason) && fault.path !== '');
    const told = report.faults.map((fault) => `${fault.path}: ${fault.reason}`).join('; ');
    if (!isFound) result.fail(`${name} is not refused as "${reason}" but as "${told}"`);
    if (typeof pictures === 'number')
      result.expectEqual(`pictures of ${name}`, [report.pictures], [pictures]);
  }
}

async function checkDescribed(
  { spec, benchmark, prompts, folder }: LayoutCase,
  name: string,
  files: FolderDescription,
) {
  const root = join(folder, `case-${name}`);
  await makeDescribed(root, files);
  return benchmark.check(root, {
    prompts,
    imagesPerPrompt: spec.samples_per_prompt,
    resolution: spec.resolution,
  });
}

/** Lists of prompts that could never be scored. */
async function checkRefusals({ spec, benchmark, folder, result }: LayoutCase): Promise<void> {
  const file = join(folder, 'bad.jsonl');
  const refuse = async (label: string, row: unknown, reason: string) => {
    await writeFile(file, `${JSON.stringify(row)}\n`);
    const told = await benchmark.readPrompts(file).then(() => '', firstLine);
    if (!told.includes(reason) || !told.includes(`${file}:1`)) {
      result.fail(`${label} is not refused as "${reason}" but as "${told}"`);
    }
  };
  for (const id of spec.bad_ids) await refuse(`the id "${id}"`, { id, prompt: 'a fox' }, 'the id ');
  for (const { row, reason } of spec.bad_rows) {
    await refuse(`the row of "${reason}"`, row, reason.replace(/ \(.*$/, ''));
  }
  const [first] = Array.isArray(spec.prompts) ? spec.prompts : [];
  if (spec.brace_prompt === undefined || first === undefined) return;
  await writeFile(file, `${JSON.stringify({ ...first, prompt: spec.brace_prompt })}\n`);
  const warnings = benchmark.warnings(await benchmark.readPrompts(file));
  if (!warnings.some((warning) => warning.includes('vqascore'))) result.fail('braces are not warned of');
}
