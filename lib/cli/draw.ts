/** The work of `svg-t2i sample`: checks everything, loads, draws, writes each picture as soon as it is there. */
import { randomInt } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { SampleConfig } from '../config/sample.js';
import { fileError, SvgT2IError } from '../errors.js';
import { readImage } from '../image/decode.js';
import { encodeImage } from '../image/encode.js';
import { gridImage } from '../image/grid.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { GeneratedImage } from '../pipeline/generated-image.js';
import { findRelease, MODEL_PARTS } from '../pipeline/layout.js';
import { SvgT2I } from '../pipeline.js';
import { DrawReport, type WrittenImage } from './draw-report.js';
import { type OutputPlan, planOutput, prepareOutput } from './output-plan.js';
import { listenForInterrupt } from './signals.js';
import { writeWhole } from './write-file.js';

export interface DrawOptions {
  readonly json: boolean;
}

export async function drawAll(
  config: SampleConfig,
  prompts: readonly string[],
  options: DrawOptions,
): Promise<readonly string[]> {
  const { output } = config;
  if (options.json && output.path === '-') {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', '--json and -o - both want stdout', {
      hint: 'Pass -o FILE with --json.',
    });
  }
  const seed = config.sample.seed === 'random' ? randomInt(2 ** 47) : config.sample.seed;
  const plan = await planOutput(output, {
    promptCount: prompts.length,
    count: config.sample.count,
    firstSeed: seed,
    stdoutIsTerminal: process.stdout.isTTY === true,
  });
  await prepareOutput(plan, output, config.sample.width * config.sample.height * 3);
  findRelease(config.model, MODEL_PARTS);

  const report = new DrawReport(plan, config.sample.steps, options.json);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const manifest =
    output.manifest === undefined ? undefined : await openManifest(output.manifest, output.skipExisting);
  const drawn = new Map<number, RgbImage>();
  try {
    if (plan.wanted.length > 0) {
      await using pipeline = await SvgT2I.load({
        ...config.model,
        signal,
        onProgress: (event) => report.load(event),
      });
      for (const message of pipeline.warnings) report.warning(message);
      const request = { ...config.sample, seed, prompt: [...prompts], only: plan.wanted, signal };
      for await (const event of pipeline.stream(request)) {
        report.event(event);
        if (event.type !== 'image') continue;
        const written = await writePicture(event.image, plan, config);
        report.written(written);
        await manifest?.(written);
        if (plan.grids.length > 0) drawn.set(event.index, event.image);
        const grid = plan.grids[Math.floor(event.index / config.sample.count)];
        const isLastOfPrompt = event.index % config.sample.count === config.sample.count - 1;
        if (grid !== undefined && isLastOfPrompt)
          await writeGrid(event.index, grid.file, drawn, plan, config);
      }
    }
    report.end();
  } finally {
    report.stop();
  }
  return plan.images.map(({ file }) => file).filter((file) => file !== undefined);
}

async function writePicture(
  image: GeneratedImage,
  plan: OutputPlan,
  config: SampleConfig,
): Promise<WrittenImage> {
  const { format } = plan;
  const planned = plan.images.find(({ index }) => index === image.index);
  if (planned === undefined) return { image, file: undefined };
  const bytes = await image.encode(format, { quality: config.output.quality });
  if (planned.file === undefined) await toStdout(bytes);
  else await writeWhole(planned.file, bytes);
  return { image, file: planned.file };
}

/** All pictures of the prompt whose last one has index `last`; those that were skipped are read back. */
async function writeGrid(
  last: number,
  file: string | undefined,
  drawn: Map<number, RgbImage>,
  plan: OutputPlan,
  config: SampleConfig,
): Promise<void> {
  const members: RgbImage[] = [];
  for (let index = last - config.sample.count + 1; index <= last; index++) {
    const image = drawn.get(index) ?? (await readSkipped(plan, index));
    if (image !== undefined) members.push(image);
    drawn.delete(index);
  }
  const bytes = await encodeImage(gridImage(members), {
    format: plan.format,
    quality: config.output.quality,
  });
  if (file === undefined) await toStdout(bytes);
  else await writeWhole(file, bytes);
}

async function readSkipped(plan: OutputPlan, index: number): Promise<RgbImage | undefined> {
  const file = plan.images[index]?.file;
  return file === undefined ? undefined : readImage(file);
}

function toStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(bytes, (error) => (error ? fail(error) : done()));
  });
}

/** A function that appends a line for a picture; with --skip-existing the lines of earlier runs stay. */
async function openManifest(path: string, keep: boolean): Promise<(written: WrittenImage) => Promise<void>> {
  try {
    if (!keep) await writeFile(path, '');
  } catch (error) {
    throw fileError(error, 'write', path);
  }
  return async ({ image, file }) => {
    const name = file === undefined ? null : relative(resolve(path, '..'), file);
    const line = JSON.stringify({ index: image.index, file: name, ...image.metadata });
    try {
      await appendFile(path, `${line}\n`);
    } catch (error) {
      throw fileError(error, 'write', path);
    }
  };
}
