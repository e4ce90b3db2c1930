/** What ADM's evaluator takes of an npz, and `eval check --as adm-npz`: what it would stumble over or misread. */
import { basename } from 'node:path';
import { type SignalOptions, throwIfAborted } from '../abort.js';
import { SvgT2IError } from '../errors.js';
import { NpzError } from '../npz/members.js';
import { type NpzFile, type NpzMember, openNpz } from '../npz/read.js';
import type { CheckReport, Fault } from './layouts/check-report.js';
import { readStatistics, STATISTICS_NAMES } from './npz-statistics.js';
import type { StoredStatistics } from './statistics.js';

/** The array of pictures in sample and reference files. */
export const PICTURES_NAME = 'arr_0';
/** What published figures are taken of. */
export const USUAL_SAMPLES = 50_000;

export interface NpzPictures {
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The pictures of an npz: arr_0, uint8 (n, height, width, 3), by its header.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for another array: float, grey, (n, 3, height, width), or none
 */
export async function picturesOf(file: NpzFile): Promise<NpzPictures> {
  const { dtype, shape } = await file.member(PICTURES_NAME);
  const refuse = (reason: string, hint?: string): never => {
    throw new NpzError(file.path, PICTURES_NAME, reason, { hint });
  };
  const shown = `(${shape.join(', ')})`;
  if (dtype !== 'uint8') {
    const hint = 'Multiply pictures in 0..1 by 255, round, and save them as uint8.';
    refuse(`holds values of type ${dtype}; pictures are uint8, 0 to 255`, hint);
  }
  const [count = 0, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4) refuse(`has the shape ${shown}; pictures are (n, height, width, 3)`);
  if (channels !== 3 && height === 3) {
    const hint = 'Save np.transpose(pictures, (0, 2, 3, 1)).';
    refuse(`has the shape ${shown}, channels first; pictures are (n, height, width, 3)`, hint);
  }
  if (channels !== 3) {
    refuse(`has the shape ${shown}, ${channels} channels; pictures are (n, height, width, 3), RGB`);
  }
  if (count === 0 || height === 0 || width === 0) refuse(`has the shape ${shown}: no picture`);
  return { count, height, width };
}

export interface AdmCheckOptions extends SignalOptions {
  /** Sides that the pictures must have. */
  readonly resolution?: number | undefined;
  /** Called with the pictures that were read, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Checks a sample or reference file before ADM's evaluator sees it; all of it is read, so that damage shows.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO; the reason of the signal. What is wrong with the file's
 *   contents is not thrown but listed.
 */
export async function checkAdmNpz(path: string, options: AdmCheckOptions = {}): Promise<CheckReport> {
  const faults: Fault[] = [];
  const warnings: string[] = [];
  const collect = async <Value>(what: Promise<Value>, scorer?: string): Promise<Value | undefined> => {
    try {
      return await what;
    } catch (error) {
      throwIfAborted(options.signal);
      faults.push(faultOf(error, path, scorer));
      return undefined;
    }
  };
  const report = (pictures: number): CheckReport => ({
    as: 'adm-npz',
    target: path,
    prompts: 0,
    pictures,
    faults,
    warnings,
  });
  const opened = await collect(openNpz(path), 'stops: the file is no zip file');
  if (opened === undefined) return report(0);
  await using file = opened;
  const isThere = file.has(PICTURES_NAME);
  const member = await collect(
    file.member(PICTURES_NAME),
    isThere ? 'stops' : 'stops: missing arr_0 in npz file',
  );
  const pictures =
    member === undefined
      ? undefined
      : await collect(picturesOf(file), 'takes it without a word, and its numbers mean nothing');
  if (pictures !== undefined) {
    checkSides(pictures, options.resolution, faults);
    await collect(readThrough(file, options), 'stops');
  }
  const statistics = await collect(readStatistics(file, options));
  if (statistics !== undefined && statistics.spatial === undefined) {
    const scorer = 'takes the statistics of a file that has mu, and stops without mu_s';
    faults.push({ path: 'mu_s', reason: 'is not there, and mu is', scorer });
  }
  for (const name of file.names) {
    if (name === PICTURES_NAME || (STATISTICS_NAMES as readonly string[]).includes(name)) continue;
    const member = await collect(file.member(name));
    if (member !== undefined) warnings.push(...remarksOn(member, pictures));
  }
  warnings.push(...serviceOf(pictures, statistics));
  return report(pictures?.count ?? 0);
}

/** A fault names the member where there is one, and the file elsewhere. */
function faultOf(error: unknown, path: string, scorer: string | undefined): Fault {
  if (!SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_FILE_FORMAT') throw error;
  const [place, reason] =
    error instanceof NpzError
      ? [error.member, error.reason]
      : [basename(path), error.message.replace(`${path} `, '').replace(`${path}: `, '')];
  return { path: place, reason, ...(scorer === undefined ? {} : { scorer }) };
}

function checkSides({ width, height }: NpzPictures, resolution: number | undefined, faults: Fault[]): void {
  if (resolution === undefined || (width === resolution && height === resolution)) return;
  const reason = `has pictures of ${width}x${height} pixels, not of ${resolution}x${resolution}`;
  faults.push({ path: PICTURES_NAME, reason, scorer: 'resizes them to 299x299 without a word' });
}

async function readThrough(file: NpzFile, { signal, onProgress }: AdmCheckOptions): Promise<void> {
  const { shape } = await file.member(PICTURES_NAME);
  let done = 0;
  for await (const part of file.rows(PICTURES_NAME, { signal })) {
    done += part.shape[0] ?? 0;
    onProgress?.(done, shape[0] ?? 0);
  }
}

function remarksOn({ name, shape }: NpzMember, pictures: NpzPictures | undefined): readonly string[] {
  if (name !== LABELS_NAME || pictures === undefined || shape[0] === pictures.count) return [];
  return [`${name} has ${shape[0] ?? 'no'} labels for ${pictures.count} pictures`];
}

/** The classes of the pictures, as the *_labeled files of the ADM line have them. */
export const LABELS_NAME = 'arr_1';

/** What can be computed from the file, and what is missing for the rest. */
function serviceOf(
  pictures: NpzPictures | undefined,
  statistics: StoredStatistics | undefined,
): readonly string[] {
  if (pictures === undefined && statistics === undefined) return [];
  const serves: string[] = [];
  const missing: string[] = [];
  const ask = (metric: string, isThere: boolean, lacks: string) => {
    if (isThere) serves.push(metric);
    else missing.push(`${metric} (${lacks})`);
  };
  const hasPictures = pictures !== undefined;
  ask('FID', hasPictures || statistics !== undefined, 'mu and sigma');
  const hasSpatial = statistics === undefined ? hasPictures : statistics.spatial !== undefined;
  ask('sFID', hasSpatial, 'mu_s and sigma_s');
  ask('precision and recall', hasPictures, PICTURES_NAME);
  ask('Inception Score', hasPictures, PICTURES_NAME);
  const both = hasPictures ? 'pictures and statistics' : 'statistics alone';
  const source = statistics === undefined ? 'pictures alone' : both;
  const few = pictures !== undefined && statistics === undefined && pictures.count !== USUAL_SAMPLES;
  return [
    `${source}: serves ${serves.join(', ')}${missing.length > 0 ? `; not ${missing.join(', ')}` : ''}`,
    ...(statistics !== undefined && hasPictures
      ? ["mu and sigma are the file's own, not those of arr_0: the evaluator takes them for FID"]
      : []),
    ...(few ? [`${pictures.count} pictures; published figures are of ${USUAL_SAMPLES}, as samples`] : []),
  ];
}
