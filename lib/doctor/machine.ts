/** What the machine is: Node.js, C library, processor, memory, GPU, compilers, disk. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { firstLine, SvgT2IError } from '../errors.js';
import { detectDriver, flavourForDriver } from '../install/cuda.js';
import { memoryAvailable, memoryLimit } from '../install/memory.js';
import { cacheHome } from '../install/paths.js';
import { checkToolchain, nvccVersion } from '../install/toolchain.js';
import { type Finding, fail, ok, warn } from './finding.js';

const GIB = 1024 ** 3;
const OLDEST_NODE = [20, 19] as const;
// libtorch is built on manylinux_2_28.
const OLDEST_GLIBC = [2, 28] as const;

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

function checkNode(): Finding {
  const version = process.versions.node;
  if (atLeast(version, OLDEST_NODE)) return ok('Node.js', version);
  return fail('Node.js', version, 'Install Node.js 20.19 or newer.');
}

function checkSystem(): Finding {
  const where = `${process.platform}-${process.arch}`;
  if (where !== 'linux-x64') return fail('system', where, 'libtorch is supported here on Linux x86-64 only.');
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const glibc = report.header?.glibcVersionRuntime;
  if (glibc === undefined)
    return fail('system', `${where} without glibc`, 'Use a distribution with glibc (not Alpine).');
  if (atLeast(glibc, OLDEST_GLIBC)) return ok('system', `${where}, glibc ${glibc}`);
  return fail('system', `${where}, glibc ${glibc}`, 'libtorch needs glibc 2.28: use a newer distribution.');
}

function checkProcessor(): Finding {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const known = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'avx512_bf16', 'amx_int8', 'amx_bf16'];
  const features = known.filter((name) => new RegExp(`\\b${name}\\b`).test(flags));
  const detail = `${model}, ${availableParallelism()} threads, ${features.join(' ') || 'no vector extensions'}`;
  return features.includes('avx2')
    ? ok('processor', detail)
    : warn('processor', detail, 'Without AVX2 the CPU path is very slow: use a GPU.');
}

function checkMemory(): Finding {
  const [total, limit] = [totalmem(), memoryLimit()];
  const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;
  const container = limit < total ? `, of which the container may take ${gib(limit)}` : '';
  const detail = `${gib(total)}${container}, ${gib(memoryAvailable())} available`;
  return limit >= 16 * GIB
    ? ok('memory', detail)
    : warn(
        'memory',
        detail,
        'The 2B model with its text encoder wants 16 GiB in bf16; small checkpoints run in less.',
      );
}

function checkGpu(): Finding {
  const driver = detectDriver();
  if (driver === undefined) return ok('GPU', 'no NVIDIA driver: models run on the CPU');
  const query = spawnSync('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader'], {
    encoding: 'utf8',
  });
  const names = query.status === 0 ? query.stdout.trim().split('\n').join('; ') : 'nvidia-smi does not run';
  const detail = `${names}, driver ${driver.version ?? 'of unknown version'}`;
  if (flavourForDriver(driver) !== 'cpu') return ok('GPU', detail);
  return warn('GPU', detail, 'Update the NVIDIA driver to 525 or newer to use the GPU.');
}

function checkCompilers(): Finding {
  const nvcc = nvccVersion();
  const cuda = nvcc === undefined ? 'no nvcc (needed only to build CUDA kernels)' : `nvcc ${nvcc}`;
  try {
    const { cmake, compiler, ninja } = checkToolchain();
    return ok('toolchain', `CMake ${cmake}, ${compiler}, ${ninja ? 'ninja' : 'make'}, ${cuda}`);
  } catch (error) {
    const fix = SvgT2IError.isInstance(error) ? error.hint : undefined;
    return warn('toolchain', firstLine(error), fix ?? 'Install CMake and a C++20 compiler.');
  }
}

async function checkCache(): Promise<Finding> {
  const home = cacheHome();
  let existing = home;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = (bavail * bsize) / GIB;
  const detail = `${home}, ${free.toFixed(1)} GiB free`;
  return free >= 1
    ? ok('cache', detail)
    : warn('cache', detail, 'Free some space, or set SVG_T2I_HOME to another disk.');
}

export async function checkMachine(): Promise<readonly Finding[]> {
  return [
    checkNode(),
    checkSystem(),
    checkProcessor(),
    checkMemory(),
    checkGpu(),
    checkCompilers(),
    await checkCache(),
  ];
}
