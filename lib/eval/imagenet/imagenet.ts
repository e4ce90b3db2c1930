/** `eval imagenet`: the class-conditional protocol, from drawing 50,000 pictures to the figures that papers print. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathOf } from '../../config/paths.js';
import { DEFAULT_MAX_PIXELS } from '../../config/picture.js';
import { settingsSchema } from '../../config/request.js';
import { Engine } from '../../engine.js';
import { SvgT2IError } from '../../errors.js';
import { checkFreeSpace } from '../../fetch/disk.js';
import { replaceFile } from '../../files.js';
import { readFileParameters } from '../../image/parameters.js';
import { modelNames } from '../../pipeline/metadata.js';
import { checkCondition } from '../../pipeline/subjects.js';
import { withPlainPaths } from '../../release/load-options.js';
import { engineOptions } from '../engine-options.js';
import type { EvaluateOptions } from '../events.js';
import { drawRun, type RunOutcome } from '../generate/draw-run.js';
import { evaluateImages } from '../images.js';
import type { ImagesResult } from '../measure-types.js';
import { Measurement } from '../measurement.js';
import { checkNeeds } from '../needs.js';
import { openPictures } from '../open-pictures.js';
import { checkNotSource } from '../own-source.js';
import { evaluatePack } from '../pack.js';
import { settleReading } from '../reading.js';
import { classAt } from './classes.js';
import { type ImagenetConfig, loadImagenetConfig } from './config.js';
import { type FigureSubject, figureLine } from './figure-line.js';
import { type ReferenceUse, unlikePublished, useOfReference } from './reference.js';
import { writeImagenetReport } from './report.js';
import { CLASSES, fileOf, indexOfFile, LIST, PICTURES, SAMPLES } from './run-files.js';
import type { ImagenetRequest, ImagenetResult } from './types.js';

/**
 * Draws the samples (those that are there already stay), packs them as ADM's evaluator reads them, and measures them as it
 * does.
 *
 * @throws SvgT2IError before anything is drawn: ERR_SVGT2I_INVALID_ARGUMENT, ERR_SVGT2I_FILE_FORMAT or ERR_SVGT2I_DATA for the
 *   reference, ERR_SVGT2I_FILE_NOT_FOUND for a network that is not there; ERR_SVGT2I_INCOMPLETE where pictures could not be
 *   drawn; the reason of the signal
 */
export async function evaluateImagenet(
  request: ImagenetRequest,
  options: EvaluateOptions = {},
): Promise<ImagenetResult> {
  const { model = {}, sample = {}, ...imagenet } = request;
  const paths = {
    reference: pathOf(imagenet.reference, 'reference'),
    inception: pathOf(imagenet.inception, 'inception'),
    out: pathOf(imagenet.out, 'out'),
  };
  const config = await loadImagenetConfig({
    flags: { imagenet: { ...imagenet, ...paths }, model: withPlainPaths(model), sample: { ...sample } },
    nameOf: (path) => /^imagenet\.(.*)$/.exec(path)?.[1],
  });
  return runImagenet(config, options);
}

export interface ImagenetOptions extends EvaluateOptions {
  /** As it was typed, for run.json and the report. */
  readonly command?: string | undefined;
}

/** The same of settings that were loaded. */
export async function runImagenet(config: ImagenetConfig, options: ImagenetOptions): Promise<ImagenetResult> {
  const began = performance.now();
  const { imagenet, sample } = config;
  const { count } = imagenet;
  const kind = config.found.ditKind;
  if (kind !== undefined) checkCondition({ ...sample, class: 0 }, kind.condition);
  const warnings: string[] = [];
  const tell = (message: string) => {
    warnings.push(message);
    options.onEvent?.({ type: 'warning', message });
  };
  await checkNotSource(join(imagenet.out, SAMPLES), imagenet.reference);
  const use = await lookAtReference(config);
  for (const message of [...unlikePublished(imagenet), ...use.warnings]) tell(message);
  await checkRoom(config);
  await checkInception(config, options);
  const run = await draw(config, options);
  const samples = await pack(config, options);
  const measured = await measure(config, use, samples, options);
  warnings.push(...measured.warnings);
  const { fid, sfid, is, pr } = measured;
  const subject = await subjectOf(config, run);
  const result: Omit<ImagenetResult, 'report'> = {
    kind: 'imagenet',
    line: figureLine(subject, { fid, sfid, is, pr }),
    ...{ fid, sfid, is, pr },
    count,
    drawn: run.drawn,
    kept: run.kept,
    samples,
    reference: measured.reference,
    warnings,
    seconds: (performance.now() - began) / 1000,
  };
  return {
    ...result,
    report: await writeImagenetReport(config, { result, subject, command: options.command }),
  };
}

/** What it can serve, and that it can be read: hours before it is needed. */
async function lookAtReference({ imagenet }: ImagenetConfig): Promise<ReferenceUse> {
  const { reference: path, count, workers, neighbours } = imagenet;
  const reference = await openPictures(path, settleReading({ ...AS_THEY_ARE, workers }));
  try {
    const use = useOfReference(reference);
    const set = { name: SAMPLES, count, hasPictures: true };
    checkNeeds({ set, reference, metrics: use.metrics, protocol: { ...OTHER_PROTOCOLS, neighbours } });
    return use;
  } finally {
    await reference.close();
  }
}

