/** Pictures through the autoencoder that an engine has loaded, and back. */
import type { Engine } from '../engine.js';
import type { RgbImage } from '../image/rgb-image.js';
import { imageFrom, imageTensor, latentFrom, latentTensor } from '../pipeline/tensors.js';

/**
 * Each picture encoded and decoded alone: Autoencoder-R aligns its two branches over a whole batch, and a reconstruction
 * must not depend on its neighbours.
 *
 * @param images whose sides are multiples of the autoencoder's cells
 * @throws SvgT2IError as the engine does; the signal's reason
 */
export async function reconstructPictures(
  engine: Pick<Engine, 'run'>,
  images: readonly RgbImage[],
  signal?: AbortSignal,
): Promise<readonly RgbImage[]> {
  const made: RgbImage[] = [];
  // One after the other: the engine takes no more at a time, and each waiting job is a listener of the signal.
  for (const image of images) made.push(await reconstructOne(engine, image, signal));
  return made;
}

async function reconstructOne(
  engine: Pick<Engine, 'run'>,
  image: RgbImage,
  signal: AbortSignal | undefined,
): Promise<RgbImage> {
  const { tensors } = await engine.run('encode', {}, { tensors: { 'image.0': imageTensor(image) }, signal });
  const latent = latentTensor(latentFrom(tensors, 'latent.0'), 0);
  const decoded = await engine.run('decode', {}, { tensors: { 'latent.0': latent }, signal });
  return imageFrom(decoded.tensors, 'image.0');
}
