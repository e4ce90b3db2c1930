/** Finds an autoencoder's yaml and the two weight files that it names. */
import { basename, dirname, join } from 'node:path';
import type { EncoderKindName } from '../config/encoder-model.js';
import { hubNameOf } from '../config/hub-name.js';
import { ENCODERS } from '../facts.js';
import { cachedPart, cachedRelease, pullCommand } from '../hub/local.js';
import { type AutoencoderConfig, readAutoencoderConfig } from './autoencoder-config.js';
import {
  candidates,
  entries,
  findWeightsFile,
  isFile,
  isFolder,
  type MissingPart,
  sameName,
} from './find.js';
import { findRae, type RaeFiles } from './rae-files.js';

export interface AutoencoderFiles {
  /** Undefined where the weights were given without a yaml. */
  readonly yaml: string | undefined;
  readonly checkpoint: string;
  /** A vision encoder of its own; undefined where only the checkpoint can hold it. */
  readonly encoder: string | undefined;
  readonly config: AutoencoderConfig | undefined;
  /** Of a representation autoencoder, whose latents are normalised by its own statistics. */
  readonly rae?: RaeFiles;
  readonly warnings: readonly string[];
}

/** A representation autoencoder, if it is one that the folder or `given` leads to. */
export function findRaeIn(folder: string, given: string | undefined): RaeFiles | undefined {
  return raePlaces(folder, given)
    .map(findRae)
    .find((files) => files !== undefined);
}

export function findAutoencoder(folder: string, given: string | undefined): AutoencoderFiles | MissingPart {
  const rae = findRaeIn(folder, given);
  if (rae !== undefined) {
    const { checkpoint, encoder } = rae;
    return { yaml: undefined, checkpoint, encoder, config: undefined, rae, warnings: [] };
  }
  const part = 'autoencoder';
  const command = given === undefined ? undefined : pullCommand(given);
  const fix = `Put the autoencoder/ folder of the release there (a yaml and the .ckpt that it names), or pass --autoencoder${command === undefined ? '' : `, or fetch it: ${command}`}.`;
  const yaml = given === undefined ? defaultYaml(folder) : namedYaml(folder, given);
  if (yaml === undefined) {
    const fetched = given === undefined ? undefined : findFetched(folder, given);
    if (fetched !== undefined) return fetched;
    const looked = given === undefined ? [join(folder, 'autoencoder', '*.yaml')] : yamlPlaces(folder, given);
    return { part, looked, fix };
  }
  if (!/\.ya?ml$/.test(yaml)) {
    return {
      yaml: undefined,
      checkpoint: yaml,
      encoder: findEncoder(folder, yaml, undefined),
      config: undefined,
      warnings: [],
    };
  }
  const config = readAutoencoderConfig(yaml);
  // Paths in the yaml start at the folder that holds pre-trained/, or were written for another place.
  const written = config.checkpoint ?? `${basename(yaml).replace(/\.ya?ml$/, '')}.ckpt`;
  const looked = weightPlaces(folder, yaml, written);
  const named = looked.map(findWeightsFile).find((path) => path !== undefined);
  const others = config.isCheckpointLoose ? [dirname(yaml), ...autoencoderFolders(folder), folder] : [];
  const checkpoint = named ?? onlyCheckpoint(others);
  if (checkpoint === undefined) return { part: `${part} weights`, looked, fix };
  const { config: settled, warnings } = settleKind(yaml, checkpoint, config);
  const guessed = named === undefined ? [guessedWarning(yaml, config.checkpoint, checkpoint)] : [];
  return {
    yaml,
    checkpoint,
    encoder: findEncoder(folder, yaml, config),
    config: settled,
    warnings: [...guessed, ...warnings],
  };
}

/** Of a name of the hub, whose fetched files are a whole release; an encoder of the folder will do too. */
function findFetched(folder: string, given: string): AutoencoderFiles | undefined {
  for (const release of cachedRelease(given).filter(isFolder)) {
    const found = findAutoencoder(release, autoencoderOfName(given));
    if ('looked' in found) continue;
    const { encoder, yaml, checkpoint, config } = found;
    return { ...found, encoder: encoder ?? findEncoder(folder, yaml ?? checkpoint, config) };
  }
  return undefined;
}

/** One repository holds both autoencoders; the name that it was called by says which. */
export function autoencoderOfName(name: string): string | undefined {
  return hubNameOf(name)?.short === 'svg-t2i-r' ? 'svg_autoencoder_R_stage3_1024' : undefined;
}

/** A release's own folder comes before decoders/ beside it. */
function raePlaces(folder: string, given: string | undefined): string[] {
  if (given !== undefined) return candidates(given, [folder, '.']);
  return defaultYaml(folder) === undefined ? [folder, join(folder, 'autoencoder')] : [];
}

/** Where an autoencoder's files may lie: as SVG-T2I is published, and as SVG's repository has them. */
function autoencoderFolders(folder: string): string[] {
  return ['autoencoder', 'autoencoder/configs', 'autoencoder/checkpoints', 'checkpoints'].map((name) =>
    join(folder, name),
  );
}

