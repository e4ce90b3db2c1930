/**
 * Finds the parts of a release: pre-trained/{autoencoder, dit-*, dinov3*.pth, *stats*.pt, gemma-2-2b}.
 * Everything that is missing is reported at once, with the places that were looked in.
 */
import { dirname, join, resolve } from 'node:path';
import { hubNameOf } from '../config/hub-name.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { SvgT2IError } from '../errors.js';
import { cachedPart, cachedRelease, notFetched, pullCommand } from '../hub/local.js';
import type { ModelPart, ReleasePart } from '../release/types.js';
import { type AutoencoderFiles, findRaeIn } from './autoencoder-files.js';
import { findDit } from './dit-files.js';
import type { DitKind } from './dit-kind.js';
import { candidates, entries, isFile, isFolder, type MissingPart } from './find.js';
import { folderPlaces } from './folder.js';
import { FoundRelease } from './found-release.js';

export const MODEL_PARTS: readonly ModelPart[] = ['textEncoder', 'dit', 'autoencoder'];

export interface ReleaseLayout {
  readonly folder: string;
  readonly textEncoder?: string;
  readonly dit?: string;
  /** Of a weaker transformer, to guide away from. */
  readonly weakDit?: string;
  readonly autoencoder?: AutoencoderFiles;
  readonly statistics?: string;
  /** File with the names of the classes of a class-conditional model. */
  readonly classNames?: string;
  readonly warnings: readonly string[];
}

const CLASS_NAMES = ['class_names.json', 'class_names.txt'];
const statisticsName = 'dinov3_s16p_layer_patchtoken_stats_dist.pt';

/** Throws as layoutOf. */
export function findRelease(options: ResolvedModelOptions, parts: readonly ReleasePart[]): ReleaseLayout {
  return layoutOf(new FoundRelease(options), parts);
}

/** Throws ERR_SVGT2I_WEIGHTS_MISSING. Reads names and the yaml, no weights. */
export function layoutOf(
  found: FoundRelease<ResolvedModelOptions>,
  parts: readonly ReleasePart[],
): ReleaseLayout {
  const { options } = found;
  const folder = requireFolder(found);
  const missing: MissingPart[] = [];
  /** Of them, those that the release should have: no option names them. */
  const ofRelease: ReleasePart[] = [];
  const warnings: string[] = [];
  const keep = <Part>(part: Part | MissingPart, name?: ReleasePart): Part | undefined => {
    if (typeof part !== 'object' || part === null || !('looked' in part)) return part as Part;
    missing.push(part);
    if (name !== undefined && options[name] === undefined) ofRelease.push(name);
    return undefined;
  };
  const wants = (part: ReleasePart) => parts.includes(part);
  if (wants('dit')) checkMeaningful(found, found.ditKind);
  const readsText = !wants('dit') || found.ditKind?.condition !== 'class';
  const textEncoder =
    wants('textEncoder') && readsText
      ? keep(findTextEncoder(folder, options.textEncoder), 'textEncoder')
      : undefined;
  const dit = wants('dit') ? keep(found.dit, 'dit') : undefined;
  const weakDit =
    wants('dit') && options.weakDit !== undefined
      ? keep(findDit(folder, options.weakDit, options.weights))
      : undefined;
  const autoencoder = wants('autoencoder') ? keep(found.autoencoder, 'autoencoder') : undefined;
  // A representation autoencoder normalises its latents itself.
  const isRae = () =>
    (autoencoder === undefined ? findRaeIn(folder, options.autoencoder) : autoencoder.rae) !== undefined;
  const needsStatistics = (wants('dit') || wants('statistics')) && !isRae();
  const statistics = needsStatistics
    ? keep(findStatistics(folder, options.statistics), 'statistics')
    : undefined;
  if (missing.length > 0) throw missingError(folder, missing, fetchCommand(options, ofRelease, folder));
  const classNames =
    dit === undefined || (readsText && options.classNames === undefined)
      ? undefined
      : findClassNames(folder, dit, options.classNames);
  if (autoencoder) warnings.push(...autoencoder.warnings);
  return {
    folder,
    ...(textEncoder === undefined ? {} : { textEncoder }),
    ...(dit === undefined ? {} : { dit }),
    ...(weakDit === undefined ? {} : { weakDit }),
    ...(autoencoder === undefined ? {} : { autoencoder }),
    ...(statistics === undefined ? {} : { statistics }),
    ...(classNames === undefined ? {} : { classNames }),
    warnings,
  };
}

