/** Whether a reference was made of pictures of another size than those that are held against it. */
import { basename } from 'node:path';
import type { PictureSource } from './picture-set.js';
import type { SetFacts } from './set-facts.js';

interface Side {
  readonly source: PictureSource;
  readonly facts: SetFacts;
}

/** A line where statistics tell of another size, or their name does. Sizes of pictures are held against each other elsewhere. */
export function resolutionRemarks(set: Side, reference: Side): readonly string[] {
  const [own, other] = [sizeOf(set), sizeOf(reference)];
  if (other === undefined && reference.source.statistics !== undefined) {
    return [`${reference.source.name} does not say of which resolution it is`];
  }
  if (own === undefined || other === undefined || own.size === other.size) return [];
  if (own.from === 'pictures' && other.from === 'pictures') return [];
  return [
    `${set.source.name}: ${own.size}${told(own)}, ${reference.source.name}: ${other.size}${told(other)}: a reference of another resolution gives numbers that no paper has`,
  ];
}

interface Size {
  readonly size: string;
  readonly from: 'pictures' | 'provenance' | 'name';
}

function told({ from }: Size): string {
  return from === 'name' ? ' by its name' : '';
}

function sizeOf({ source, facts }: Side): Size | undefined {
  const [measured] = facts.sizes;
  if (measured !== undefined) return { size: measured, from: 'pictures' };
  const [stored] = source.statistics?.provenance?.sizes ?? [];
  if (stored !== undefined) return { size: stored, from: 'provenance' };
  // VIRTUAL_imagenet256_labeled.npz and its like.
  const side = /(?:imagenet|lsun|ffhq|res|_)(64|128|256|512|1024)(?!\d)/i.exec(basename(source.name))?.[1];
  return side === undefined ? undefined : { size: `${side}x${side}`, from: 'name' };
}
