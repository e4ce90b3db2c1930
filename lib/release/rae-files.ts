/**
 * Finds the files of a representation autoencoder (RAE): a folder of diffusers' AutoencoderRAE, or the layout of
 * nyu-visionx/RAE-collections: decoders/FAMILY/VARIANT/NAME/model.pt, stats/FAMILY/VARIANT/SET/stat.pt, and the encoder
 * as a folder of Hugging Face.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { readOptionalFile } from '../config/optional-file.js';
import { validate } from '../config/validate.js';
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

/** Names of the encoders' repositories by RAE's names. */
const REPOSITORIES: Readonly<Record<string, string>> = {
  'dinov2/wReg_small': 'dinov2-with-registers-small',
  'dinov2/wReg_base': 'dinov2-with-registers-base',
  'dinov2/wReg_large': 'dinov2-with-registers-large',
  'mae/base_p16': 'vit-mae-base',
  'siglip2/base_p16_i256': 'siglip2-base-patch16-256',
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
  const parts = resolve(path).split('/');
  const at = parts.lastIndexOf('decoders');
  // decoders/FAMILY/VARIANT/NAME/FILE
  if (at >= 0 && parts.length - at === 5) {
    const top = parts.slice(0, at).join('/') || '/';
    const name = `${parts[at + 1]}/${parts[at + 2]}`;
    const encoder = [join(top, 'encoders', name), ...namedEncoders(top, name)].find(isFolder);
    return found(path, encoder, firstStatistics(join(top, 'stats', name)));
  }
  if (!isOwnDecoder(path)) return undefined;
  const folder = dirname(path);
  const encoder = [join(folder, 'encoder'), ...namedEncoders(folder)].find(isFolder);
  return found(path, encoder, firstStatistics(folder));
}

/** Folders under the name of the encoder's repository; without RAE's name for it, under any of theirs. */
function namedEncoders(top: string, name?: string): string[] {
  const repositories = name === undefined ? Object.values(REPOSITORIES) : [REPOSITORIES[name]];
  return repositories.flatMap((repository) =>
    repository === undefined ? [] : [join(top, repository), join(top, 'encoders', repository)],
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
