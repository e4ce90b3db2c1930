// Reads what a shared library asks of a system, and which GPUs its kernels were compiled for.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

function read(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 ** 2,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** "2.28" before "2.4": parts are numbers. */
export function compareVersions(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Symbols of other libraries with their versions, as {symbol, family: "GLIBC", version: "2.28"}. */
export function versionedSymbols(file) {
  return read('objdump', ['-T', file])
    .split('\n')
    .flatMap((line) => {
      const match = /\*UND\*.*\(([A-Z]+)_([\d.]+)\)\s+(\S+)$/.exec(line);
      return match === null ? [] : [{ family: match[1], version: match[2], symbol: match[3] }];
    });
}

/** The newest version of each family that is asked for, as {GLIBC: "2.28"}. */
export function newestVersions(file) {
  const newest = {};
  for (const { family, version } of versionedSymbols(file))
    if (newest[family] === undefined || compareVersions(version, newest[family]) > 0)
      newest[family] = version;
  return newest;
}

/** Entries of the dynamic section that name libraries and folders, as {tag: "NEEDED", value: "libc.so.6"}. */
export function libraryEntries(file) {
  const text = read('objdump', ['-p', file]);
  return [...text.matchAll(/^\s+(NEEDED|RPATH|RUNPATH)\s+(\S+)/gm)].map(([, tag, value]) => ({ tag, value }));
}

/** Whether it holds no table of symbols but the one for loading it. */
export function isStripped(file) {
  return !/\s\.symtab\s/.test(read('readelf', ['-S', '-W', file]));
}

/** Newest GCC that compiled a part of it. */
export function gccMajor(file) {
  const versions = [...read('readelf', ['-p', '.comment', file]).matchAll(/GCC: \([^)]*\) (\d+)\./g)];
  return Math.max(0, ...versions.map(([, major]) => Number(major)));
}

// A container of kernels: a header of 16 bytes (magic number, version, its own size, bytes that follow), then entries.
// An entry's header tells its kind (1: PTX, 2: machine code), its own size, the bytes after it, and the capability.
const FATBIN = Buffer.from([0x50, 0xed, 0x55, 0xba]);
const FATBIN_HEADER = 16;
const ENTRY_HEADER = 64;
const KINDS = new Map([
  [1, 'ptx'],
  [2, 'sm'],
]);

/** The GPUs that it has kernels for, as ["ptx_120", "sm_80", "sm_120"]; none without CUDA. */
export function kernelTargets(file) {
  const bytes = readFileSync(file);
  const found = new Set();
  for (let at = bytes.indexOf(FATBIN); at >= 0; at = bytes.indexOf(FATBIN, at + 1)) {
    if (at + FATBIN_HEADER > bytes.length || bytes.readUInt16LE(at + 6) !== FATBIN_HEADER) continue;
    const end = at + FATBIN_HEADER + Number(bytes.readBigUInt64LE(at + 8));
    let entry = at + FATBIN_HEADER;
    while (entry + ENTRY_HEADER <= Math.min(end, bytes.length)) {
      const kind = KINDS.get(bytes.readUInt16LE(entry));
      const size = bytes.readUInt32LE(entry + 4) + Number(bytes.readBigUInt64LE(entry + 8));
      if (kind === undefined || size < ENTRY_HEADER) break;
      found.add(`${kind}_${bytes.readUInt32LE(entry + 28)}`);
      entry += size;
    }
  }
  return [...found].sort(compareVersions);
}