/** Autoencoder-P of the latest stage first: the published transformer was trained on it. */
function defaultYaml(folder: string): string | undefined {
  const rank = (name: string) =>
    (/[-_]P[-_]/.test(name) ? 100 : 0) + Number(/stage(\d+)/.exec(name)?.[1] ?? 0);
  const [own = '', ...others] = autoencoderFolders(folder);
  for (const place of [own, ...others, folder]) {
    const [best] = entries(place)
      .filter(({ name }) => /\.ya?ml$/.test(name) && (place === own || /autoencoder/i.test(name)))
      .sort((a, b) => rank(b.name) - rank(a.name));
    if (best !== undefined) return join(place, best.name);
  }
  return undefined;
}

/** Place by place: the one file that can be a trained autoencoder, by its name or by the ending of such checkpoints. */
function onlyCheckpoint(places: readonly string[]): string | undefined {
  for (const place of new Set(places)) {
    const files = entries(place).filter(({ name }) => /\.(ckpt|pt|pth|safetensors)$/.test(name));
    for (const pattern of [/autoencoder/i, /\.ckpt$/]) {
      const [file, other] = files.filter(({ name }) => pattern.test(name));
      if (file !== undefined && other === undefined && isFile(join(place, file.name)))
        return join(place, file.name);
    }
  }
  return undefined;
}

function guessedWarning(yaml: string, written: string | undefined, checkpoint: string): string {
  const names = written === undefined ? 'names no weights' : `names ${written}, which is not there`;
  return `${yaml} ${names}; taken is the only file that may be meant, ${checkpoint}`;
}

function yamlPlaces(folder: string, given: string): string[] {
  return candidates(given, [folder, ...autoencoderFolders(folder).slice(0, 2), '.', dirname(folder)]);
}

/** A yaml (its extension may be left out) or a weights file. */
function namedYaml(folder: string, given: string): string | undefined {
  for (const place of yamlPlaces(folder, given)) {
    if (isFile(place)) return place;
    const names = [basename(place), `${basename(place)}.yaml`];
    const twin = entries(dirname(place)).find((entry) => names.some((name) => sameName(entry.name, name)));
    if (twin !== undefined && isFile(join(dirname(place), twin.name))) return join(dirname(place), twin.name);
  }
  return undefined;
}

function weightPlaces(folder: string, from: string, written: string): string[] {
  // A release under another name must not take the parts of a pre-trained/ beside it.
  const own = candidates(written.replace(/^(\.\/)?pre-trained\//, ''), [folder]);
  const inPlace = candidates(written, [dirname(folder), folder, dirname(from), '.']);
  return [
    ...new Set([...own, ...inPlace, join(dirname(from), basename(written)), join(folder, basename(written))]),
  ];
}

const PUBLISHED_ENCODER = /^dinov3_vits16plus_pretrain_lvd1689m/;

/**
 * The file of the yaml, or one of the same kind under another name, or a Hugging Face folder; of several the one with the
 * model's name.
 */
function findEncoder(
  folder: string,
  from: string,
  config: AutoencoderConfig | undefined,
): string | undefined {
  const { encoder: written, encoderKind: kind, encoderName } = config ?? {};
  if (written !== undefined) {
    const found = weightPlaces(folder, from, written)
      .map(findWeightsFile)
      .find((path) => path !== undefined);
    if (found !== undefined) return found;
  }
  // Without a yaml the checkpoint does not say whose features it decodes: DINOv3's, unless there is but one encoder.
  const kinds: readonly EncoderKindName[] =
    kind === undefined ? (Object.keys(ENCODERS) as EncoderKindName[]) : [kind];
  for (const { files } of kinds.map((name) => ENCODERS[name])) {
    const pattern = new RegExp(files);
    const ofKind = entries(folder).filter((entry) => pattern.test(entry.name));
    const ofModel = ofKind.filter((entry) => isOfModel(entry.name, encoderName));
    const named = ofModel.length > 0 ? ofModel : ofKind;
    const file = named.find((entry) => /\.(pth|pt|safetensors)$/.test(entry.name));
    if (file !== undefined) return join(folder, file.name);
    const hub = named.find((entry) => isFolder(join(folder, entry.name)));
    if (hub !== undefined) return join(folder, hub.name);
  }
  // The hub has that very encoder in a repository of its own.
  return PUBLISHED_ENCODER.test(basename(written ?? '')) ? cachedPart('dinov3-s16plus') : undefined;
}

/** dinov3-vitb16-pretrain-lvd1689m is of dinov3_vitb16; dinov3_vits16plus_pretrain.pth is not of dinov3_vits16. */
function isOfModel(file: string, model: string | undefined): boolean {
  const plain = (name: string) => `${name.toLowerCase().replace(/[-_.]/g, ' ')} `;
  return model !== undefined && plain(file).startsWith(plain(model));
}

/**
 * The published yaml files of Autoencoder-R are copies of P's but for the path of the weights (384 channels and
 * no residual branch), so for weights that are named R the dimensions of the yaml are not held against them.
 */
function settleKind(
  yaml: string,
  checkpoint: string,
  config: AutoencoderConfig,
): { config: AutoencoderConfig | undefined; warnings: string[] } {
  const namedResidual = /[-_]R[-_]/.test(basename(yaml)) && /[-_]R[-_]/.test(basename(checkpoint));
  if (!namedResidual || config.residual !== null) return { config, warnings: [] };
  return {
    config: undefined,
    warnings: [
      `${yaml} describes Autoencoder-P but names weights of R; the dimensions are taken from the weights`,
    ],
  };
}
