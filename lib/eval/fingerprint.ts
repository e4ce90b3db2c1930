/** Whether two sets are the same pictures, read alike. */
import { createHash } from 'node:crypto';
import { attempt } from './good-pictures.js';
import type { PictureSource } from './picture-set.js';
import type { SettledReading } from './reading.js';

/** How pictures are read, in words that decide what is measured. */
export function readingText({ fit, decode }: SettledReading): string {
  const cut =
    fit.kind === 'whole'
      ? 'as they are'
      : `${fit.kind === 'adm' ? `ADM's crop` : 'training crop'} ${fit.kind === 'adm' ? fit.resolution : fit.buckets[0]?.width}`;
  const upright = decode.autoOrient ? 'upright' : 'as stored';
  return `${cut}, ${upright}, alpha ${decode.alpha === 'white' ? 'on white' : 'dropped'}`;
}

/**
 * SHA-256 of how a set is read, of its names in order, without their extensions, and of the pixels of some of its pictures:
 * first, middle and last, of an npz, which may have to be read from its beginning, the first. It is known before hours of
 * work. A set in which others were changed has the same one.
 */
export async function fingerprintOf(source: PictureSource, reading: SettledReading): Promise<string> {
  const hash = createHash('sha256').update(readingText(reading));
  for (const name of await source.names()) hash.update(`\n${stemOf(name)}`);
  const last = source.count - 1;
  for (const index of source.kind === 'npz' ? [0] : [0, Math.floor(last / 2), last]) {
    const outcome = await attempt(source, index);
    if ('picture' in outcome) hash.update(outcome.picture.image.data);
  }
  return hash.digest('hex');
}

/** A relative name without its extension. */
export function stemOf(name: string): string {
  return name.replace(/\.[^./]+$/, '');
}
