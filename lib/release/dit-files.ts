/** Chooses the file of the diffusion transformer in a folder as training writes it. */
import { basename, join } from 'node:path';
import type { WeightKind } from '../config/model.js';
import { VELOCITY_MODELS } from '../facts.js';
import { cachedRelease, pullCommand } from '../hub/local.js';
import { candidates, entries, isFile, isFolder, type MissingPart } from './find.js';

// Training saves both; the original's sampler prints "ema" but reads the raw ones.
const namesByKind = {
  ema: ['consolidated_ema.00-of-01', 'consolidated.ema.00-of-01', 'consolidated_ema'],
  raw: ['consolidated.00-of-01', 'consolidated', 'model', 'diffusion_pytorch_model'],
} as const;
// A converted file is preferred to the pickle beside it: it maps into memory as it is.
const extensions = ['.safetensors', '.safetensors.index.json', '.pth', '.pt', '.ckpt'] as const;

/**
 * Whether a file has the name under which one of this kind was published: SVG's (shiml20/SVG on GitHub, howlin/SVG on
 * Hugging Face) as V1-SVG-*.pt, RAE's as DiTs/ENCODER/VARIANT/SET/NAME/stage2_model.pt of nyu-visionx/RAE-collections.
 */
export function isPublished(name: string, kind: keyof typeof VELOCITY_MODELS): boolean {
  const [, stem] = /^(.*)\.(?:pt|pth|safetensors)$/i.exec(name) ?? [];
  return stem !== undefined && new RegExp(VELOCITY_MODELS[kind].files, 'i').test(stem);
}

export function findDit(folder: string, given: string | undefined, kind: WeightKind): string | MissingPart {
  const command = given === undefined ? undefined : pullCommand(given);
  const fix = `Put a dit-* folder of the release there, or pass --dit with a folder or file${command === undefined ? '' : `, or fetch it: ${command}`}.`;
  if (given === undefined) {
    const places = ditFolders(folder);
    for (const place of places) {
      const file = findInFolder(place, kind);
      if (file !== undefined) return file;
    }
    const published = findPublished(folder) ?? findOfRae(folder);
    if (published !== undefined) return published;
    const looked =
      places.length === 0
        ? [join(folder, 'dit-*'), join(folder, 'V1-SVG-*.pt'), join(folder, 'DiTs/*/*/*/*/stage2_model.pt')]
        : places.flatMap((place) => namesIn(place, kind));
    return { part: 'diffusion transformer', looked, fix };
  }
  const looked = candidates(given, [folder, '.']);
  for (const place of looked) {
    if (isFile(place)) return place;
    const file = findInFolder(place, kind);
    if (file !== undefined) return file;
    // The engine says what it is and what to do with it.
    if (entries(place).some(({ name }) => name.endsWith('.distcp') || name === 'model_index.json'))
      return place;
  }
  // What was fetched of a name is a whole release.
  for (const release of cachedRelease(given).filter(isFolder)) {
    const found = findDit(release, undefined, kind);
    if (typeof found === 'string') return found;
  }
  const existing = looked.filter(isFolder);
  return {
    part: 'diffusion transformer',
    looked: existing.length === 0 ? looked : existing.flatMap((place) => namesIn(place, kind)),
    fix,
  };
}

/** A file under the name that it was published with, in the folder or in that of its repository; XL before L before B. */
function findPublished(folder: string): string | undefined {
  const size = (path: string) => ['-XL-', '-L-', '-B-'].findIndex((name) => basename(path).includes(name));
  return [folder, join(folder, 'checkpoints')]
    .flatMap((place) => entries(place).map(({ name }) => join(place, name)))
    .filter((path) => isFile(path) && isPublished(basename(path), 'svg'))
    .sort((a, b) => size(a) - size(b))[0];
}

/** Of 256 pixels before 512, XL before smaller ones. */
function findOfRae(folder: string): string | undefined {
  const below = (place: string) => entries(place).map(({ name }) => join(place, name));
  const files = below(join(folder, 'DiTs')).flatMap(below).flatMap(below).flatMap(below).flatMap(below);
  const rank = (path: string) => Number(path.includes('ImageNet256')) * 2 + Number(path.includes('DiTDH-XL'));
  return [...files, ...below(folder)]
    .filter((path) => isPublished(basename(path), 'rae-dit') && isFile(path))
    .sort((a, b) => rank(b) - rank(a))[0];
}

/** Folders dit-*, the latest training stage first. */
function ditFolders(folder: string): string[] {
  const stage = (name: string) => Number(/stage(\d+)/.exec(name)?.[1] ?? -1);
  return entries(folder)
    .filter((entry) => /^dit\b/.test(entry.name) && isFolder(join(folder, entry.name)))
    .sort((a, b) => stage(b.name) - stage(a.name))
    .map((entry) => join(folder, entry.name));
}

function kinds(kind: WeightKind): readonly ('ema' | 'raw')[] {
  return kind === 'auto' ? ['ema', 'raw'] : [kind];
}

function namesIn(folder: string, kind: WeightKind): string[] {
  return kinds(kind).flatMap((each) => join(folder, `${namesByKind[each][0]}.{safetensors,pth}`));
}

function findInFolder(folder: string, kind: WeightKind): string | undefined {
  for (const each of kinds(kind)) {
    for (const name of namesByKind[each]) {
      const file = extensions.map((extension) => join(folder, name + extension)).find(isFile);
      if (file !== undefined) return file;
    }
  }
  // A single safetensors file under any name can only be the model.
  const others = entries(folder).filter((entry) => entry.name.endsWith('.safetensors'));
  const [only] = others;
  if (only === undefined || others.length > 1 || (kind === 'ema' && !/ema/.test(basename(only.name))))
    return undefined;
  return join(folder, only.name);
}
