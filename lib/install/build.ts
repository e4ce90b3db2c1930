/** Builds the addon (and the native tests) from source with cmake-js; skipped when nothing has changed. */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { SvgT2IError } from '../errors.js';
import { makeFolder } from '../files.js';
import { BUILD_INFO_FILE, type BuildInfo } from './build-info.js';
import { buildJobs } from './jobs.js';
import type { Libtorch } from './libtorch.js';
import { PACKAGE_ROOT } from './paths.js';
import { runProgram } from './run-program.js';
import { checkToolchain } from './toolchain.js';

export interface BuildOptions {
  readonly libtorch: Libtorch;
  /** Build the native tests too. */
  readonly tests?: boolean;
  /** CUDA kernels: auto (where nvcc and a CUDA libtorch are found), on, off. */
  readonly cuda?: 'auto' | 'on' | 'off';
  /** Compute capabilities that get kernels of their own, as in "80,90a"; those of cmake/cuda.cmake where not given. */
  readonly cudaTargets?: string | undefined;
  /** Builds in this folder of the package, beside the build that is loaded, which stays as it is. */
  readonly folder?: string | undefined;
  /** Build even where nothing has changed. */
  readonly force?: boolean;
  /** Files that are compiled at once; what CMAKE_BUILD_PARALLEL_LEVEL or the machine says where not given. */
  readonly jobs?: number | undefined;
  /** Ends the compilers, too. */
  readonly signal?: AbortSignal | undefined;
  readonly log?: (line: string) => void;
}

export interface BuildResult {
  readonly built: boolean;
  readonly seconds: number;
}

/** Below the folder of results. */
const OUTPUTS = ['Release/svg-t2i.node', 'loader/svg-t2i-loader.node', `loader/${BUILD_INFO_FILE}`];
/** What the addon is compiled from. */
export const SOURCES = ['CMakeLists.txt', 'cmake', 'native'] as const;
const TEST_SOURCES = 'test/native';
const TEST_PROGRAM = 'tests/svg_native_tests';

/** Where CMake works, and where its results go. */
export interface BuildFolders {
  readonly cmake: string;
  readonly output: string;
}

/** The folders of a build: what is loaded is found in build/, another one keeps to its own. */
export function buildFolders(folder?: string): BuildFolders {
  if (folder === undefined)
    return { cmake: join(PACKAGE_ROOT, 'build-cmake'), output: join(PACKAGE_ROOT, 'build') };
  const cmake = join(PACKAGE_ROOT, folder);
  return { cmake, output: join(cmake, 'output') };
}

/** What the last good build was made of. */
interface Stamp {
  /** Options that CMake was configured with. */
  readonly configuration: string;
  /** Sources of the addon; with the tests' own where they were built. */
  readonly sources: string;
  readonly testSources: string | undefined;
}

/** @throws SvgT2IError ERR_SVGT2I_BUILD; the reason of the signal */
export async function buildAddon(options: BuildOptions): Promise<BuildResult> {
  const start = performance.now();
  const jobs = buildJobs(options.jobs);
  const log = options.log ?? (() => undefined);
  const folders = buildFolders(options.folder);
  const stampFile = join(folders.cmake, '.stamp.json');
  const previous = readStamp(stampFile);
  const tests = options.tests ?? false;
  if (tests && !existsSync(join(PACKAGE_ROOT, TEST_SOURCES))) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', 'the native tests are no part of the package', {
      hint: 'Leave --tests out, or build in a clone.',
    });
  }
  const configuration = describeConfiguration(options);
  const sources = fingerprint(SOURCES);
  const testSources = tests ? fingerprint([TEST_SOURCES]) : undefined;
  const current =
    previous?.configuration === configuration &&
    previous.sources === sources &&
    (!tests || previous.testSources === testSources) &&
    [...OUTPUTS, ...(tests ? [TEST_PROGRAM] : [])].every((file) => existsSync(join(folders.output, file)));
  if (current && options.force !== true) return { built: false, seconds: (performance.now() - start) / 1000 };

  const toolchain = checkToolchain();
  const { version, flavour } = options.libtorch;
  log(
    `building the native code (${toolchain.compiler}, CMake ${toolchain.cmake}, libtorch ${version} ${flavour}, ${jobs} jobs)`,
  );
  // A failed build must not look done, and another libtorch's objects must not be linked.
  await rm(stampFile, { force: true });
  const isOfOther = previous !== undefined && previous.configuration !== configuration;
  if (isOfOther || isOfAnotherClone(folders.cmake, PACKAGE_ROOT)) {
    await rm(folders.cmake, { recursive: true, force: true });
  }
  await makeFolder(folders.cmake);
  const settings = [
    ...(toolchain.ninja ? ['-G', 'Ninja'] : []),
    `--CDSVG_LIBTORCH=${options.libtorch.dir}`,
    `--CDSVG_CUDA=${options.cuda ?? 'auto'}`,
    `--CDSVG_TESTS=${tests ? 'ON' : 'OFF'}`,
    `--CDSVG_OUTPUT=${folders.output}`,
    ...(options.cudaTargets === undefined ? [] : [`--CDSVG_CUDA_TARGETS=${options.cudaTargets}`]),
  ];
  await runCmakeJs(['configure', ...settings], folders, options);
  await runCmakeJs(['build', ...settings, '--parallel', String(jobs)], folders, options);
  const loaderFolder = join(folders.output, 'loader');
  await makeFolder(loaderFolder);
  const info: BuildInfo = {
    torch: options.libtorch.version,
    flavour: options.libtorch.flavour,
    libtorch: options.libtorch.dir,
  };
  await writeFile(join(loaderFolder, BUILD_INFO_FILE), `${JSON.stringify(info, undefined, 2)}\n`);
  const stamp: Stamp = { configuration, sources, testSources };
  await writeFile(stampFile, JSON.stringify(stamp));
  const seconds = (performance.now() - start) / 1000;
  log(`built the native code in ${seconds.toFixed(0)} s`);
  return { built: true, seconds };
}

