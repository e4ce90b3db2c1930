/** Takes pictures through an autoencoder and measures what comes back, in one pass. */
import type { PairMetricName } from '../config/eval/measure.js';
import type { Engine } from '../engine.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { BadPictures } from './bad-pictures.js';
import { Batches } from './batches.js';
import type { EvaluateOptions } from './events.js';
import type { MeasuredPair } from './measure-pairs.js';
import type { Measurement } from './measurement.js';
import type { NamedPicture, PictureSource } from './picture-set.js';
import { reconstructPictures } from './reconstruct-pictures.js';
import type { SetFacts } from './set-facts.js';

/** What is measured of a source's reconstructions. */
export interface MeasuredReconstructions {
  readonly source: PictureSource;
  /** The first pictures only; all where not given. */
  readonly count?: number | undefined;
  readonly metrics: readonly PairMetricName[];
  /** Names of the measurement's sets: the reconstructions are added to `set`, what was encoded to `reference`. */
  readonly addTo: { readonly set?: string | undefined; readonly reference?: string | undefined };
  readonly facts: SetFacts;
  readonly bad: BadPictures;
  /** Called with each reconstruction; it is waited for. */
  readonly onReconstruction?:
    | ((picture: NamedPicture, reconstruction: RgbImage) => Promise<void>)
    | undefined;
}

/**
 * `engine` has the autoencoder; the measurement may be of another one. In the source's order.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA where too many pictures cannot be read; as the engine does; the signal's reason
 */
export async function measureReconstructions(
  engine: Pick<Engine, 'run'>,
  measurement: Measurement,
  { source, count = source.count, metrics, addTo, facts, bad, onReconstruction }: MeasuredReconstructions,
  { signal, onEvent }: EvaluateOptions,
): Promise<readonly MeasuredPair[]> {
  const measured: MeasuredPair[] = [];
  const total = Math.min(count, source.count);
  const batches = new Batches<NamedPicture>(measurement.batch, async (pictures) => {
    const originals = pictures.map(({ image }) => image);
    const reconstructions = await reconstructPictures(engine, originals, signal);
    const pairs = reconstructions.map((image, i) => [image, originals[i] as RgbImage] as const);
    const values = metrics.length === 0 ? {} : await measurement.pairs(pairs, metrics, signal);
    if (addTo.set !== undefined) await measurement.add(addTo.set, reconstructions, signal);
    if (addTo.reference !== undefined) await measurement.add(addTo.reference, originals, signal);
    for (const [place, picture] of pictures.entries()) {
      const { name, index, image } = picture;
      measured.push({
        name,
        index,
        width: image.width,
        height: image.height,
        values: Object.fromEntries(metrics.map((metric) => [metric, values[metric]?.[place] as number])),
      });
      await onReconstruction?.(picture, reconstructions[place] as RgbImage);
    }
    const done = measured.length + bad.list.length;
    onEvent?.({ type: 'progress', done, total, what: `reconstructions of ${source.name}` });
  });
  for await (const picture of source.pictures({ signal, onBad: bad.add, count: total })) {
    facts.add(picture);
    if (!bad.areTooMany) await batches.push(picture, picture.image.data.length);
  }
  await batches.finish();
  bad.check();
  return measured;
}
