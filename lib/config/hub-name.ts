/** What people call weights of the hub: `ORG/NAME`, `ORG/NAME@REVISION`, or one of four short names. */

import { SvgT2IError } from '../errors.js';
import { nearest } from './nearest.js';

export const MAIN = 'main';

/** The repositories that the published weights lie in, by the short name of their own. */
export const PUBLISHED = {
  'svg-t2i': 'KlingTeam/SVG-T2I',
  'svg-t2i-r': 'KlingTeam/SVG-T2I',
  'dinov3-s16plus': 'facebook/dinov3-vits16plus-pretrain-lvd1689m',
  'gemma-2-2b': 'google/gemma-2-2b',
} as const;

export type ShortName = keyof typeof PUBLISHED;

export interface HubName {
  /** `ORG/NAME`. */
  readonly repo: string;
  /** A branch, a tag, a commit, or a reference such as `refs/pr/3`. */
  readonly revision: string;
  /** The short name that it was called by. */
  readonly short?: ShortName;
}

// A part of a path that the hub allows: no two dots or hyphens after each other, neither at an end.
const PART = '[A-Za-z0-9_](?:[A-Za-z0-9_]|[.-](?![.-]))*(?<![.-])';
const NAME = new RegExp(`^(${PART})(?:/(${PART}))?(?:@([^@\\s]+))?$`);
/** Names of files, which a path of two parts mostly ends with. */
const FILE = /\.(ya?ml|json|txt|pth|pt|ckpt|bin|safetensors)$/i;
const REVISION = /^(?!.*\.\.)[\w][\w./-]*$/;

function isShort(name: string): name is ShortName {
  return Object.hasOwn(PUBLISHED, name);
}

/** What a text may name on the hub; undefined for everything that can only be a path. */
export function hubNameOf(text: string): HubName | undefined {
  const [, owner, name, revision = MAIN] = NAME.exec(text) ?? [];
  if (owner === undefined || !REVISION.test(revision) || revision.endsWith('/')) return undefined;
  if (name === undefined) {
    return isShort(owner) ? { repo: PUBLISHED[owner], revision, short: owner } : undefined;
  }
  return FILE.test(name) ? undefined : { repo: asPublished(`${owner}/${name}`), revision };
}

/** The hub takes any case; the cache has one folder. */
function asPublished(repo: string): string {
  return Object.values(PUBLISHED).find((known) => known.toLowerCase() === repo.toLowerCase()) ?? repo;
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT */
export function requireHubName(text: string): HubName {
  const found = hubNameOf(text);
  if (found !== undefined) return found;
  const known = Object.keys(PUBLISHED);
  const close = nearest(text, known);
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `"${text}" is no name of weights${close === undefined ? '' : `, did you mean "${close}"?`}`,
    { hint: `Give ${known.join(', ')}, or ORG/NAME of a repository, with @REVISION where it is not main.` },
  );
}

/** As it is typed. */
export function spelled({ repo, revision, short }: HubName): string {
  return `${short ?? repo}${revision === MAIN ? '' : `@${revision}`}`;
}