function describeConfiguration({ libtorch, cuda, cudaTargets }: BuildOptions): string {
  return JSON.stringify([
    libtorch.dir,
    libtorch.version,
    libtorch.flavour,
    cuda ?? 'auto',
    process.env.CXX ?? '',
    ...(cudaTargets === undefined ? [] : [cudaTargets]),
  ]);
}

function readStamp(file: string): Stamp | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stamp) : undefined;
}

/** Hash of names, sizes and times of files and of all files in folders of the package. */
function fingerprint(paths: readonly string[]): string {
  const hash = createHash('sha256');
  const visit = (path: string) => {
    const stats = statSync(path);
    if (stats.isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else {
      hash.update(`${path}\0${stats.size}\0${stats.mtimeMs}\n`);
    }
  };
  for (const path of paths) visit(join(PACKAGE_ROOT, path));
  return hash.digest('hex');
}

/** CMake refuses the folder of a clone that was copied or renamed. */
export function isOfAnotherClone(buildFolder: string, clone: string): boolean {
  const cache = join(buildFolder, 'CMakeCache.txt');
  if (!existsSync(cache)) return false;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  return home === undefined || !existsSync(home) || realpathSync(home) !== realpathSync(clone);
}

/** Runs cmake-js; its output goes to a log, of which the end is shown when it fails. */
async function runCmakeJs(
  args: readonly string[],
  { cmake }: BuildFolders,
  { log, signal }: BuildOptions,
): Promise<void> {
  const program = join(
    dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')),
    'bin/cmake-js',
  );
  const logFile = join(cmake, 'build.log');
  const file = createWriteStream(logFile, { flags: args[0] === 'configure' ? 'w' : 'a' });
  const tail: string[] = [];
  let lastShown = Date.now();
  const take = (line: string) => {
    file.write(`${line}\n`);
    tail.push(line);
    if (tail.length > 60) tail.shift();
    const step = /^\[\s*(\d+\/\d+|\d+%)\]/.exec(line)?.[1];
    if (step !== undefined && Date.now() - lastShown > 10_000) {
      lastShown = Date.now();
      log?.(`compiling ${step}`);
    }
  };
  try {
    const { code } = await runProgram(process.execPath, [program, ...args, '--out', cmake], {
      cwd: PACKAGE_ROOT,
      env: { ...process.env, CLICOLOR_FORCE: '0' },
      signal,
      onStart: ({ stdout, stderr }) => {
        for (const stream of [stdout, stderr])
          if (stream) createInterface({ input: stream }).on('line', take);
      },
    });
    if (code === 0) return;
  } finally {
    file.end();
  }
  for (const line of tail) log?.(line);
  throw new SvgT2IError(
    'ERR_SVGT2I_BUILD',
    `the native build failed (${args[0]}); the whole log is ${logFile}`,
    {
      hint:
        'The first line with "error:" or "CMake Error" above, or in the log, names the cause; a compiler that was ' +
        'killed ran out of memory: use fewer --jobs. `svg-t2i doctor` checks the compiler and CMake.',
    },
  );
}
