/** What a pull would do: asks the hub for its listings, looks at what is here, writes nothing. */
import { stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { type HubName, PUBLISHED, requireHubName } from '../config/hub-name.js';
import type { PullConfig } from '../config/pull.js';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';
import { type FreeBytes, freeBytes } from '../fetch/disk.js';
import { bytesOfPart } from '../fetch/part-file.js';
import { type HubAccess, type HubFile, type Listing, listRepository } from '../hub/listing.js';
import { type Environment, hubCache } from '../hub/places.js';
import { etagOf } from '../hub/store.js';
import { cacheTarget } from './cache-target.js';
import { folderTarget, NOTES } from './folder-target.js';
import { matches } from './glob.js';
import { hasPurposes, type Part, partsOf, type Source } from './sets.js';
import type { Target } from './target.js';
import type { PulledFile, PullPlan } from './types.js';

export interface Job {
  readonly listing: Listing;
  readonly target: Target;
  readonly files: readonly HubFile[];
}

export interface Planned {
  /** One a repository. */
  readonly jobs: readonly Job[];
  readonly plan: PullPlan;
  /** That are here, but must be copied. */
  readonly copyBytes: number;
}

export interface PlanRequest {
  readonly config: PullConfig;
  readonly access: HubAccess;
  readonly env: Environment;
  readonly free?: FreeBytes | undefined;
}

/** @throws as listRepository, and ERR_SVGT2I_HUB_NOT_FOUND where a pattern matches nothing */
export async function makePlan(request: PlanRequest): Promise<Planned> {
  const { config, env } = request;
  const name = requireHubName(config.name);
  if (config.into !== undefined) await checkFolder(resolve(config.into));
  const parts = partsOf(name, config.for, config.include);
  const { chosen, warnings: absent } = await choose(parts, request);
  const warnings = [...absent, ...ignored(config, name, chosen)];
  if (chosen.length === 0) throw nothingFound(name, parts, absent);
  const jobs = chosen.map(({ listing, source, files }) => ({
    listing,
    files,
    target: targetOf(listing, source, config, env),
  }));
  refuseCollisions(jobs, config);
  return { jobs, plan: await describe(jobs, warnings, request), copyBytes: await bytesToCopy(jobs, config) };
}

/** Throws where something else lies in the place of a folder, before anything is asked. */
async function checkFolder(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw fileError(error, 'look for', path);
  }
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `into: ${path} is a file, not a folder`, {
    hint: 'Give a folder; it is made where it is not there.',
  });
}

/** What was asked for in vain. */
function ignored(
  { for: wanted, include = [] }: PullConfig,
  name: HubName,
  chosen: readonly Chosen[],
): string[] {
  const why = include.length > 0 ? 'with --include' : `of ${name.repo}, which is fetched whole`;
  const paths = chosen.flatMap(({ files }) => files.map(({ path }) => path));
  const vain = include.filter((pattern) => !paths.some((path) => matches(pattern, path)));
  return [
    ...(wanted !== undefined && !hasPurposes(name, include) ? [`--for ${wanted} means nothing ${why}`] : []),
    ...(chosen.length === 0 ? [] : vain.map((pattern) => `no file matches ${pattern}`)),
  ];
}

interface Chosen {
  readonly source: Source;
  readonly listing: Listing;
  readonly files: HubFile[];
}

async function choose(
  parts: readonly Part[],
  { access }: PlanRequest,
): Promise<{
  readonly chosen: readonly Chosen[];
  readonly warnings: readonly string[];
}> {
  const listings = new Map<string, Promise<Listing>>();
  const list = (source: Source) => {
    const key = `${source.repo}@${source.revision}`;
    const known = listings.get(key) ?? listRepository(source, access);
    listings.set(key, known);
    return known;
  };
  const chosen = new Map<Listing, Chosen>();
  const warnings: string[] = [];
  for (const { what, sources, elsewhere } of parts) {
    let found = false;
    for (const source of sources) {
      const listing = await list(source);
      const files = source.choose(listing.files);
      if (files.length === 0) continue;
      const earlier = chosen.get(listing) ?? { source, listing, files: [] };
      earlier.files.push(...files.filter((file) => !earlier.files.includes(file)));
      chosen.set(listing, earlier);
      found = true;
      break;
    }
    const repos = sources.map(({ repo, revision }) => `${repo}@${revision}`).join(' and ');
    if (!found) warnings.push(`no ${what} in ${repos}${elsewhere === undefined ? '' : `: ${elsewhere}`}`);
  }
  return { chosen: [...chosen.values()], warnings };
}

