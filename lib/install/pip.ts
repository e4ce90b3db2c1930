/** Fetches wheels with pip: its own configuration (indexes, find-links, proxies, certificates) applies. */
import { spawn, spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { readZipText } from './unzip.js';

// Tried in turn when the Python on PATH has no wheel of its own: the libraries are the same in all of them.
const OTHER_PYTHONS = ['3.12', '3.11', '3.13', '3.10'] as const;

/** The Python whose pip fetches the wheels. */
export function findPip(): string {
  const candidates = process.env.SVG_T2I_PYTHON ? [process.env.SVG_T2I_PYTHON] : ['python3', 'python'];
  const python = candidates.find((name) => spawnSync(name, ['-m', 'pip', '--version']).status === 0);
  if (python !== undefined) return python;
  throw new SvgT2IError(
    'ERR_SVGT2I_INSTALL',
    `no pip to fetch libtorch with (tried ${candidates.join(', ')})`,
    {
      hint: 'Install python3-pip, or pass an archive with --file, or an unpacked libtorch with --libtorch.',
    },
  );
}

export interface PipResult {
  readonly ok: boolean;
  /** pip's own account of a failure, its last lines. */
  readonly output: string;
}

function runPip(
  python: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<PipResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      python,
      ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(signal === undefined ? {} : { signal }),
      },
    );
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}

export interface WheelRequest {
  readonly version: string;
  readonly flavour: string;
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  readonly note: (message: string) => void;
}

/**
 * pip's names for a flavour, the exact one first. Without a suffix an index gives what it has: for CUDA that must
 * not be a CPU build.
 */
export function torchRequirements(version: string, flavour: string): readonly string[] {
  const exact = `torch==${version}+${flavour}`;
  return flavour === 'cpu' ? [exact, `torch==${version}`] : [exact, `torch==${version},!=${version}+cpu`];
}

/** Path of torch's wheel in the folder. */
export async function downloadTorchWheel(request: WheelRequest): Promise<string> {
  const { folder, signal } = request;
  const python = findPip();
  const failures: string[] = [];
  for (const requirement of torchRequirements(request.version, request.flavour)) {
    request.note(`fetching ${requirement} with pip (this can take minutes)`);
    for (const target of [undefined, ...OTHER_PYTHONS]) {
      const platform =
        target === undefined
          ? []
          : ['--python-version', target, '--platform', 'manylinux_2_28_x86_64', '--implementation', 'cp'];
      const result = await runPip(
        python,
        ['--no-deps', '--only-binary=:all:', ...platform, '--dest', folder, requirement],
        signal,
      );
      if (result.ok) return join(folder, await theWheel(folder, /^torch-.*\.whl$/));
      failures.push(result.output);
      // Another Python's wheel helps only where this one has none.
      if (!result.output.includes('No matching distribution')) break;
    }
  }
  throw new SvgT2IError(
    'ERR_SVGT2I_INSTALL',
    `pip has no torch ${request.version} (${request.flavour}): ${lastLine(failures)}`,
    {
      hint: 'Check the network and pip config, or pass an archive with --file, or an unpacked libtorch with --libtorch.',
    },
  );
}

/** The wheels of NVIDIA libraries that a CUDA build of torch asks for; their paths. */
export async function downloadNvidiaWheels(
  torchWheel: string,
  request: WheelRequest,
): Promise<readonly string[]> {
  const metadata = await readZipText(torchWheel, /^[^/]+\.dist-info\/METADATA$/);
  const requirements = nvidiaRequirements(metadata ?? '');
  if (requirements.length === 0) return [];
  request.note(`fetching the CUDA libraries with pip (${requirements.length} packages, some GiB)`);
  const result = await runPip(
    findPip(),
    ['--only-binary=:all:', '--dest', request.folder, ...requirements],
    request.signal,
  );
  if (!result.ok) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INSTALL',
      `pip cannot fetch the CUDA libraries: ${lastLine([result.output])}`,
    );
  }
  const files = await readdir(request.folder);
  return files.filter((file) => /^nvidia_.*\.whl$/.test(file)).map((file) => join(request.folder, file));
}

/** Requirements of NVIDIA's packages in a wheel's METADATA, without their markers. */
export function nvidiaRequirements(metadata: string): readonly string[] {
  return [...metadata.matchAll(/^Requires-Dist:\s*((?:nvidia-|cuda-toolkit)[^;\n]*)/gm)].map((match) =>
    (match[1] ?? '').trim().replace(/\s*\(([^)]*)\)$/, '$1'),
  );
}

async function theWheel(folder: string, name: RegExp): Promise<string> {
  const wheel = (await readdir(folder)).find((file) => name.test(file));
  if (wheel === undefined) throw new SvgT2IError('ERR_SVGT2I_INSTALL', `pip left no wheel in ${folder}`);
  return wheel;
}

function lastLine(outputs: readonly string[]): string {
  const lines = outputs
    .join('\n')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.at(-1)?.replace(/^ERROR: /, '') ?? 'no reason given';
}
