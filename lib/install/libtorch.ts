/** What a folder of libtorch holds: version, flavour, ABI; read from its files, without loading it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { checkTorchVersion } from './torch-version.js';

export interface Libtorch {
  /** Holds lib/ and include/; absolute. */
  readonly dir: string;
  /** As in "2.13.0". */
  readonly version: string;
  /** "cpu", or "cu130" and the like; "cuda" where the CUDA version is written nowhere. */
  readonly flavour: string;
}

// The version is in the first header up to 2.9, in the second since.
const VERSION_HEADERS = [
  'include/torch/headeronly/version.h',
  'include/torch/csrc/api/include/torch/version.h',
] as const;

function readIfPresent(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The folder itself, or the libtorch/ or torch/ inside it (an unpacked archive, a site-packages folder). */
function libtorchRoot(dir: string): string | undefined {
  return [dir, join(dir, 'libtorch'), join(dir, 'torch')].find((folder) =>
    existsSync(join(folder, 'lib/libtorch.so')),
  );
}

function readVersion(dir: string): string | undefined {
  for (const header of VERSION_HEADERS) {
    const text = readIfPresent(join(dir, header));
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`TORCH_VERSION_${part} (\\d+)`).exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join('.');
  }
  return undefined;
}

function readFlavour(dir: string): string {
  if (!existsSync(join(dir, 'lib/libtorch_cuda.so'))) return 'cpu';
  const named = /\+(cu\d+)/.exec(readIfPresent(join(dir, 'build-version')))?.[1];
  if (named !== undefined) return named;
  const cuda = /^cuda: [^=]*= '(\d+)\.(\d+)/m.exec(readIfPresent(join(dir, 'version.py')));
  return cuda === null ? 'cuda' : `cu${cuda[1]}${cuda[2]}`;
}

/** Throws ERR_SVGT2I_LIBTORCH_MISSING for a folder without libtorch, ERR_SVGT2I_TORCH_VERSION for a wrong one. */
export function inspectLibtorch(folder: string): Libtorch {
  const dir = libtorchRoot(resolve(folder));
  const version = dir === undefined ? undefined : readVersion(dir);
  if (dir === undefined || version === undefined) {
    const missing = dir === undefined ? 'lib/libtorch.so' : VERSION_HEADERS[0];
    throw new SvgT2IError('ERR_SVGT2I_LIBTORCH_MISSING', `no libtorch in ${folder}: ${missing} is missing`, {
      hint: 'Name the folder that holds lib/ and include/ (of a Python: site-packages/torch), or run `svg-t2i install`.',
    });
  }
  checkTorchVersion(version, dir);
  return { dir, version, flavour: readFlavour(dir) };
}

/** Refuses the old C++ ABI: it links, and then fails on every std::string. */
export function checkCxxAbi({ dir }: Libtorch): void {
  if (readFileSync(join(dir, 'lib/libc10.so')).includes('NSt7__cxx1112basic_string')) return;
  throw new SvgT2IError('ERR_SVGT2I_TORCH_VERSION', `${dir} was built with the old C++ ABI`, {
    hint: 'Use a build with the cxx11 ABI: every official one since 2.7 is.',
  });
}

// Dependencies before dependants. A library that is already open satisfies later ones by its SONAME, so the NVIDIA
// libraries need not lie where libtorch's own run path expects them.
const LOAD_ORDER = [
  /^libgomp[-.]/,
  /^libcudart[-.]/,
  /^libnvJitLink/,
  /^libnvrtc[-.]/,
  /^libcublasLt/,
  /^libcublas\./,
  /^libcufft\./,
  /^libcurand/,
  /^libcusparse\./,
  /^libcusolver\./,
  /^libcupti/,
  /^libcudnn\./,
  /^libcusparseLt/,
  /^libcufile\./,
  /^libnccl/,
  /^libnvshmem_host/,
  /^libc10\.so$/,
  /^libc10_cuda\.so$/,
  /^libtorch_cpu\.so$/,
  /^libtorch_cuda_linalg\.so$/,
  /^libtorch_cuda\.so$/,
  /^libtorch\.so$/,
] as const;

/** Absolute paths of the libraries to open, in this order. libtorch_cuda is nobody's dependency, so it is named. */
export function librariesToOpen({ dir }: Libtorch): readonly string[] {
  const lib = join(dir, 'lib');
  const files = readdirSync(lib);
  return LOAD_ORDER.flatMap((pattern) =>
    files.filter((file) => pattern.test(file)).map((file) => join(lib, file)),
  );
}
