/** Finds libtorch or fetches it into the cache: what `svg-t2i install` and the set-up do. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { firstLine, SvgT2IError } from '../errors.js';
import { officialArchiveUrl, selectLibtorch, selectNvidiaFiles } from './archive.js';
import { type Flavour, parseFlavour } from './cuda.js';
import { checkFreeSpace, checkSha256, type FreeBytes } from './disk.js';
import { download } from './download.js';
import { checkCxxAbi, inspectLibtorch, type Libtorch } from './libtorch.js';
import { findLibtorch, type LibtorchSource } from './locate.js';
import { withLock } from './lock.js';
import { type Environment, libtorchCache } from './paths.js';
import { downloadNvidiaWheels, downloadTorchWheel } from './pip.js';
import type { OnInstallProgress } from './progress.js';
import { checkTorchVersion, PINNED_TORCH_VERSION } from './torch-version.js';
import { unpackedSize, unzip } from './unzip.js';

export interface InstallOptions {
  /** Use this folder. */
  readonly libtorch?: string | undefined;
  /** Use the torch of this Python (true: the one on PATH). */
  readonly fromPython?: string | boolean | undefined;
  /** auto, cpu, cu126, cu128 or cu130; without it, whatever is there already is good. */
  readonly cuda?: string | undefined;
  /** Version to fetch. */
  readonly torch?: string | undefined;
  /** An archive at hand: official libtorch zip or torch wheel. */
  readonly file?: string | undefined;
  /** The same, at an address. */
  readonly url?: string | undefined;
  readonly sha256?: string | undefined;
  /** Fetch even where one is there. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnInstallProgress | undefined;
  readonly env?: Environment | undefined;
  readonly freeBytes?: FreeBytes | undefined;
}

export interface InstallResult extends Libtorch {
  readonly source: LibtorchSource | 'fetched';
}

/** What an installation would do; `svg-t2i install --dry-run`. */
export interface InstallPlan {
  readonly action: 'use' | 'fetch';
  readonly version: string;
  readonly flavour: string;
  readonly dir: string;
  /** Where it comes from, the first choice first. */
  readonly from: readonly string[];
}

const GIB = 1024 ** 3;
// Wheels and unpacked files together, where nothing tells the size beforehand.
const SPACE_FOR_PIP = { cpu: 0.9 * GIB, cuda: 12 * GIB } as const;

export function planInstall(options: InstallOptions = {}): InstallPlan {
  const env = options.env ?? process.env;
  const found = findExisting(options);
  if (found !== undefined) {
    const { version, flavour, dir, source } = found;
    return { action: 'use', version, flavour, dir, from: [source] };
  }
  const { version, flavour } = wanted(options);
  const from = options.file ?? options.url;
  return {
    action: 'fetch',
    version,
    flavour,
    dir: join(libtorchCache(env), `${version}+${flavour}`),
    from:
      from === undefined ? [officialArchiveUrl(version, flavour), `pip download torch==${version}`] : [from],
  };
}

