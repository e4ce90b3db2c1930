/** The work of `svg-t2i sample`: checks everything, loads, draws, writes each picture as soon as it is there. */
import { randomInt } from 'node:crypto';
import { seedOf } from '../config/request.js';
import type { SampleConfig } from '../config/sample.js';
import { SvgT2IError } from '../errors.js';
import { type ImageParameters, readFileParameters } from '../image/parameters.js';
import { loadSharp } from '../image/sharp.js';
import type { GeneratedImage } from '../pipeline/generated-image.js';
import { askedMetadata, modelNames } from '../pipeline/metadata.js';
import type { Repetition } from '../pipeline/repeat.js';
import { checkSeeds } from '../pipeline/sample-job.js';
import { checkCondition, type Subjects, subjectsOf } from '../pipeline/subjects.js';
import type { FailedImage } from '../pipeline/types.js';
import { SvgT2I } from '../pipeline.js';
import { readClassNames } from '../release/class-names.js';
import { layoutOf, MODEL_PARTS, type ReleaseLayout } from '../release/layout.js';
import type { ModelPart } from '../release/types.js';
import { DrawReport, MismatchReport } from './draw-report.js';
import { adviceBeforeDrawing } from './estimate-run.js';
import { picturesToDraw } from './existing-pictures.js';
import { Grids } from './grids.js';
import { Manifest } from './manifest.js';
import { warn } from './output.js';
import { checkGrid, type OutputPlan, planOutput, prepareOutput, type Target } from './output-plan.js';
import { type DrawConfig, without } from './sample-config.js';
import { listenForInterrupt } from './signals.js';
import { writeWhole } from './write-file.js';

/** Of a model that reads no text. */
const CLASS_PARTS: readonly ModelPart[] = ['dit', 'autoencoder'];

/** Where so many fail before one is drawn, it is not the pictures. */
const MAX_FAILED_AT_FIRST = 10;

/** A picture that is to be drawn again. */
export interface RepeatedPicture {
  readonly picture: string;
  readonly parameters: ImageParameters;
  readonly repetition: Repetition;
}

export interface DrawOptions {
  readonly json: boolean;
  readonly verbose?: boolean | undefined;
  readonly from?: RepeatedPicture | undefined;
}

/** What to draw: prompts, or classes by number or name. */
export type AskedSubjects =
  | { readonly prompts: readonly string[] }
  | { readonly classes: readonly (number | string)[] };

/** Returns the files that were written. */
export async function drawAll(
  config: DrawConfig,
  asked: AskedSubjects,
  options: DrawOptions,
): Promise<readonly string[]> {
  const { output } = config;
  if (options.json && output.path === '-') {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', '--json and -o - both want stdout', {
      hint: 'Pass -o FILE with --json.',
    });
  }
  const seed = config.sample.seed === 'random' ? randomInt(2 ** 47) : config.sample.seed;
  const sample = { ...config.sample, seed };
  // The names of classes lie with the release; prompts are refused before anybody looks for one.
  const named = 'classes' in asked ? layoutOf(config.found, CLASS_PARTS) : undefined;
  const subjects = subjectsFrom(asked, named?.classNames);
  checkSeeds(sample, subjects.prompt.length);
  const plan = await planOutput(output, {
    promptCount: subjects.prompt.length,
    count: sample.count,
    seedOf: (index) => seedOf(sample, index),
    classOf: (index) => subjects.classes?.[Math.floor(index / sample.count)]?.number,
    stdoutIsTerminal: process.stdout.isTTY === true,
  });
  checkGrid(plan, sample);
  await prepareOutput(plan, output, sample.width * sample.height * 3);
  const layout = named ?? layoutOf(config.found, MODEL_PARTS);
  const kind = config.found.ditKind;
  if (kind !== undefined) {
    const ofClass = 'classes' in asked ? [...asked.classes] : undefined;
    checkCondition({ ...sample, class: ofClass }, kind.condition);
  }
  using interrupt = listenForInterrupt();
  const run = new DrawRun({ config, sample, subjects, plan, layout, ...options });
  return await run.draw(interrupt.signal);
}

