/** Finds libtorch or fetches it into the cache: what `svg-t2i install` and the set-up do. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileError, firstLine, SvgT2IError, systemErrorCode } from '../errors.js';
import type { FreeBytes } from '../fetch/disk.js';
import { makeFolder, removeDeadParts } from '../files.js';
import { type Lock, type LockOptions, withLock } from '../lock/lock.mjs';
import { selectLibtorch } from './archive.js';
import { checkSha256 } from './archive-checks.js';
import { type Flavour, parseFlavour } from './cuda.js';
import { download } from './download.js';
import { checkCxxAbi, inspectLibtorch, type Libtorch } from './libtorch.js';
import { findLibtorch, type LibtorchSource } from './locate.js';
import { type Environment, libtorchCache } from './paths.js';
import type { OnInstallProgress } from './progress.js';
import { checkFlavour, findSource, findWheels, type Source } from './source.js';
import { checkTorchVersion, PINNED_TORCH_VERSION } from './torch-version.js';
import { unpack } from './unpack.js';
import { fetchWheels } from './wheels.js';

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
  /** Where it comes from. */
  readonly from: readonly string[];
  /** Bytes to fetch, where that can be told. */
  readonly bytes?: number | undefined;
}

/** An hour: another installation may fetch gigabytes. */
const LOCK_WAIT_MS = 3600_000;

