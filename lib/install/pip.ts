/** Asks pip for wheels, and fetches them: its own configuration (indexes, find-links, proxies, certificates) applies. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isError, SvgT2IError } from '../errors.js';
import { runProgram } from './run-program.js';

// Tried in turn when the Python on PATH has no wheel of its own: the libraries are the same in all of them.
const OTHER_PYTHONS = ['3.12', '3.11', '3.13', '3.10'] as const;
/** Where a size is asked for, which is only told. */
const SIZE_TIMEOUT_MS = 10_000;

export interface PipRequest {
  /** Whose pip is asked: of findPip(). */
  readonly python: string;
  /** Scratch folder: pip's own, too, so that nothing of a pip that was ended stays elsewhere. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/** A wheel that an index offers. */
export interface OfferedWheel {
  readonly name: string;
  readonly version: string;
  /** Requires-Dist of its METADATA. */
  readonly requires: readonly string[];
  /** undefined where the server does not tell. */
  readonly bytes: number | undefined;
}

/** What is to be asked of pip again to get the same wheel. */
export interface WheelChoice {
  readonly requirement: string;
  readonly platform: readonly string[];
  /** undefined where this pip is too old to tell before it fetches (22.2 can). */
  readonly offered: OfferedWheel | undefined;
}

/** The Python whose pip fetches the wheels. */
export async function findPip(signal?: AbortSignal): Promise<string> {
  const candidates = process.env.SVG_T2I_PYTHON ? [process.env.SVG_T2I_PYTHON] : ['python3', 'python'];
  for (const python of candidates) {
    const { code } = await runProgram(python, ['-m', 'pip', '--version'], { signal });
    if (code === 0) return python;
  }
  throw new SvgT2IError(
    'ERR_SVGT2I_INSTALL',
    `no pip to fetch libtorch with (tried ${candidates.join(', ')})`,
    {
      hint: 'Install python3-pip, or pass an archive with --file, or an unpacked libtorch with --libtorch.',
    },
  );
}

interface PipResult {
  readonly ok: boolean;
  /** pip's own account of a failure, its last lines. */
  readonly output: string;
}

async function runPip(command: string, args: readonly string[], request: PipRequest): Promise<PipResult> {
  const { python, folder, signal } = request;
  const common = ['--quiet', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'];
  const { code, output } = await runProgram(python, ['-m', 'pip', command, ...common, ...args], {
    signal,
    env: { ...process.env, TMPDIR: folder },
  });
  return { ok: code === 0, output };
}

/**
 * The first of the requirements that an index has a wheel for, for this Python or another one.
 *
 * @throws SvgT2IError ERR_SVGT2I_INSTALL where there is none, or the index cannot be reached
 */
export async function chooseWheel(
  requirements: readonly string[],
  request: PipRequest,
): Promise<WheelChoice> {
  const failures: string[] = [];
  for (const requirement of requirements) {
    for (const target of [undefined, ...OTHER_PYTHONS]) {
      const platform =
        target === undefined
          ? []
          : ['--python-version', target, '--platform', 'manylinux_2_28_x86_64', '--implementation', 'cp'];
      const result = await report(['--no-deps', ...platform, requirement], request);
      if (result.wheels !== undefined) return { requirement, platform, offered: result.wheels[0] };
      if (result.isTooOld) return { requirement, platform, offered: undefined };
      failures.push(result.output);
      // Another Python's wheel helps only where this one has none.
      if (!result.output.includes('No matching distribution')) break;
    }
  }
  throw new SvgT2IError('ERR_SVGT2I_INSTALL', `pip has no such wheel: ${lastLine(failures)}`, {
    hint: 'Check the network and pip config, or pass an archive with --file, or an unpacked libtorch with --libtorch.',
  });
}

/** Bytes of all the wheels that the requirements need; undefined where not all of them can be told. */
export async function sizeOfWheels(
  requirements: readonly string[],
  request: PipRequest,
): Promise<number | undefined> {
  if (requirements.length === 0) return 0;
  const { wheels } = await report(requirements, request);
  return sum(wheels?.map(({ bytes }) => bytes) ?? [undefined]);
}

/** undefined where one of them is. */
export function sum(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce(
    (total, bytes) => (total === undefined || bytes === undefined ? undefined : total + bytes),
    0,
  );
}

/** Fetches the wheels into request.folder/wheels; their paths. */
export async function downloadWheels(
  args: readonly string[],
  request: PipRequest,
): Promise<readonly string[]> {
  const folder = join(request.folder, 'wheels');
  const result = await runPip('download', ['--dest', folder, ...args], request);
  if (/No space left on device|Errno 28/.test(result.output)) {
    throw new SvgT2IError('ERR_SVGT2I_DISK_FULL', `no space left in ${folder}`, {
      hint: 'Free some space, or set SVG_T2I_HOME to a folder on a larger disk.',
    });
  }
  if (!result.ok) {
    throw new SvgT2IError('ERR_SVGT2I_INSTALL', `pip cannot fetch it: ${lastLine([result.output])}`, {
      hint: 'Check the network and the free space, then run it again.',
    });
  }
  return (await readdir(folder)).filter((name) => name.endsWith('.whl')).map((name) => join(folder, name));
}

const reportSchema = z.object({
  install: z.array(
    z.object({
      download_info: z.object({ url: z.string() }),
      metadata: z.object({
        name: z.string(),
        version: z.string(),
        requires_dist: z.array(z.string()).default([]),
      }),
    }),
  ),
});

interface Report {
  readonly wheels: readonly OfferedWheel[] | undefined;
  readonly isTooOld: boolean;
  readonly output: string;
}

/** What pip would fetch: only metadata is, where the index has it apart. */
async function report(args: readonly string[], request: PipRequest): Promise<Report> {
  const file = join(request.folder, 'pip-report.json');
  const target = join(request.folder, 'nowhere');
  const options = ['--dry-run', '--ignore-installed', '--target', target, '--report', file];
  const { ok, output } = await runPip('install', [...options, ...args], request);
  const isTooOld = /no such option: --(report|dry-run)/.test(output);
  if (!ok) return { wheels: undefined, isTooOld, output };
  const { install } = await readReport(file);
  const wheels = install.map(async ({ download_info: { url }, metadata }) => ({
    name: metadata.name,
    version: metadata.version,
    requires: metadata.requires_dist,
    bytes: await sizeOf(url, request.signal),
  }));
  return { wheels: await Promise.all(wheels), isTooOld: false, output };
}

async function readReport(file: string): Promise<z.output<typeof reportSchema>> {
  try {
    return reportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_INSTALL', 'the report of pip is not to be understood', {
      hint: 'Set SVG_T2I_PYTHON to a Python with another pip, or pass an archive with --file, or an unpacked libtorch with --libtorch.',
      cause: error,
    });
  }
}

async function sizeOf(url: string, signal: AbortSignal | undefined): Promise<number | undefined> {
  const timeout = AbortSignal.timeout(SIZE_TIMEOUT_MS);
  try {
    if (url.startsWith('file:')) return (await stat(fileURLToPath(url))).size;
    const { ok, headers } = await fetch(url, {
      method: 'HEAD',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const length = headers.get('content-length');
    return ok && length !== null ? Number(length) : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    // Node.js does not know pip's proxies and certificates; then the size stays unknown.
    return isError(error) ? undefined : Promise.reject(error);
  }
}

function lastLine(outputs: readonly string[]): string {
  const lines = outputs
    .join('\n')
    .split('\n')
    .filter((line) => line.trim() !== '');
  // Its warnings, as of an index that is not there, are not what it failed of.
  const errors = lines.filter((line) => line.startsWith('ERROR: '));
  return (errors.at(-1) ?? lines.at(-1))?.replace(/^ERROR: /, '') ?? 'no reason given';
}
