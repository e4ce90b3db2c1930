/** Packing a set of pictures into one npz as ADM's evaluator reads it: `eval pack`. */
import { resolve } from 'node:path';
import { type PackSettings, packSchema, type ResolvedPack, USUAL_RESOLUTION } from '../config/eval/pack.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { checkFreeSpace } from '../fetch/disk.js';
import { makeFolder } from '../files.js';
import type { RgbImage } from '../image/rgb-image.js';
import { type NpzOutput, writeNpz } from '../npz/write.js';
import { LABELS_NAME, PICTURES_NAME } from './adm-npz.js';
import { BadPictures } from './bad-pictures.js';
import type { EvaluateOptions } from './events.js';
import { readLabels } from './labels.js';
import { openPictures } from './open-pictures.js';
import type { PictureSource } from './picture-set.js';

/** What `evaluate({ kind: 'pack' })` takes. */
export type PackRequest = PackSettings;

export interface PackResult {
  /** Absolute path of the npz. */
  readonly path: string;
  readonly count: number;
  readonly width: number;
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
  const asked = validate(packSchema, request, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const { admCrop, workers, autoOrient, maxPixels } = asked;
  const pack = admCrop ? { ...asked, resolution: asked.resolution ?? USUAL_RESOLUTION } : asked;
  const cut = admCrop ? { resolution: pack.resolution } : { alpha: 'white' as const };
  const source = await openPictures(pack.source, { crop: 'adm', ...cut, workers, autoOrient, maxPixels });
  try {
    if (!source.hasPictures) {
      throw new SvgT2IError('ERR_SVGT2I_DATA', `${pack.source} holds statistics, and no pictures to pack`);
    }
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
  const labels =
    pack.labels === undefined ? undefined : await readLabels(pack.labels, await source.names());
  const { width, height } = (await source.picture(0)).image;
  const { resolution } = pack;
  if (resolution !== undefined && (width !== resolution || height !== resolution)) {
    throw unlike((await source.names())[0] ?? '', { width, height }, { width: resolution, height: resolution });
  }
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
  return { path, count, width, height, labels: labels !== undefined };
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

function unlike(
  name: string,
  { width, height }: Pick<RgbImage, 'width' | 'height'>,
  wanted: Pick<RgbImage, 'width' | 'height'>,
): SvgT2IError {
  const sizes = `${width}x${height} pixels, not ${wanted.width}x${wanted.height}`;
  return new SvgT2IError('ERR_SVGT2I_DATA', `${name} has ${sizes}: an npz holds pictures of one size`, {
    hint: 'Cut them alike with --adm-crop --resolution 256 (admCrop, resolution).',
  });
}
