/** Packing a set of pictures into one npz as ADM's evaluator reads it: `eval pack`. */
import { resolve } from 'node:path';
import { packSchema, type ResolvedPack, USUAL_RESOLUTION } from '../config/eval/pack.js';
import { pathOf } from '../config/paths.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { isBadItem } from '../features/bad-items.js';
import { checkFreeSpace } from '../fetch/disk.js';
import { makeFolder } from '../files.js';
import { readImageSize } from '../image/decode.js';
import type { RgbImage } from '../image/rgb-image.js';
import { type NpzOutput, writeNpz } from '../npz/write.js';
import { LABELS_NAME, PICTURES_NAME } from './adm-npz.js';
import { BadPictures } from './bad-pictures.js';
import type { EvaluateOptions } from './events.js';
import { readLabels } from './labels.js';
import type { ReadingFields } from './measure-types.js';
import { openPictures } from './open-pictures.js';
import { checkNotSource } from './own-source.js';
import type { PictureSource } from './picture-set.js';
import { readAhead } from './read-ahead.js';
import { type SettledReading, settleReading } from './reading.js';

/** What `evaluate({ kind: 'pack' })` takes: packSchema in words, for editors. */
export interface PackRequest extends Omit<ReadingFields, 'crop' | 'maxBadShare'> {
  /** Folder of pictures, with those below it, a list, or an npz. */
  readonly source: string | URL;
  /** Npz that is written. */
  readonly out: string | URL;
  /** Sides that the pictures must have; with `admCrop` those that they are cut to, 256 where not given. */
  readonly resolution?: number | undefined;
  /** Cut the pictures as ADM's reference sets were cut. Default: false. */
  readonly admCrop?: boolean | undefined;
  /** File with the class of each picture, which becomes arr_1. */
  readonly labels?: string | URL | undefined;
}

/** What `evaluate({ kind: 'pack' })` gives. */
export interface PackResult {
  /** Of evaluation. */
  readonly kind: 'pack';
  /** Absolute path of the npz. */
  readonly path: string;
  /** Pictures. */
  readonly count: number;
  /** Of each, in pixels. */
  readonly width: number;
  /** Of each, in pixels. */
  readonly height: number;
  /** Whether it has the classes of the pictures. */
  readonly labels: boolean;
}

/**
 * Writes the pictures of a set, in its sorted order, to an npz: arr_0, uint8 (n, height, width, 3), stored. Memory holds a
 * few pictures, however many there are.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA where one cannot be read (all of them are looked at first) or has another size than
 *   the others; ERR_SVGT2I_DISK_FULL before anything is written; the reason of the signal
 */
