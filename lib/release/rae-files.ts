/**
 * Finds the files of a representation autoencoder (RAE): a folder of diffusers' AutoencoderRAE, or the layout of
 * nyu-visionx/RAE-collections: decoders/FAMILY/VARIANT/NAME/model.pt, stats/FAMILY/VARIANT/SET/stat.pt, and the encoder
 * as a folder of Hugging Face.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { EncoderKindName } from '../config/encoder-model.js';
import { readOptionalFile } from '../config/optional-file.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { ENCODERS } from '../facts.js';
import type { EngineConfig } from '../native/jobs.js';
import { readTextSync } from '../regular-file.js';
import { entries, isFile, isFolder } from './find.js';

export interface RaeFiles {
  readonly checkpoint: string;
  /** Inside the checkpoint, as in diffusers' files, where undefined. */
  readonly encoder: string | undefined;
  /** Mean and variance of every cell; inside the checkpoint where undefined. */
  readonly statistics: string | undefined;
  /** What the weights do not tell of the decoder, under the engine's keys. */
  readonly said: EngineConfig;
}

const decoderFile = /^(model|[a-z0-9]+_decoder)\.(pt|pth|safetensors)$/;
/** As published, or converted. */
const STATISTICS = ['stat.pt', 'stat.safetensors'];
const MAX_CONFIG_BYTES = 256 * 1024 * 1024;
const IS_RAE = /"_class_name":\s*"AutoencoderRAE"/;
const weightsOfDiffusers = [
  'diffusion_pytorch_model.safetensors',
  'diffusion_pytorch_model.safetensors.index.json',
  'diffusion_pytorch_model.bin',
];

/** The encoders' repositories on Hugging Face by RAE's names. */
const REPOSITORIES: Readonly<Record<string, string>> = {
  'dinov2/wReg_small': 'facebook/dinov2-with-registers-small',
  'dinov2/wReg_base': 'facebook/dinov2-with-registers-base',
  'dinov2/wReg_large': 'facebook/dinov2-with-registers-large',
  'mae/base_p16': 'facebook/vit-mae-base',
  'siglip2/base_p16_i256': 'google/siglip2-base-patch16-256',
};

/** The autoencoder at `place`: a folder of diffusers', a decoder's file of the original, or a folder that holds one. */
export function findRae(place: string): RaeFiles | undefined {
  if (isFile(place)) return originalAt(place);
  if (!isFolder(place)) return undefined;
  return diffusersAt(place) ?? originalAt(firstDecoder(place));
}

function diffusersAt(folder: string): RaeFiles | undefined {
  const config = join(folder, 'config.json');
  // It lists the statistics of every cell, megabytes of numbers that the weights hold too: not parsed.
  if (!isFile(config) || !IS_RAE.test(readTextSync(config, { maxBytes: MAX_CONFIG_BYTES }))) return undefined;
  const file = weightsOfDiffusers.map((name) => join(folder, name)).find(isFile);
  if (file === undefined) return undefined;
  return { checkpoint: file, encoder: undefined, statistics: undefined, said: { kind: 'rae' } };
}

/** DINOv2 before the others, as RAE's own transformers were trained on it; XL before smaller decoders. */
function firstDecoder(folder: string): string | undefined {
  const decoders = join(folder, 'decoders');
  const below = (place: string) => entries(place).map(({ name }) => join(place, name));
  const files = below(decoders)
    .flatMap(below)
    .flatMap(below)
    .flatMap(below)
    .filter((path) => decoderFile.test(basename(path)));
  const rank = (path: string) =>
    Number(path.includes('/dinov2/wReg_base/')) * 4 +
    Number(path.includes('/dinov2/')) * 2 +
    Number(path.includes('ViTXL'));
  return files.sort((a, b) => rank(b) - rank(a))[0] ?? below(folder).find(isOwnDecoder);
}

function isOwnDecoder(path: string): boolean {
  return isFile(path) && decoderFile.test(basename(path)) && firstStatistics(dirname(path)) !== undefined;
}