interface DrawSettings {
  readonly config: DrawConfig;
  readonly sample: SampleConfig['sample'] & { readonly seed: number };
  readonly subjects: Subjects;
  readonly plan: OutputPlan;
  readonly layout: ReleaseLayout;
  readonly json: boolean;
  readonly verbose?: boolean | undefined;
  readonly from?: RepeatedPicture | undefined;
}

class DrawRun {
  readonly #settings: DrawSettings;
  readonly #grids: Grids;
  #manifest: Manifest | undefined;
  /** The first picture that is not dealt with. */
  #next = 0;
  #drawn = 0;
  #failed = 0;
  #failedGrids = 0;

  constructor(settings: DrawSettings) {
    const { plan, config } = settings;
    this.#settings = settings;
    this.#grids = new Grids({ plan, quality: config.output.quality, write: writeTo });
  }

  async draw(signal: AbortSignal): Promise<readonly string[]> {
    const { config, sample, plan, json, verbose = false } = this.#settings;
    const { output } = config;
    const only = output.skipExisting ? await this.#picturesToDraw(signal) : undefined;
    const wanted = only?.length ?? plan.total;
    if (output.manifest !== undefined) {
      this.#manifest = await Manifest.open(output.manifest, { keep: output.skipExisting, onWarning: warn });
    }
    const report = new DrawReport({ wanted, kept: plan.total - wanted, steps: sample.steps, json, verbose });
    try {
      if (wanted > 0) await this.#drawWanted(only, report, signal);
      await this.#passKept(plan.total, report);
      await this.#manifest?.finish();
      report.end();
    } finally {
      report.stop();
    }
    const missing = [
      ...(this.#failed > 0 ? [`${this.#failed} of ${wanted} pictures could not be drawn`] : []),
      ...(this.#failedGrids > 0 ? [`${this.#failedGrids} grid(s) could not be written`] : []),
    ];
    if (missing.length > 0) {
      throw new SvgT2IError('ERR_SVGT2I_INCOMPLETE', missing.join(', '), {
        hint: 'The errors above name them; --skip-existing draws only what is missing.',
      });
    }
    return report.files;
  }

  async #picturesToDraw(signal: AbortSignal): Promise<readonly number[]> {
    const { config, sample, subjects, plan, layout, json } = this.#settings;
    const mismatches = new MismatchReport(json);
    const { dtype } = config.model;
    const { attentionSoftCap } = config.found.softCap({ ofDit: true });
    const wanted = await picturesToDraw(plan, {
      onMismatch: config.output.onMismatch,
      askedOf: (index) => ({
        ...without(
          askedMetadata({
            request: sample,
            prompt: subjects.prompt[Math.floor(index / sample.count)] ?? '',
            class: subjects.classes?.[Math.floor(index / sample.count)],
            seed: seedOf(sample, index),
            layout,
            attentionSoftCap,
          }),
          config.ofModel,
        ),
        ...(dtype === 'auto' ? {} : { dtype }),
      }),
      onFound: (mismatch) => mismatches.found(mismatch),
      signal,
    });
    mismatches.end();
    return wanted;
  }

  async #drawWanted(
    only: readonly number[] | undefined,
    report: DrawReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { config, sample, subjects, plan } = this.#settings;
    const pictures = only?.length ?? plan.total;
    for (const message of await adviceBeforeDrawing(config, { pictures, prompts: subjects.prompt, signal })) {
      report.warning(message);
    }
    const unwritable = new AbortController();
    await using pipeline = await SvgT2I.loadFound(config.found, {
      ...(subjects.classes === undefined ? {} : { parts: CLASS_PARTS }),
      signal,
      onProgress: (event) => report.load(event),
    });
    for (const message of [...pipeline.warnings, ...this.#repeatWarnings()]) report.warning(message);
    const settings = without(sample, [...config.ofModel, ...config.leftToModel]);
    const { width = sample.width, height = sample.height } = { ...pipeline.defaults, ...settings };
    checkGrid(plan, { width, height });
    const keepGoing = pictures > 1;
    const { prompt, classes } = subjects;
    const what = classes === undefined ? { prompt } : { class: classes.map(({ number }) => number) };
    const until = AbortSignal.any([signal, unwritable.signal]);
    const request = { ...settings, ...what, only, keepGoing, signal: until };
    for await (const event of pipeline.stream(request)) {
      report.event(event);
      // While the engine is busy. Without it nothing that is drawn could be written.
      loadSharp().catch((error: unknown) => unwritable.abort(error));
      if (event.type === 'image') await this.#write(event.image, keepGoing, report);
      else if (event.type === 'failed') await this.#fail(event, report);
    }
  }

  /** What may make a picture another one than that it is to repeat. */
  #repeatWarnings(): readonly string[] {
    const { from, layout } = this.#settings;
    if (from === undefined) return [];
    const names = modelNames(layout);
    const models = (['dit', 'weakDit', 'autoencoder', 'textEncoder'] as const).flatMap((part) => {
      const [was, is] = [from.parameters[part], names[part]];
      const isKnown = typeof was === 'string' && typeof is === 'string';
      return isKnown && was !== is
        ? [`${from.picture} was drawn with ${part} ${was}, and this is ${is}`]
        : [];
    });
    return [...from.repetition.warnings, ...models];
  }

  async #write(image: GeneratedImage, keepGoing: boolean, report: DrawReport): Promise<void> {
    const { plan, config } = this.#settings;
    const { index, seed, prompt } = image;
    const target = plan.imageAt(index);
    const file = target.kind === 'file' ? target.path : undefined;
    try {
      if (target.kind !== 'nowhere') {
        await writeTo(target, await image.encode(plan.format, { quality: config.output.quality }));
      }
    } catch (error) {
      if (!keepGoing || !isFileFailure(error)) throw error;
      await this.#fail({ index, seed, prompt, error }, report);
      return;
    }
    await this.#passKept(index, report);
    this.#next = index + 1;
    this.#drawn++;
    report.drawn(image, file);
    if (target.kind !== 'nowhere') await this.#manifest?.add(index, file, image.metadata);
    await this.#passGrid(this.#grids.drawn(index, image), report);
  }