/** Asks the network as the installation would, and refuses what that would refuse; writes nothing to the cache. */
export async function planInstall(options: InstallOptions = {}): Promise<InstallPlan> {
  const found = findExisting(options);
  if (found !== undefined) {
    const { version, flavour, dir, source } = found;
    return { action: 'use', version, flavour, dir, from: [source] };
  }
  const { version, flavour, isAuto } = wanted(options);
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-plan-'));
  try {
    const source = await findSource({ ...options, version, flavour, isAuto, folder, note: noteOf(options) });
    const offered = source.kind === 'wheels' ? source.flavour : flavour;
    return {
      action: 'fetch',
      version,
      flavour: offered,
      dir: join(libtorchCache(options.env), `${version}+${offered}`),
      from: [describeSource(source)],
      ...('bytes' in source && source.bytes !== undefined ? { bytes: source.bytes } : {}),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function describeSource(source: Source): string {
  if (source.kind === 'file') return source.path;
  return source.kind === 'archive' ? source.url : `pip download ${source.torch.requirement}`;
}

/**
 * libtorch as the options ask for it; fetched only where none is found. A second call returns at once.
 *
 * @throws SvgT2IError ERR_SVGT2I_INSTALL, ERR_SVGT2I_DISK_FULL, ERR_SVGT2I_TORCH_VERSION, ERR_SVGT2I_IO; the reason of
 *   the signal, within a second
 */
export async function ensureLibtorch(options: InstallOptions = {}): Promise<InstallResult> {
  const found = findExisting(options);
  if (found !== undefined) {
    checkCxxAbi(found);
    return found;
  }
  const request = { ...options, ...wanted(options), note: noteOf(options) };
  const cache = libtorchCache(options.env);
  try {
    await makeFolder(cache);
    return await withLock(join(cache, '.lock'), lockOptions(options), async (lock) => {
      const signals = [lock.signal, ...(options.signal === undefined ? [] : [options.signal])];
      return await installLocked({ ...request, cache, lock, signal: AbortSignal.any(signals) });
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw (
      diskFull(error, cache) ?? (systemErrorCode(error) ? fileError(error, 'install into', cache) : error)
    );
  }
}

function lockOptions({ signal, onProgress }: InstallOptions): LockOptions {
  const say = (message: string) => onProgress?.({ kind: 'note', message });
  return {
    what: 'the installation',
    waitMs: LOCK_WAIT_MS,
    hint: 'End that process if it hangs, or set SVG_T2I_HOME to another folder.',
    signal,
    onWait: say,
    onWarning: say,
    makeError: ({ message, hint }) => new SvgT2IError('ERR_SVGT2I_INSTALL', message, { hint }),
  };
}

function noteOf({ onProgress }: InstallOptions): (message: string) => void {
  return (message) => onProgress?.({ kind: 'note', message });
}

interface LockedInstall extends Omit<FetchRequest, 'work'> {
  readonly cache: string;
  readonly lock: Lock;
}

async function installLocked(request: LockedInstall): Promise<InstallResult> {
  const { cache, lock, note } = request;
  // Whoever held the lock may have fetched the same.
  const now = findExisting(request);
  if (now !== undefined) return now;
  await removeLeftovers(cache);
  await removeDeadParts(cache, { onWarning: note });
  const work = await mkdtemp(join(cache, '.partial-'));
  try {
    const unpacked = await fetchAndUnpack({ ...request, work });
    request.signal?.throwIfAborted();
    await lock.check();
    return { ...(await publish(unpacked, request)), source: 'fetched' };
  } finally {
    // What cannot be removed now is by the next installation; the real error must not be lost over it.
    await rm(work, { recursive: true, force: true }).catch((error: unknown) =>
      note(`cannot remove ${work}: ${firstLine(error)}`),
    );
  }
}

/** Makes a libtorch of somebody else's the one that the cache offers, by a link to it. */
export async function adoptLibtorch(libtorch: Libtorch, env: Environment = process.env): Promise<void> {
  const cache = libtorchCache(env);
  const link = join(cache, `${libtorch.version}+${libtorch.flavour}`);
  if (libtorch.dir === link || existsSync(link)) return;
  await makeFolder(cache);
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

interface Wanted {
  readonly version: string;
  readonly flavour: Flavour;
  /** By the driver, not by name. */
  readonly isAuto: boolean;
}

function wanted({ torch: version = PINNED_TORCH_VERSION, cuda = 'auto' }: InstallOptions): Wanted {
  checkTorchVersion(version, '--torch');
  return { version, flavour: parseFlavour(cuda), isAuto: cuda === 'auto' };
}

// We hold the lock, so these are of installations that died.
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('.partial-'))) {
    await rm(join(cache, name), { recursive: true, force: true });
  }
}

interface FetchRequest extends InstallOptions, Wanted {
  /** Scratch folder inside the cache, on the same file system. */
  readonly work: string;
  readonly note: (message: string) => void;
}

/** Returns the folder that holds lib/ and include/, inside the scratch folder. */
async function fetchAndUnpack(request: FetchRequest): Promise<string> {
  const target = join(request.work, 'libtorch');
  const sourceRequest = { ...request, folder: request.work };
  const source = await findSource(sourceRequest);
  if (source.kind === 'file') {
    const { sha256, signal } = request;
    if (sha256 !== undefined) await checkSha256(source.path, sha256, signal);
    await unpackLibtorch(source.path, target, request);
  } else if (source.kind === 'wheels') {
    await fetchWheels(source, target, request);
  } else {
    const archive = await fetchArchive(source.url, request).catch((error: unknown) => {
      // A server that breaks off is as good as none; an address that somebody has named is not replaced.
      const isOurs = request.url === undefined;
      if (!isOurs || !SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_INSTALL') throw error;
      request.note(`${firstLine(error)}; asking pip`);
      return undefined;
    });
    if (archive !== undefined) await unpackLibtorch(archive, target, request);
    else await fetchWheels(await findWheels(sourceRequest), target, request);
  }
  return target;
}

// Beside the scratch folder, not in it: a cut download is gone on with by the next run.
async function fetchArchive(url: string, request: FetchRequest): Promise<string> {
  const name = decodeURIComponent(basename(new URL(url).pathname));
  const file = join(request.work, '..', '.downloads', name);
  await download(url, file, {
    sha256: request.sha256,
    signal: request.signal,
    ...(request.freeBytes === undefined ? {} : { freeBytes: request.freeBytes }),
    onBytes: (done, total) => request.onProgress?.({ kind: 'bytes', what: `fetching ${name}`, done, total }),
  });
  const moved = join(request.work, name);
  await rename(file, moved);
  return moved;
}

async function unpackLibtorch(archive: string, target: string, request: FetchRequest): Promise<void> {
  if ((await unpack(archive, target, selectLibtorch, request)) > 0) return;
  throw new SvgT2IError('ERR_SVGT2I_INSTALL', `${archive} holds no libtorch`, {
    hint: 'Give an official libtorch archive (libtorch-shared-with-deps) or a torch wheel for Linux x86-64.',
  });
}

/** Checks what was unpacked and moves it to its name in the cache, in one step. */
async function publish(unpacked: string, { cache, file, url, ...request }: LockedInstall): Promise<Libtorch> {
  const libtorch = inspectLibtorch(unpacked);
  checkCxxAbi(libtorch);
  // Of an archive that somebody has named, whatever it holds was asked for.
  if (file === undefined && url === undefined) checkFlavour(libtorch.flavour, request, undefined);
  const name = `${libtorch.version}+${libtorch.flavour}`;
  await writeFile(join(unpacked, 'build-version'), `${name}\n`);
  const dir = join(cache, name);
  if (existsSync(dir)) await rename(dir, join(unpacked, '..', 'replaced'));
  else await rm(dir, { force: true });
  await rename(unpacked, dir);
  return { ...libtorch, dir };
}

function diskFull(error: unknown, cache: string): SvgT2IError | undefined {
  if (!['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error) ?? '')) return undefined;
  return new SvgT2IError('ERR_SVGT2I_DISK_FULL', `no space left in ${cache}`, {
    hint: 'Free some space, or set SVG_T2I_HOME to a folder on a larger disk.',
    cause: error,
  });
}
