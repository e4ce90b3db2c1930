// Holds the addon and its loader against what package.json promises of a system (config.glibc, config.glibcxx): versions
// of symbols, libraries, no run path, no path of the machine that built them. Files are named, or those of build/.
// --strict (for what is published): a newer compiler is no excuse, and symbols that nobody needs are stripped.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import {
  compareVersions,
  gccMajor,
  isStripped,
  libraryEntries,
  versionedSymbols,
} from './prebuild/binary.mjs';

const root = join(import.meta.dirname, '..');
/** The floor is kept with this GCC on this glibc; their successors bind more to newer versions. */
const LAST_TRIED_GCC = 12;
const LAST_TRIED_GLIBC = '2.36';
const LIBRARIES = [
  /^libtorch(_cpu)?\.so$/,
  /^libc10\.so$/,
  /^lib(gomp|m|c|dl|pthread|gcc_s|stdc\+\+)\.so\.\d+$/,
  /^ld-linux-x86-64\.so\.2$/,
];
const CUDA_LIBRARIES = [/^libtorch_cuda\.so$/, /^libc10_cuda\.so$/, /^librt\.so\.1$/];

const { config } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Newest version of each family that may be asked for. CXXABI 1.3.13 is that of GLIBCXX 3.4.29. */
const FLOOR = {
  GLIBC: config.glibc.replace(/^>=/, ''),
  GLIBCXX: config.glibcxx.replace(/^>=/, ''),
  CXXABI: '1.3.13',
};

const strict = process.argv.includes('--strict');
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const built = ['build/Release/svg-t2i.node', 'build/loader/svg-t2i-loader.node'].map((file) =>
  join(root, file),
);
const files = named.length > 0 ? named : built;

/** "pthread_join asks for GLIBC_2.34" for everything above the floor. */
function newSymbols(file) {
  return versionedSymbols(file)
    .filter(({ family, version }) => family in FLOOR && compareVersions(version, FLOOR[family]) > 0)
    .map(
      ({ family, version, symbol }) => `${symbol} asks for ${family}_${version}, newer than ${FLOOR[family]}`,
    );
}

function libraryProblems(file, cuda) {
  const allowed = cuda ? [...LIBRARIES, ...CUDA_LIBRARIES] : LIBRARIES;
  return libraryEntries(file).flatMap(({ tag, value }) => {
    if (tag !== 'NEEDED') return [`has the ${tag} ${value}`];
    return allowed.some((pattern) => pattern.test(value)) ? [] : [`needs ${value}`];
  });
}

function buildInfo(file) {
  const places = ['../loader', 'loader', '.'].map((folder) => join(dirname(file), folder, 'build-info.json'));
  const place = places.find((candidate) => existsSync(candidate));
  return place === undefined ? {} : JSON.parse(readFileSync(place, 'utf8'));
}

function builderPaths(file, { libtorch }) {
  const bytes = readFileSync(file);
  const home = homedir() === '/' ? undefined : homedir();
  return [root, libtorch, home].filter(Boolean).flatMap((path) => {
    const at = bytes.indexOf(`${path}/`);
    if (at < 0) return [];
    const text = bytes.subarray(at, at + 120).toString('latin1');
    return [`names a path of this machine: ${text.split('\0')[0]}`];
  });
}

for (const file of files) {
  const name = relative(root, file).startsWith('..') ? basename(file) : relative(root, file);
  if (!existsSync(file)) {
    console.error(`${name}: not built`);
    process.exitCode = 1;
    continue;
  }
  const info = buildInfo(file);
  const cuda = (info.flavour ?? 'cpu') !== 'cpu';
  const symbols = newSymbols(file);
  const gcc = gccMajor(file);
  const { glibcVersionRuntime: glibc = '' } = process.report.getReport().header;
  const newer = gcc > LAST_TRIED_GCC || compareVersions(glibc, LAST_TRIED_GLIBC) > 0;
  // The CUDA runtime inside is of the toolkit that is there.
  const excused = !strict && (cuda || newer);
  if (symbols.length > 0 && excused) {
    const why = cuda ? 'a build with CUDA' : `a build of GCC ${gcc} on glibc ${glibc}`;
    console.log(
      `remark: ${name}, ${why}, loads on fewer systems than the published one: ${symbols.join('; ')}`,
    );
  }
  const problems = [
    ...(excused ? [] : symbols),
    ...libraryProblems(file, cuda),
    ...builderPaths(file, info),
    ...(strict && !isStripped(file) ? ['is not stripped'] : []),
  ];
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (symbols.length > 0 && !excused)
    console.error(`fix: build with GCC 11 or ${LAST_TRIED_GCC} (CXX), or add to cmake/glibc_floor.cmake`);
  if (problems.length > 0) process.exitCode = 1;
}