  async #fail({ index, seed, prompt, error }: FailedImage, report: DrawReport): Promise<void> {
    await this.#passKept(index, report);
    this.#next = index + 1;
    this.#failed++;
    if (this.#drawn === 0 && this.#failed >= MAX_FAILED_AT_FIRST) throw error;
    const target = this.#settings.plan.imageAt(index);
    const file = target.kind === 'file' ? target.path : undefined;
    report.failed({ index, file, seed, prompt, error });
    await this.#passGrid(this.#grids.failed(index), report);
  }

  /** A grid that cannot be written is no reason to lose the pictures behind it. */
  async #passGrid(written: Promise<string | undefined>, report: DrawReport): Promise<void> {
    try {
      const file = await written;
      if (file !== undefined) report.grid(file);
    } catch (error) {
      if (!isFileFailure(error)) throw error;
      this.#failedGrids++;
      report.failedGrid(error);
    }
  }

  /** The pictures up to `end` that are not dealt with are those that were there. */
  async #passKept(end: number, report: DrawReport): Promise<void> {
    if (this.#manifest === undefined && !this.#settings.plan.hasGrids) this.#next = end;
    for (; this.#next < end; this.#next++) {
      const target = this.#settings.plan.imageAt(this.#next);
      if (target.kind !== 'file') continue;
      const { path } = target;
      if (this.#manifest !== undefined) {
        await this.#manifest.addKept(this.#next, path, await readFileParameters(path));
      }
      await this.#passGrid(this.#grids.kept(this.#next, path), report);
    }
  }
}

function subjectsFrom(asked: AskedSubjects, classNames: string | undefined): Subjects {
  if ('prompts' in asked) return subjectsOf({ prompt: [...asked.prompts] }, undefined);
  const names = classNames === undefined ? undefined : readClassNames(classNames);
  return subjectsOf({ class: [...asked.classes] }, names);
}

/** The fault of one file: its name is a folder's, its format cannot hold it. A full disk is another matter. */
function isFileFailure(error: unknown): error is SvgT2IError {
  return (
    SvgT2IError.isInstance(error) && (error.code === 'ERR_SVGT2I_IO' || error.code === 'ERR_SVGT2I_IMAGE')
  );
}

async function writeTo(target: Target, bytes: Uint8Array): Promise<void> {
  if (target.kind === 'file') await writeWhole(target.path, bytes);
  else if (target.kind === 'stdout') await toStdout(bytes);
}

function toStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(bytes, (error) => (error ? fail(error) : done()));
  });
}