/** What ADM's protocol does not read. */
const OTHER_PROTOCOLS = { protocol: 'adm', splits: 1, kidSubsets: 1, kidSubsetSize: 2, seed: 0 } as const;

const AS_THEY_ARE = {
  resolution: undefined,
  crop: 'adm',
  alpha: undefined,
  autoOrient: undefined,
  maxPixels: DEFAULT_MAX_PIXELS,
} as const;

/** For the npz, and for the pictures that are not there yet: a PNG takes no more than its pixels. */
async function checkRoom({ imagenet, sample }: ImagenetConfig): Promise<void> {
  const { count, out } = imagenet;
  const there = new Set(await readdir(join(out, PICTURES)).catch(() => []));
  let missing = 0;
  for (let index = 0; index < count; index++) if (!there.has(fileOf(index))) missing++;
  await checkFreeSpace({
    dir: resolve(out),
    bytes: (missing + count) * sample.width * sample.height * 3,
    what: `an npz of ${count} pictures, and ${missing} of them as files`,
    hint: 'Free some space, or choose another folder.',
  });
}

/** Loads it once: that it is another network is told before anything is drawn. */
async function checkInception(
  { imagenet, model }: ImagenetConfig,
  { signal }: EvaluateOptions,
): Promise<void> {
  await using engine = await Engine.create(engineOptions(model), { signal, owner: 'The evaluation' });
  await using _ = await Measurement.open(engine, { networks: imagenet, metrics: ['fid'], signal });
}

async function draw(config: ImagenetConfig, options: ImagenetOptions): Promise<RunOutcome> {
  const { imagenet } = config;
  const { count, numClasses, classes: order, out } = imagenet;
  const { seed = 0, ...sample } = config.sample;
  const classes = Array.from({ length: count }, (_, index) =>
    classAt(index, { classes: order, numClasses, seed }),
  );
  const files = classes.map((_, index) => ({ path: fileOf(index), pictures: [index] }));
  const run = await drawRun(
    {
      kind: 'imagenet',
      out,
      folder: join(out, PICTURES),
      asked: { classes },
      count: 1,
      seed,
      seedMode: 'each',
      files,
      config: { ...config, sample },
      nproc: imagenet.nproc,
      skipExisting: imagenet.skipExisting,
      onMismatch: imagenet.onMismatch,
      command: options.command,
      isOfLongerRun: (name) => indexOfFile(name) >= count,
      // Not their number: a run may be made longer.
      decides: { classes: order, numClasses },
      about: { pictures: count, reference: imagenet.reference, inception: imagenet.inception },
    },
    options,
  );
  const [failed] = run.failed;
  if (failed !== undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INCOMPLETE',
      `${run.failed.length} of ${count} pictures could not be drawn; one of them: ${failed.error.message}`,
      { hint: 'Call it again: what is drawn stays, and only what is missing is drawn.' },
    );
  }
  // What lies there from a longer run is not listed, and not counted.
  const lines = files.map(
    ({ path }, index) => `${JSON.stringify({ path: `${PICTURES}/${path}`, label: classes[index] })}\n`,
  );
  await replaceFile(join(out, LIST), lines);
  await replaceFile(
    join(out, CLASSES),
    classes.map((number) => `${number}\n`),
  );
  return run;
}

/** Absolute path of the npz. */
async function pack({ imagenet }: ImagenetConfig, options: EvaluateOptions): Promise<string> {
  const { out, workers } = imagenet;
  const { path } = await evaluatePack(
    { source: join(out, LIST), out: join(out, SAMPLES), labels: join(out, CLASSES), workers },
    options,
  );
  return path;
}

function measure(
  { imagenet, model }: ImagenetConfig,
  { metrics }: ReferenceUse,
  samples: string,
  options: EvaluateOptions,
): Promise<ImagesResult> {
  const { reference, inception, neighbours, workers, spillMegabytes } = imagenet;
  const { device, threads } = model;
  return evaluateImages(
    {
      ...{ set: samples, reference, metrics, inception },
      ...{ protocol: 'adm', neighbours, workers, spillMegabytes, device, threads },
    },
    options,
  );
}

async function subjectOf(config: ImagenetConfig, { record }: RunOutcome): Promise<FigureSubject> {
  const { imagenet, model, found } = config;
  const { dit } = found;
  return {
    // With its folder: the files of all exports are called alike.
    model: (typeof dit === 'string' ? modelNames({ dit }).dit : undefined) ?? 'the model',
    sample: await drawnWith(config),
    seed: config.sample.seed ?? 0,
    count: imagenet.count,
    classes: imagenet.classes,
    dtype: record.drawnIn?.dtype ?? model.dtype,
    reference: basename(imagenet.reference),
    weak: found.options.weakDit !== undefined,
  };
}

/** What the first picture carries: what was left to the model is settled there. */
async function drawnWith({ imagenet, sample }: ImagenetConfig): Promise<ImagenetConfig['sample']> {
  const parameters = await readFileParameters(join(imagenet.out, PICTURES, fileOf(0)));
  const known = Object.entries(parameters ?? {}).filter(
    ([name]) => Object.hasOwn(settingsSchema.shape, name) && name !== 'seed',
  );
  return { ...sample, ...Object.fromEntries(known) };
}