export async function evaluatePack(request: PackRequest, options: EvaluateOptions = {}): Promise<PackResult> {
  const paths = {
    source: pathOf(request.source, 'source'),
    out: pathOf(request.out, 'out'),
    labels: pathOf(request.labels, 'labels'),
  };
  const asked = validate(packSchema, { ...request, ...paths }, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  await checkNotSource(asked.out, asked.source);
  if (asked.labels !== undefined) await checkNotSource(asked.out, asked.labels);
  const { admCrop, alpha, autoOrient, maxPixels, workers } = asked;
  const pack = admCrop ? { ...asked, resolution: asked.resolution ?? USUAL_RESOLUTION } : asked;
  const cut = { resolution: admCrop ? pack.resolution : undefined, crop: 'adm' as const };
  const reading = settleReading({ ...cut, alpha, autoOrient, maxPixels, workers });
  const source = await openPictures(pack.source, reading);
  try {
    if (!source.hasPictures) {
      throw new SvgT2IError('ERR_SVGT2I_DATA', `${pack.source} holds statistics, and no pictures to pack`);
    }
    if (!admCrop) await checkSizes(source, pack, reading, options);
    return await packSource(source, pack, options);
  } finally {
    await source.close();
  }
}

async function packSource(
  source: PictureSource,
  pack: ResolvedPack,
  options: EvaluateOptions,
): Promise<PackResult> {
  const { onEvent, signal } = options;
  for (const message of source.remarks) onEvent?.({ type: 'warning', message });
  const labels = pack.labels === undefined ? undefined : await readLabels(pack.labels, await source.names());
  const { width, height } = (await source.picture(0)).image;
  const path = resolve(pack.out);
  const { count } = source;
  await makeFolder(resolve(path, '..'));
  await checkFreeSpace({
    dir: resolve(path, '..'),
    bytes: count * width * height * 3,
    what: `an npz of ${count} pictures`,
    hint: 'Free some space or choose another folder.',
  });
  const bad = new BadPictures(source, { maxShare: 0, onEvent });
  const pictures: NpzOutput = {
    name: PICTURES_NAME,
    dtype: 'uint8',
    shape: [count, height, width, 3],
    data: pixels(source, { width, height }, bad, options),
  };
  const classes: readonly NpzOutput[] =
    labels === undefined ? [] : [{ name: LABELS_NAME, dtype: 'int64', shape: [count], data: labels }];
  await writeNpz(path, [pictures, ...classes], { signal });
  return { kind: 'pack', path, count, width, height, labels: labels !== undefined };
}

/** Headers that are read at a time. */
const AT_ONCE = 16;

type Size = Pick<RgbImage, 'width' | 'height'>;

/**
 * By the headers of the files, before hours of writing; other sets are looked at while they are written. What cannot be
 * read is told then, all of it.
 */
async function checkSizes(
  source: PictureSource,
  { resolution }: ResolvedPack,
  { decode }: SettledReading,
  { signal }: EvaluateOptions,
): Promise<void> {
  const names = await source.names();
  const look = async (index: number): Promise<Size | undefined> => {
    try {
      return source.kind === 'folder'
        ? await readImageSize((await source.placeOf(index)).path, { autoOrient: decode.autoOrient })
        : (await source.picture(index)).image;
    } catch (error) {
      if (!isBadItem(error)) throw error;
      return undefined;
    }
  };
  // Pictures of a list lie behind their list, those of an npz are all alike.
  const count = source.kind === 'folder' ? source.count : 1;
  let wanted = resolution === undefined ? undefined : { width: resolution, height: resolution };
  let index = 0;
  // In their order, whichever is read first: the first is the measure, and the first unlike it is named.
  for await (const size of readAhead(Array(count).keys(), look, { ahead: () => AT_ONCE, signal })) {
    wanted ??= size;
    if (size !== undefined && (size.width !== wanted?.width || size.height !== wanted.height))
      throw unlike(names[index] ?? '', size, wanted as Size);
    index++;
  }
}

/** The pixels of all pictures; the first that is broken or unlike the others ends it, once all broken ones are told. */
async function* pixels(
  source: PictureSource,
  size: { readonly width: number; readonly height: number },
  bad: BadPictures,
  { onEvent, signal }: EvaluateOptions,
): AsyncGenerator<Uint8Array> {
  const what = `pictures of ${source.name}`;
  for await (const { image, index, name } of source.pictures({ signal, onBad: bad.add })) {
    if (image.width !== size.width || image.height !== size.height) throw unlike(name, image, size);
    // Others are only looked at: the file will not be there.
    if (bad.list.length === 0) yield image.data;
    onEvent?.({ type: 'progress', done: index + 1, total: source.count, what });
  }
  bad.check();
}

function unlike(name: string, { width, height }: Size, wanted: Size): SvgT2IError {
  const sizes = `${width}x${height} pixels, not ${wanted.width}x${wanted.height}`;
  return new SvgT2IError('ERR_SVGT2I_DATA', `${name} has ${sizes}: an npz holds pictures of one size`, {
    hint: 'Cut them alike with --adm-crop --resolution 256 (admCrop, resolution).',
  });
}