/** Undefined where the path is none of a RAE decoder. */
function originalAt(path: string | undefined): RaeFiles | undefined {
  if (path === undefined || !decoderFile.test(basename(path))) return undefined;
  const collection = collectionOf(path);
  if (collection === undefined && !isOwnDecoder(path)) return undefined;
  const encoder = encoderPlaces(path).looked.find(isFolder);
  const statistics =
    collection === undefined ? dirname(path) : join(collection.top, 'stats', collection.name);
  return found(path, encoder, firstStatistics(statistics));
}

/** The folder above decoders/FAMILY/VARIANT/NAME/FILE, and FAMILY/VARIANT. */
function collectionOf(path: string): { readonly top: string; readonly name: string } | undefined {
  const parts = resolve(path).split('/');
  const at = parts.lastIndexOf('decoders');
  if (at < 0 || parts.length - at !== 5) return undefined;
  return { top: parts.slice(0, at).join('/') || '/', name: `${parts[at + 1]}/${parts[at + 2]}` };
}

interface RaeEncoderPlaces {
  readonly looked: readonly string[];
  /** DINOv2, MAE and so on, as RAE calls the family; undefined where the decoder's path does not say. */
  readonly family: string | undefined;
  /** On Hugging Face. */
  readonly repository: string | undefined;
}

/** Where the encoder of a decoder of the original is looked for, and which one it is. */
function encoderPlaces(checkpoint: string): RaeEncoderPlaces {
  const collection = collectionOf(checkpoint);
  if (collection === undefined) {
    const folder = dirname(checkpoint);
    const looked = [join(folder, 'encoder'), ...namedEncoders(folder)];
    return { looked, family: undefined, repository: undefined };
  }
  const { top, name } = collection;
  const looked = [join(top, 'encoders', name), ...namedEncoders(top, name)];
  return { looked, family: dirname(name), repository: REPOSITORIES[name] };
}

/** For pictures that are to be encoded where only the decoder is there. */
export function noRaeEncoder(checkpoint: string): SvgT2IError {
  if (!decoderFile.test(basename(checkpoint))) {
    const message = `no weights of the encoder to encode with: ${checkpoint} holds none`;
    const hint = "Get the whole file of diffusers' AutoencoderRAE.";
    return new SvgT2IError('ERR_SVGT2I_WEIGHTS_MISSING', message, { hint });
  }
  const { looked, family, repository } = encoderPlaces(checkpoint);
  const kind = Object.keys(ENCODERS).find((name) => name === family) as EncoderKindName | undefined;
  const what = kind === undefined ? 'weights of the encoder' : `${ENCODERS[kind].title} weights`;
  const which = repository ?? 'the encoder that the decoder was trained on';
  return new SvgT2IError(
    'ERR_SVGT2I_WEIGHTS_MISSING',
    `no ${what} to encode with: looked for ${looked.join(', ')}`,
    { hint: `Get the folder of ${which} and put it there.` },
  );
}

/** Folders under the name of the encoder's repository; without RAE's name for it, under any of theirs. */
function namedEncoders(top: string, name?: string): string[] {
  const repositories = name === undefined ? Object.values(REPOSITORIES) : [REPOSITORIES[name]];
  return repositories.flatMap((repository) =>
    repository === undefined
      ? []
      : [join(top, basename(repository)), join(top, 'encoders', basename(repository))],
  );
}

function firstStatistics(folder: string): string | undefined {
  const places = [folder, ...entries(folder).map(({ name }) => join(folder, name))];
  return places.flatMap((place) => STATISTICS.map((name) => join(place, name))).find(isFile);
}

function found(checkpoint: string, encoder: string | undefined, statistics: string | undefined): RaeFiles {
  return { checkpoint, encoder, statistics, said: { kind: 'rae', ...colours(encoder) } };
}

const three = z.tuple([z.number(), z.number(), z.number()]);
const preprocessorSchema = z.looseObject({ image_mean: three.optional(), image_std: three.optional() });

/** The decoder's colours are those that its encoder was given. */
function colours(encoder: string | undefined): { image_mean?: number[]; image_std?: number[] } {
  if (encoder === undefined) return {};
  const source = join(encoder, 'preprocessor_config.json');
  const tree = readOptionalFile(source, JSON.parse);
  if (tree === undefined) return {};
  const { image_mean, image_std } = validate(preprocessorSchema, tree, { source });
  return { ...(image_mean && { image_mean }), ...(image_std && { image_std }) };
}
