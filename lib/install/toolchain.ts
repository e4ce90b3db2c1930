/** The tools that a build from source needs: CMake 3.22, a C++20 compiler, a build program. */
import { spawnSync } from 'node:child_process';
import { SvgT2IError } from '../errors.js';

export interface Toolchain {
  /** Version, as in "3.25.1". */
  readonly cmake: string;
  /** First line of `c++ --version`. */
  readonly compiler: string;
  readonly ninja: boolean;
}

const OLDEST_CMAKE = [3, 22] as const;
const OLDEST_GCC = 11;
const OLDEST_CLANG = 14;
const PACKAGES =
  'Debian and Ubuntu: apt install cmake ninja-build g++. Fedora: dnf install cmake ninja-build gcc-c++.';

function versionText(command: string): string | undefined {
  const result = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout : undefined;
}

function missing(message: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_BUILD', message, { hint: PACKAGES });
}

/** Version of nvcc, as in "13.0", or undefined. */
export function nvccVersion(): string | undefined {
  return /release (\d+\.\d+)/.exec(versionText('nvcc') ?? '')?.[1];
}

/** Throws ERR_SVGT2I_BUILD with the packages to install. */
export function checkToolchain(): Toolchain {
  const cmake = /(\d+)\.(\d+)\.\d+/.exec(versionText('cmake') ?? '');
  const oldest = OLDEST_CMAKE.join('.');
  if (cmake === null) throw missing(`cmake is not on PATH; a build needs ${oldest} or newer`);
  const [major, minor] = [Number(cmake[1]), Number(cmake[2])];
  if (major < OLDEST_CMAKE[0] || (major === OLDEST_CMAKE[0] && minor < OLDEST_CMAKE[1])) {
    throw missing(`cmake ${cmake[0]} is too old; a build needs ${oldest} or newer`);
  }
  const ninja = versionText('ninja') !== undefined;
  if (!ninja && versionText('make') === undefined) throw missing('neither ninja nor make is on PATH');
  return { cmake: cmake[0], compiler: checkCompiler(), ninja };
}

function checkCompiler(): string {
  const command =
    process.env.CXX || ['c++', 'g++', 'clang++'].find((name) => versionText(name) !== undefined);
  const text = command === undefined ? undefined : versionText(command);
  if (text === undefined)
    throw missing('no C++ compiler on PATH; a build needs g++ 11 or clang++ 14, or newer');
  const line = text.split('\n', 1)[0] ?? '';
  const clang = /clang version (\d+)/.exec(line);
  const major = Number(clang?.[1] ?? /(\d+)\.\d+\.\d+/.exec(line)?.[1] ?? Number.NaN);
  if (major < (clang === null ? OLDEST_GCC : OLDEST_CLANG)) {
    throw missing(`${line} is too old; a build needs g++ ${OLDEST_GCC} or clang++ ${OLDEST_CLANG}, or newer`);
  }
  return line;
}
