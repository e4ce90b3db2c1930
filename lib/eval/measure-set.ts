/** Takes all pictures of a source into a set of a measurement. */
import type { BadPictures } from './bad-pictures.js';
import { Batches } from './batches.js';
import type { EvaluateOptions } from './events.js';
import type { Measurement } from './measurement.js';
import type { NamedPicture, PictureSource } from './picture-set.js';
import type { SetFacts } from './set-facts.js';

/**
 * The set has all pictures that can be read. Once too many cannot, the others are only counted: the end is an error.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA where too many cannot be read; as the engine does; the signal's reason
 */
export async function measureSet(
  measurement: Measurement,
  { set, source, facts, bad }: MeasuredSource,
  { signal, onEvent }: EvaluateOptions,
): Promise<void> {
  let added = 0;
  const batches = new Batches<NamedPicture>(measurement.batch, async (pictures) => {
    await measurement.add(
      set,
      pictures.map(({ image }) => image),
      signal,
    );
    added += pictures.length;
    onEvent?.({
      type: 'progress',
      done: added + bad.list.length,
      total: source.count,
      what: `pictures of ${source.name}`,
    });
  });
  for await (const picture of source.pictures({ signal, onBad: bad.add })) {
    facts.add(picture);
    if (!bad.areTooMany) await batches.push(picture, picture.image.data.length);
  }
  await batches.finish();
  bad.check();
}

export interface MeasuredSource {
  /** Name among the measurement's sets. */
  readonly set: string;
  readonly source: PictureSource;
  readonly facts: SetFacts;
  readonly bad: BadPictures;
}
