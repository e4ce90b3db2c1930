/** Which picture of one set is the partner of which of another. */
import { SvgT2IError } from '../errors.js';
import { stemOf } from './fingerprint.js';
import type { PictureSource } from './picture-set.js';

/** Names that a message lists at most. */
const MAX_NAMED = 5;

/** The partners' numbers in the reference, by the number in the set. */
export type PairPlan = readonly number[];

/**
 * Pairs by relative name without the extension; where one side is an npz, whose pictures have no names, by position, in
 * sorted order.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT naming what has no partner, or two of one name
 */
export async function planPairs(set: PictureSource, reference: PictureSource): Promise<PairPlan> {
  if (set.kind === 'npz' || reference.kind === 'npz') return byPosition(set, reference);
  const partners = await byStem(reference);
  const own = await byStem(set);
  const missing = [...own.keys()].filter((stem) => !partners.has(stem));
  const extra = [...partners.keys()].filter((stem) => !own.has(stem));
  if (missing.length > 0 || extra.length > 0) {
    const sides = [
      ...(missing.length > 0 ? [`${set.name} has ${named(missing)}, which ${reference.name} has not`] : []),
      ...(extra.length > 0 ? [`${reference.name} has ${named(extra)}, which ${set.name} has not`] : []),
    ];
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `pictures without a partner: ${sides.join('; ')}`, {
      hint: 'Partners have the same name below their folders, the extension aside. fid, kid, is and pr need none.',
    });
  }
  return [...own.keys()].map((stem) => partners.get(stem) as number);
}

async function byStem(source: PictureSource): Promise<ReadonlyMap<string, number>> {
  const places = new Map<string, number>();
  const names = await source.names();
  for (const [index, name] of names.entries()) {
    const stem = stemOf(name);
    const before = places.get(stem);
    if (before !== undefined) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `${source.name} has both ${names[before]} and ${name}: which one has a partner is not clear`,
        { hint: 'Partners are found by their names without extensions; keep one of the two.' },
      );
    }
    places.set(stem, index);
  }
  return places;
}

function byPosition(set: PictureSource, reference: PictureSource): PairPlan {
  if (set.count === reference.count) return Array.from({ length: set.count }, (_, index) => index);
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `${set.name} has ${set.count} pictures and ${reference.name} ${reference.count}: those of an npz have no names, so partners are told by position`,
    { hint: 'Give both sides the same pictures, in sorted order.' },
  );
}

function named(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return names.slice(0, MAX_NAMED).join(', ') + more;
}