/**
 * Whether these options mean something to the transformer's kind; undefined: it is not known yet.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkMeaningful(
  { options, nameOf }: Pick<FoundRelease, 'options' | 'nameOf'>,
  kind: DitKind | undefined,
): void {
  const refuse = (option: keyof ResolvedModelOptions, message: string) => {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${nameOf(option)}: ${message}`, {
      hint: 'Leave it out.',
    });
  };
  if (kind?.condition === 'class') {
    const why = 'this model draws classes, it reads no text';
    for (const name of ['textEncoder', 'attentionSoftCap'] as const) {
      if (options[name] !== undefined) refuse(name, why);
    }
    if (options.offload === true) refuse('offload', `${why}, and only a text encoder is kept on the CPU`);
  }
  if (kind?.condition === 'text' && options.classNames !== undefined) {
    refuse('classNames', 'this model draws from text, it knows no classes');
  }
}

function requireFolder({ root, options }: FoundRelease<ResolvedModelOptions>): string {
  const { pretrained } = options;
  if (root !== undefined) return root;
  if (pretrained !== undefined && isFile(pretrained)) {
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISSING',
      `${resolve(pretrained)} is a file, not a folder of weights`,
      {
        hint: 'Pass the folder of the release; --dit, --autoencoder, --text-encoder and --statistics name single parts.',
      },
    );
  }
  const places = folderPlaces(pretrained);
  const absent = pretrained === undefined ? undefined : notFetched(pretrained);
  throw new SvgT2IError(
    'ERR_SVGT2I_WEIGHTS_MISSING',
    `no pre-trained folder: looked for ${places.join(', ')}${absent === undefined ? '' : `; ${absent.message}`}`,
    {
      hint:
        `${absent === undefined ? '' : `${absent.hint}\n`}` +
        'Fetch the SVG-T2I release with `svg-t2i pull` (`svg-t2i pull --list` shows sizes), or pass its folder with ' +
        '--pretrained or SVG_T2I_PRETRAINED, or try svg-t2i quickstart.',
    },
  );
}

function findTextEncoder(folder: string, given: string | undefined): string | MissingPart {
  const names = given === undefined ? ['gemma-2-2b', ...foldersLike(folder, /^gemma-2/)] : [given];
  const here = names.flatMap((name) => candidates(name, [folder, '.']));
  const fetched = given === undefined ? cachedPart('gemma-2-2b') : undefined;
  const looked = fetched === undefined ? here : [...here, fetched];
  const found = looked.find(isFolder);
  const fix = `Put the folder of google/gemma-2-2b there (config.json, tokenizer.json, *.safetensors), pass --text-encoder, or fetch it: ${pullCommand(given ?? '') ?? 'svg-t2i pull gemma-2-2b'}`;
  if (found === undefined) return { part: 'text encoder', looked, fix };
  const absent = ['config.json', 'tokenizer.json'].filter((name) => !isFile(join(found, name)));
  if (!entries(found).some((entry) => entry.name.endsWith('.safetensors'))) absent.push('*.safetensors');
  if (absent.length === 0) return found;
  return { part: 'text encoder', looked: absent.map((name) => join(found, name)), fix };
}

function findStatistics(folder: string, given: string | undefined): string | MissingPart {
  const others = entries(folder).filter((entry) => /stats.*\.(pt|safetensors)$/.test(entry.name));
  const names = given === undefined ? [statisticsName, ...others.map((entry) => entry.name)] : [given];
  // Place by place: what another release beside this one is called must not matter.
  const looked = [folder, '.', dirname(folder)].flatMap((place) =>
    names.flatMap((name) => candidates(name, [place])),
  );
  return (
    looked.find(isFile) ?? {
      part: 'feature statistics',
      looked,
      fix: `${statisticsName} is in the repository of SVG-T2I (svg_t2i/pre-trained), not among the large files; copy it there or pass --statistics.`,
    }
  );
}

/** The given file, which must be there; else one of the usual names, if there is one. */
function findClassNames(folder: string, dit: string, given: string | undefined): string | undefined {
  const looked =
    given === undefined
      ? [dirname(dit), folder].flatMap((place) => CLASS_NAMES.map((name) => join(place, name)))
      : candidates(given, [folder, '.']);
  const found = looked.find(isFile);
  if (found !== undefined || given === undefined) return found;
  const fix = 'Pass --class-names with a file that has a name a line, or is JSON.';
  throw missingError(folder, [{ part: 'class names', looked, fix }], undefined);
}

/** Fetches what is missing of a release that came from the hub; undefined of others, and where none of it is missing. */
function fetchCommand(
  { pretrained = 'svg-t2i' }: Pick<ResolvedModelOptions, 'pretrained'>,
  missing: readonly ReleasePart[],
  folder: string,
): string | undefined {
  if (missing.length === 0 || !cachedRelease(pretrained).includes(folder)) return undefined;
  const command = pullCommand(pretrained);
  const isDecoder = missing.every((part) => part === 'autoencoder');
  switch (hubNameOf(pretrained)?.short) {
    case 'svg-t2i':
      return isDecoder ? `${command} --for reconstruct` : command;
    case 'svg-t2i-r':
      if (isDecoder) return command;
      // Nothing of that name has a transformer, or the statistics of its channels.
      return missing.every((part) => ['autoencoder', 'textEncoder'].includes(part))
        ? `${command} --for training`
        : undefined;
    default:
      return command;
  }
}

function foldersLike(folder: string, pattern: RegExp): string[] {
  return entries(folder)
    .filter((entry) => pattern.test(entry.name) && isFolder(join(folder, entry.name)))
    .map((entry) => entry.name);
}

function missingError(
  folder: string,
  missing: readonly MissingPart[],
  fetch: string | undefined,
): SvgT2IError {
  const list = missing.map(({ part, looked }) => `${part} (looked for ${looked.join(', ')})`).join('; ');
  const isDiffusers = isFile(join(folder, 'model_index.json'));
  return new SvgT2IError(
    'ERR_SVGT2I_WEIGHTS_MISSING',
    `weights missing in ${folder}${isDiffusers ? ', which is a pipeline of diffusers' : ''}: ${list}`,
    {
      hint: [
        ...(isDiffusers ? ["Pipelines of diffusers are not loaded: use SVG-T2I's release."] : []),
        ...(fetch === undefined ? [] : [`\`${fetch}\` fetches what is missing of it.`]),
        ...missing.map(({ fix }) => fix),
      ].join('\n'),
    },
  );
}
