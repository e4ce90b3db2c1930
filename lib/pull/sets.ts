/** Which files of which repositories a use of the published weights needs. */

import { type HubName, MAIN, PUBLISHED, type ShortName } from '../config/hub-name.js';
import type { PullPurpose } from '../config/pull.js';
import { SvgT2IError } from '../errors.js';
import type { HubFile } from '../hub/listing.js';
import { matches } from './glob.js';

/** Files that belong together, and the repositories that have them: the first that does is taken. */
export interface Part {
  /** For people: "text encoder". */
  readonly what: string;
  readonly sources: readonly Source[];
  /** Where else it is to be had, where no repository has it. */
  readonly elsewhere?: string;
}

export interface Source {
  readonly repo: string;
  readonly revision: string;
  /** Folder of the release that it becomes; '' where the files lie in the layout of the release already. */
  readonly folder: string;
  /** None where the repository does not have them. */
  readonly choose: (files: readonly HubFile[]) => readonly HubFile[];
}

type Choose = Source['choose'];

/** The files of the first pattern that there are any of. */
const first =
  (...patterns: readonly RegExp[]): Choose =>
  (files) =>
    patterns
      .map((pattern) => files.filter(({ path }) => pattern.test(path)))
      .find(({ length }) => length > 0) ?? [];

/** All of the choices, or nothing where the first finds nothing. */
const together =
  (needed: Choose, ...others: readonly Choose[]): Choose =>
  (files) => {
    const found = needed(files);
    return found.length === 0 ? [] : [...found, ...others.flatMap((choose) => choose(files))];
  };

// In the order in which sampling takes them.
const TRANSFORMER = together(
  first(
    /(^|\/)dit-stage4[^/]*\/consolidated[._]ema\.00-of-01\.safetensors$/,
    /(^|\/)dit-stage4[^/]*\/consolidated[._]ema\.00-of-01\.pth$/,
    /(^|\/)dit-stage4[^/]*\/consolidated\.00-of-01\.safetensors$/,
    /(^|\/)dit-stage4[^/]*\/consolidated\.00-of-01\.pth$/,
  ),
  first(/(^|\/)dit-stage4[^/]*\/(model_args|config)\.json$/),
  first(/^(pre-trained\/|svg_t2i\/pre-trained\/)?defaults\.yaml$/),
);

const ofAutoencoder = (kind: 'P' | 'R', ...endings: readonly string[]): Choose =>
  first(
    ...endings.map(
      (ending) => new RegExp(`(^|/)autoencoder/svg_autoencoder[-_]${kind}[-_]stage3[^/]*\\.${ending}$`),
    ),
  );

/** The code's repository has the small files, too. */
const inTheCode = (path: string, flag: string) =>
  `https://github.com/KlingTeam/SVG-T2I has it as svg_t2i/pre-trained/${path}; pass it with ${flag}`;

const STATISTICS = first(/(^|\/)dinov3_s16p_layer_patchtoken_stats_dist\.(pt|safetensors)$/);
const RELEASED_ENCODER = first(/(^|\/)dinov3_vits16plus_pretrain_lvd1689m[^/]*\.(safetensors|pth)$/);
const HUB_ENCODER = together(first(/^model\.safetensors$/), first(/^config\.json$/));
/** As transformers writes a model with its tokenizer: whole, or in shards with their index. */
const TEXT_ENCODER = together(
  first(/^model\.safetensors$/, /^model-\d+-of-\d+\.safetensors$/),
  first(/^model\.safetensors\.index\.json$/),
  first(/^((tokenizer|special_tokens|generation)_?(config|map)?|config)\.json$/),
);

export function partsOf(
  name: HubName,
  wanted: PullPurpose | undefined,
  include: readonly string[] | undefined,
): readonly Part[] {
  if (include !== undefined) return [included(name, include)];
  const short = name.short ?? shortOf(name.repo);
  if (short === undefined) return [whole(name)];
  const purpose = wanted ?? (short === 'svg-t2i-r' ? 'reconstruct' : 'sampling');
  return partsOfPublished(short, name.revision, purpose);
}