function nothingFound(name: HubName, parts: readonly Part[], warnings: readonly string[]): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_HUB_NOT_FOUND', warnings.join('; '), {
    hint: `svg-t2i pull ${parts[0]?.sources[0]?.repo ?? name.repo} --include '*' --list shows what is there.`,
  });
}

/** What lies above the release in its repository: its own folder, or that of the code that it belongs to. */
const ABOVE_RELEASE = /^(svg_t2i\/)?pre-trained\//;

function targetOf(listing: Listing, source: Source, config: PullConfig, env: Environment): Target {
  const cache = hubCache(env);
  if (config.into === undefined) return cacheTarget(cache, listing, env);
  const folder = join(resolve(config.into), source.folder);
  // Only of the release itself: elsewhere folders of these names mean what their owners mean.
  const isRelease = listing.repo === PUBLISHED['svg-t2i'];
  const rename = (path: string) => (isRelease ? path.replace(ABOVE_RELEASE, '') : path);
  return folderTarget({ folder, listing, cache, rename });
}

/** Throws where one file would replace another, or what is noted about them. */
function refuseCollisions(jobs: readonly Job[], { into }: PullConfig): void {
  const known = new Map<string, string>();
  for (const { listing, target, files } of jobs) {
    for (const file of files) {
      const [to, from] = [target.path(file), `${file.path} of ${listing.repo}`];
      const other = known.get(to);
      if (into !== undefined && `${relative(target.root, to)}${sep}`.startsWith(`${NOTES}${sep}`)) {
        throw new SvgT2IError('ERR_SVGT2I_FETCH', `${from} lies where notes about files are kept`, {
          hint: 'Fetch it into the cache, without --into, or leave it out with --include.',
        });
      }
      if (other !== undefined) {
        throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${other} and ${from} would both become ${to}`, {
          hint: 'Fetch them one after another into two folders, with --include, or leave --into out.',
        });
      }
      known.set(to, from);
    }
  }
}

/** Room that is left for others. */
const SPARE_BYTES = 64 << 20;

export async function describe(
  jobs: readonly Job[],
  warnings: readonly string[],
  { config, free = freeBytes, env }: Omit<PlanRequest, 'access'>,
): Promise<PullPlan> {
  const files: PulledFile[] = [];
  for (const job of jobs) files.push(...(await describeFiles(job)));
  const sum = (of: (file: PulledFile) => number) => files.reduce((total, file) => total + of(file), 0);
  const totalBytes = sum(({ bytes }) => bytes);
  const folder = config.into === undefined ? (jobs[0]?.target.root ?? '') : resolve(config.into);
  return {
    name: config.name,
    folder,
    repositories: jobs.map(({ listing: { repo, revision, commit }, target }) => ({
      ...{ repo, revision, commit },
      folder: target.root,
    })),
    files,
    totalBytes,
    fetchBytes: totalBytes - sum(({ have }) => have),
    freeBytes: await free(config.into === undefined ? hubCache(env) : folder),
    warnings,
  };
}

async function describeFiles({ listing: { repo }, target, files }: Job): Promise<readonly PulledFile[]> {
  const described: PulledFile[] = [];
  // One after another: each may open a file, and there may be thousands.
  for (const file of files) {
    const { path, bytes } = file;
    const isHere = (await target.state(file)) !== 'missing';
    const have = isHere ? bytes : await bytesOfPart(target.part(file), bytes, etagOf(file));
    described.push({ repo, path, bytes, have, file: target.path(file) });
  }
  return described;
}

/** In the cache a link will do. */
async function bytesToCopy(jobs: readonly Job[], { into }: PullConfig): Promise<number> {
  if (into === undefined) return 0;
  let bytes = 0;
  for (const { files, target } of jobs) {
    for (const file of files) bytes += (await target.state(file)) === 'near' ? file.bytes : 0;
  }
  return bytes;
}

/** Throws ERR_SVGT2I_DISK_FULL before anything is fetched. */
export function checkRoom({ plan: { fetchBytes, freeBytes: available, folder }, copyBytes }: Planned): void {
  const needed = fetchBytes + copyBytes;
  if (needed === 0 || available >= needed + SPARE_BYTES) return;
  const [want, have] = [needed, available].map((bytes) => (bytes / 1e9).toFixed(2));
  throw new SvgT2IError(
    'ERR_SVGT2I_DISK_FULL',
    `${want} GB are to be written, and the disk of ${folder} has ${have} GB free`,
    { hint: 'Free some space, set HF_HOME to a folder on a larger disk, or give one with --into.' },
  );
}