/** libtorch as the options ask for it; fetched only where none is found. A second call returns at once. */
export async function ensureLibtorch(options: InstallOptions = {}): Promise<InstallResult> {
  const env = options.env ?? process.env;
  const found = findExisting(options);
  if (found !== undefined) {
    checkCxxAbi(found);
    return found;
  }
  const { version, flavour } = wanted(options);
  checkTorchVersion(version, '--torch');
  const note = (message: string) => options.onProgress?.({ kind: 'note', message });
  const cache = libtorchCache(env);
  const onWait = (holder: number) => note(`waiting for another installation (process ${holder})`);
  return await withLock(join(cache, '.lock'), { onWait }, async () => {
    // Whoever held the lock may have fetched the same.
    const now = findExisting(options);
    if (now !== undefined) return now;
    await removeLeftovers(cache);
    const work = await mkdtemp(join(cache, '.partial-'));
    try {
      const unpacked = await fetchAndUnpack({ ...options, version, flavour, work, note });
      return { ...(await publish(unpacked, cache)), source: 'fetched' as const };
    } catch (error) {
      throw outOfSpace(error, cache);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

/** Makes a libtorch of somebody else's the one that the cache offers, by a link to it. */
export async function adoptLibtorch(libtorch: Libtorch, env: Environment = process.env): Promise<void> {
  const cache = libtorchCache(env);
  const link = join(cache, `${libtorch.version}+${libtorch.flavour}`);
  if (libtorch.dir === link || existsSync(link)) return;
  await mkdir(cache, { recursive: true });
  // Whatever is there now is a link whose target has gone.
  await rm(link, { force: true });
  await symlink(libtorch.dir, link);
}

function findExisting(options: InstallOptions): (Libtorch & { readonly source: LibtorchSource }) | undefined {
  const env = options.env ?? process.env;
  if (options.libtorch !== undefined) return findLibtorch(options);
  // Asked for by name, so it outranks the cache.
  if (options.fromPython) return findLibtorch({ ...options, env: { ...env, SVG_T2I_HOME: '/nonexistent' } });
  if (options.force || options.file !== undefined || options.url !== undefined) return undefined;
  return findLibtorch({
    env,
    version: options.torch,
    flavour: options.cuda === undefined ? undefined : parseFlavour(options.cuda),
  });
}

function wanted(options: InstallOptions): { readonly version: string; readonly flavour: Flavour } {
  return { version: options.torch ?? PINNED_TORCH_VERSION, flavour: parseFlavour(options.cuda ?? 'auto') };
}

// We hold the lock, so these are of installations that died.
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('.partial-'))) {
    await rm(join(cache, name), { recursive: true, force: true });
  }
}

interface FetchRequest extends InstallOptions {
  readonly version: string;
  readonly flavour: Flavour;
  /** Scratch folder inside the cache, on the same file system. */
  readonly work: string;
  readonly note: (message: string) => void;
}

/** Returns the folder that holds lib/ and include/, inside the scratch folder. */
async function fetchAndUnpack(request: FetchRequest): Promise<string> {
  const target = join(request.work, 'libtorch');
  const given = await givenArchive(request);
  if (given !== undefined) {
    await unpack(given, target, request);
    return target;
  }
  const official = await officialArchive(request);
  if (official !== undefined) {
    await unpack(official, target, request);
    return target;
  }
  const needed = request.flavour === 'cpu' ? SPACE_FOR_PIP.cpu : SPACE_FOR_PIP.cuda;
  await checkFreeSpace(request.work, needed, request.freeBytes);
  const wheels = { ...request, folder: join(request.work, 'wheels') };
  const torch = await downloadTorchWheel(wheels);
  await unpack(torch, target, request);
  for (const wheel of await downloadNvidiaWheels(torch, wheels)) {
    request.note(`unpacking ${basename(wheel)}`);
    await unzip(wheel, target, selectNvidiaFiles);
  }
  return target;
}

async function givenArchive(request: FetchRequest): Promise<string | undefined> {
  if (request.file !== undefined) {
    if (!existsSync(request.file)) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `there is no file ${request.file}`);
    }
    if (request.sha256 !== undefined) await checkSha256(request.file, request.sha256);
    return request.file;
  }
  if (request.url === undefined) return undefined;
  return await fetchArchive(request.url, request, { sha256: request.sha256 });
}

/** Undefined where the server is not to be had (no network, no such build), so that pip comes next. */
async function officialArchive(request: FetchRequest): Promise<string | undefined> {
  try {
    return await fetchArchive(officialArchiveUrl(request.version, request.flavour), request, {
      retries: 0,
      connectTimeoutMs: 5000,
    });
  } catch (error) {
    if (!SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_INSTALL') throw error;
    request.note(`no official archive (${firstLine(error)}); trying pip`);
    return undefined;
  }
}

// Beside the scratch folder, not in it: a cut download is gone on with by the next run.
async function fetchArchive(
  url: string,
  request: FetchRequest,
  options: {
    readonly sha256?: string | undefined;
    readonly retries?: number;
    readonly connectTimeoutMs?: number;
  },
): Promise<string> {
  const name = decodeURIComponent(basename(new URL(url).pathname));
  const file = join(request.work, '..', '.downloads', name);
  await download(url, file, {
    ...options,
    signal: request.signal,
    ...(request.freeBytes === undefined ? {} : { freeBytes: request.freeBytes }),
    onBytes: (done, total) => request.onProgress?.({ kind: 'bytes', what: `fetching ${name}`, done, total }),
  });
  const moved = join(request.work, name);
  await rename(file, moved);
  return moved;
}

async function unpack(archive: string, target: string, request: FetchRequest): Promise<void> {
  const total = await unpackedSize(archive, selectLibtorch);
  if (total === 0) {
    throw new SvgT2IError('ERR_SVGT2I_INSTALL', `${archive} holds no libtorch`, {
      hint: 'Give an official libtorch archive (libtorch-shared-with-deps) or a torch wheel for Linux x86-64.',
    });
  }
  await checkFreeSpace(request.work, total, request.freeBytes);
  request.note(`unpacking ${basename(archive)}`);
  await unzip(archive, target, selectLibtorch, (done) =>
    request.onProgress?.({ kind: 'bytes', what: `unpacking ${basename(archive)}`, done, total }),
  );
}

/** Checks what was unpacked and moves it to its name in the cache, in one step. */
async function publish(unpacked: string, cache: string): Promise<Libtorch> {
  const libtorch = inspectLibtorch(unpacked);
  checkCxxAbi(libtorch);
  const name = `${libtorch.version}+${libtorch.flavour}`;
  await writeFile(join(unpacked, 'build-version'), `${name}\n`);
  const dir = join(cache, name);
  if (existsSync(dir)) await rename(dir, join(unpacked, '..', 'replaced'));
  else await rm(dir, { force: true });
  await rename(unpacked, dir);
  return { ...libtorch, dir };
}

function outOfSpace(error: unknown, cache: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') return error;
  return new SvgT2IError('ERR_SVGT2I_DISK_FULL', `no space left in ${cache}`, {
    hint: 'Free some space, or set SVG_T2I_HOME to a folder on a larger disk.',
    cause: error,
  });
}
