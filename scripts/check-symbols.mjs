// Holds the addon and its loader against what package.json promises of a system (config.glibc, config.glibcxx): versions
// of symbols, libraries, no run path, no path of the machine that built them. Files are named, or those of build/.
// --strict (for what is published): a newer compiler is no excuse.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

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

function read(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 ** 2,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

function isNewer(version, floor) {
  return version.localeCompare(floor, 'en', { numeric: true }) > 0;
}

/** "pthread_join asks for GLIBC_2.34" for everything above the floor. */
function newSymbols(file) {
  const found = [];
  for (const line of read('objdump', ['-T', file]).split('\n')) {
    const match = /\*UND\*.*\(([A-Z]+)_([\d.]+)\)\s+(\S+)$/.exec(line);
    if (match === null) continue;
    const [, family, version, symbol] = match;
    if (family in FLOOR && isNewer(version, FLOOR[family]))
      found.push(`${symbol} asks for ${family}_${version}, newer than ${FLOOR[family]}`);
  }
  return found;
}

function dynamicSection(file, cuda) {
  const allowed = cuda ? [...LIBRARIES, ...CUDA_LIBRARIES] : LIBRARIES;
  const found = [];
  for (const [, tag, value] of read('objdump', ['-p', file]).matchAll(
    /^\s+(NEEDED|RPATH|RUNPATH)\s+(\S+)/gm,
  )) {
    if (tag !== 'NEEDED') found.push(`has the ${tag} ${value}`);
    else if (!allowed.some((pattern) => pattern.test(value))) found.push(`needs ${value}`);
  }
  return found;
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

/** Newest GCC that compiled a part of it. */
function gccMajor(file) {
  const versions = [...read('readelf', ['-p', '.comment', file]).matchAll(/GCC: \([^)]*\) (\d+)\./g)];
  return Math.max(0, ...versions.map(([, major]) => Number(major)));
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
  const newer = gcc > LAST_TRIED_GCC || isNewer(glibc, LAST_TRIED_GLIBC);
  const excused = !strict && (cuda || newer);
  if (symbols.length > 0 && excused) {
    const why = cuda ? 'a build with CUDA' : `a build of GCC ${gcc} on glibc ${glibc}`;
    console.log(
      `remark: ${name}, ${why}, loads on fewer systems than the published one: ${symbols.join('; ')}`,
    );
  }
  const problems = [...(excused ? [] : symbols), ...dynamicSection(file, cuda), ...builderPaths(file, info)];
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (symbols.length > 0 && !excused)
    console.error(`fix: build with GCC 11 or ${LAST_TRIED_GCC} (CXX), or add to cmake/glibc_floor.cmake`);
  if (problems.length > 0) process.exitCode = 1;
}
