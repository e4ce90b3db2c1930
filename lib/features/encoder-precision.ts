/** In which precision the frozen vision encoder computes: in half of it only where its features stay what they are. */
import { SvgT2IError } from '../errors.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { NativeTensors } from '../native/binding.js';
import { imageTensor } from '../pipeline/tensors.js';
import { autoencoderRequest, type Loaded } from '../release/load.js';

export type EncoderPrecision = 'auto' | 'fp32' | 'bf16';

/** Least cosine of features in bf16 with those in fp32. */
const LEAST_COSINE = 0.9999;

/** Pictures that are looked at, and that are tried while they cannot be read. */
const PICTURES = 4;
const TRIES = 32;

/**
 * Has the encoder that was loaded compute in `wanted`; auto: in bf16 where it was loaded so and the features of the
 * first pictures agree with those in fp32, in fp32 elsewhere. Returns what is to be told, if anything.
 */
export async function settleEncoderPrecision(
  { engine, layout, models }: Pick<Loaded, 'engine' | 'layout' | 'models'>,
  wanted: EncoderPrecision,
  read: (index: number) => Promise<RgbImage>,
  options: { readonly items: number; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const { signal } = options;
  const autoencoder = autoencoderRequest(layout.autoencoder);
  if (autoencoder === undefined) return undefined;
  const reload = (dtype: 'fp32' | 'bf16') =>
    engine.run('load', { dtype, offload: false, autoencoder }, { signal });
  if (wanted !== 'auto') {
    if (wanted !== models.dtype) await reload(wanted);
    return undefined;
  }
  if (models.dtype !== 'bf16') return undefined;
  const pictures = await firstPictures(read, options.items);
  const tensors = Object.fromEntries(pictures.map((image, i) => [`image.${i}`, imageTensor(image)] as const));
  const features = async () => (await engine.run('encode', {}, { tensors, signal })).tensors;
  const half = await features();
  await reload('fp32');
  const cosine = pictures.length === 0 ? 0 : leastCosine(half, await features());
  if (cosine < LEAST_COSINE) {
    const found = pictures.length === 0 ? 'no picture could be read' : `cosine ${cosine.toFixed(5)}`;
    return `encoder in fp32: its features in bf16 are others (${found}, ${LEAST_COSINE} is wanted)`;
  }
  await reload('bf16');
  return `encoder in bf16: its features are those in fp32 (cosine ${cosine.toFixed(6)} on ${pictures.length} pictures)`;
}

/** The first that can be read; the others are for training to name. */
async function firstPictures(
  read: (index: number) => Promise<RgbImage>,
  items: number,
): Promise<readonly RgbImage[]> {
  const pictures: RgbImage[] = [];
  for (let index = 0; index < Math.min(items, TRIES) && pictures.length < PICTURES; index++) {
    try {
      pictures.push(await read(index));
    } catch (error) {
      if (!SvgT2IError.isInstance(error)) throw error;
    }
  }
  return pictures;
}

/** Of the pictures: the mean over its cells of the cosine of both feature vectors. */
export function leastCosine(left: NativeTensors, right: NativeTensors): number {
  return Math.min(...Object.keys(left).map((name) => meanCosine(floats(left, name), floats(right, name))));
}

interface Features {
  readonly channels: number;
  readonly values: Float32Array;
}

function floats(tensors: NativeTensors, name: string): Features {
  const tensor = tensors[name];
  if (tensor === undefined || !(tensor.data instanceof Float32Array)) {
    throw new SvgT2IError('ERR_SVGT2I_INTERNAL', `the engine gave no ${name} in fp32`);
  }
  return { channels: tensor.shape[0] ?? 1, values: tensor.data };
}

/** (channels, cells) both. */
function meanCosine({ channels, values: left }: Features, { values: right }: Features): number {
  const cells = left.length / channels;
  let sum = 0;
  for (let cell = 0; cell < cells; cell++) {
    let [product, leftSquare, rightSquare] = [0, 0, 0];
    for (let at = cell; at < left.length; at += cells) {
      const [a, b] = [left[at] ?? 0, right[at] ?? 0];
      product += a * b;
      leftSquare += a * a;
      rightSquare += b * b;
    }
    sum += product / Math.sqrt(leftSquare * rightSquare);
  }
  return sum / cells;
}