/** Whether it matters what the weights are wanted for. */
export function hasPurposes(name: HubName, include: readonly string[] = []): boolean {
  return include.length === 0 && (name.short ?? shortOf(name.repo)) !== undefined;
}

/** Of a repository that the published weights lie in, its full name means the same. */
function shortOf(repo: string): ShortName | undefined {
  const names = Object.keys(PUBLISHED) as ShortName[];
  return names.find((name) => PUBLISHED[name] === repo);
}

const included = ({ repo, revision }: HubName, include: readonly string[]): Part => ({
  what: `file that matches ${include.join(' or ')}`,
  sources: [
    {
      ...{ repo, revision, folder: '' },
      choose: (files) => files.filter(({ path }) => include.some((pattern) => matches(pattern, path))),
    },
  ],
});

const whole = ({ repo, revision }: HubName): Part => ({
  what: 'file',
  sources: [
    {
      ...{ repo, revision, folder: '' },
      choose: (files) => files.filter(({ path }) => path !== '.gitattributes'),
    },
  ],
});

function partsOfPublished(short: ShortName, revision: string, purpose: PullPurpose): readonly Part[] {
  const release = (choose: Choose): Source => ({ repo: PUBLISHED['svg-t2i'], revision, folder: '', choose });
  const textEncoder = (at: string, folder: string): Part => ({
    what: 'text encoder',
    sources: [{ repo: PUBLISHED['gemma-2-2b'], revision: at, folder, choose: TEXT_ENCODER }],
  });
  const hubEncoder = (at: string, folder: string): Source => ({
    ...{ repo: PUBLISHED['dinov3-s16plus'], revision: at, folder, choose: HUB_ENCODER },
  });
  switch (short) {
    case 'gemma-2-2b':
      return [textEncoder(revision, '')];
    case 'dinov3-s16plus':
      return [{ what: 'encoder', sources: [hubEncoder(revision, '')] }];
    case 'svg-t2i':
    case 'svg-t2i-r':
      break;
  }
  const kind = short === 'svg-t2i' ? 'P' : 'R';
  const what = `Autoencoder-${kind} of stage 3`;
  const yaml = `autoencoder/svg_autoencoder_${kind}_stage3_1024.yaml`;
  const decoder: readonly Part[] = [
    { what, sources: [release(ofAutoencoder(kind, 'safetensors', 'ckpt'))] },
    {
      what: `yaml of ${what}`,
      sources: [release(ofAutoencoder(kind, 'ya?ml'))],
      elsewhere: inTheCode(yaml, '--autoencoder'),
    },
  ];
  const encoder: Part = {
    what: 'encoder',
    sources: [release(RELEASED_ENCODER), hubEncoder(MAIN, 'dinov3-vits16plus-pretrain-lvd1689m')],
  };
  if (purpose === 'reconstruct') return [...decoder, encoder];
  if (kind === 'R' && purpose === 'sampling') {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      'svg-t2i-r is an autoencoder, which nothing is drawn with',
      {
        hint: 'The published transformer draws for Autoencoder-P: svg-t2i pull svg-t2i. For R give --for reconstruct or training.',
      },
    );
  }
  const statistics: Part = {
    what: 'feature statistics',
    sources: [release(STATISTICS)],
    elsewhere: inTheCode('dinov3_s16p_layer_patchtoken_stats_dist.pt', '--statistics'),
  };
  const caption = textEncoder(MAIN, 'gemma-2-2b');
  const transformer: Part = { what: 'transformer of stage 4', sources: [release(TRANSFORMER)] };
  if (purpose === 'sampling') return [transformer, ...decoder, statistics, caption];
  // The published statistics are of P's 384 channels alone.
  return kind === 'R'
    ? [...decoder, encoder, caption]
    : [transformer, ...decoder, encoder, statistics, caption];
}
