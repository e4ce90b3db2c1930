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
 * SHA-256 of how a set is read, of its names in order, without their extensions, and of the pixels of its first picture:
 * known before hours of work, and unlike for all that is not the same set.
 */
export async function fingerprintOf(source: PictureSource, reading: SettledReading): Promise<string> {
  const hash = createHash('sha256').update(readingText(reading));
  for (const name of await source.names()) hash.update(`\n${stemOf(name)}`);
  const first = await attempt(source, 0);
  if ('picture' in first) hash.update(first.picture.image.data);
  return hash.digest('hex');
}

/** A relative name without its extension. */
export function stemOf(name: string): string {
  return name.replace(/\.[^./]+$/, '');
}
