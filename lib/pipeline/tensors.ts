/** Between the pipeline's pictures and latents and the tensors that cross to the engine. */
import { types } from 'node:util';
import { z } from 'zod';
import { countSchema, float32Schema } from '../config/values.js';
import { SvgT2IError } from '../errors.js';
import { type RgbImage, rgbImage } from '../image/rgb-image.js';
import type { NativeTensor } from '../native/binding.js';
import type { DecodedImage, Latent } from './latent.js';

type Named<Name extends string> = Readonly<Record<Name, NativeTensor>>;

export const latentSchema: z.ZodType<Latent> = z.object(
  { channels: countSchema, height: countSchema, width: countSchema, data: float32Schema },
  { error: 'must be a latent: { channels, height, width, data }, as encode() returns it' },
);

/** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for sides that are no multiples of a cell's */
export function checkCells({ width, height }: RgbImage, position: number, cellPixels: number): void {
  if (width % cellPixels === 0 && height % cellPixels === 0) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `picture ${position} is ${width}x${height}; both sides must be multiples of ${cellPixels}`,
    { hint: 'Crop or resize it first; svg-t2i reconstruct crops by itself.' },
  );
}

/** uint8 (height, width, 3). */
export function imageTensor(image: RgbImage): NativeTensor {
  const { width, height, data } = rgbImage(image.width, image.height, image.data);
  return { dtype: 'uint8', shape: [height, width, 3], data };
}

/** float32 (1, channels, height, width). */
export function latentTensor(latent: Latent, position: number): NativeTensor {
  const { channels, height, width, data } = latent;
  if (data.length !== channels * height * width) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `latent ${position}: ${data.length} numbers are no (${channels}, ${height}, ${width})`,
    );
  }
  return { dtype: 'float32', shape: [1, channels, height, width], data };
}

export function imageFrom<Name extends string>(tensors: Named<Name>, name: NoInfer<Name>): RgbImage {
  const tensor = get(tensors, name);
  const [height = 0, width = 0] = tensor.shape;
  if (tensor.dtype !== 'uint8' || !types.isUint8Array(tensor.data)) throw unexpected(name, tensor);
  return rgbImage(width, height, tensor.data);
}

export function latentFrom<Name extends string>(tensors: Named<Name>, name: NoInfer<Name>): Latent {
  const tensor = get(tensors, name);
  const [channels = 0, height = 0, width = 0] = tensor.shape.slice(-3);
  if (tensor.dtype !== 'float32' || !types.isFloat32Array(tensor.data)) throw unexpected(name, tensor);
  return { channels, height, width, data: tensor.data };
}

/** float32 (3, height, width). */
export function decodedFrom<Name extends string>(tensors: Named<Name>, name: NoInfer<Name>): DecodedImage {
  const { height, width, data } = latentFrom(tensors, name);
  return { height, width, data };
}

function get<Name extends string>(tensors: Named<Name>, name: NoInfer<Name>): NativeTensor {
  const tensor: NativeTensor | undefined = tensors[name];
  if (tensor !== undefined) return tensor;
  throw new SvgT2IError('ERR_SVGT2I_INTERNAL', `the engine returned no tensor ${name}`);
}

function unexpected(name: string, tensor: NativeTensor): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INTERNAL', `the engine returned ${name} as ${tensor.dtype}`);
}
