// clang-format over the C++ and CUDA sources; with --write it mends them.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { filesBelow } from './files.mjs';

const root = join(import.meta.dirname, '..');
const clangFormat = createRequire(import.meta.url)('clang-format').getNativeBinary();
const endings = ['.h', '.cpp', '.cuh', '.cu'];
const files = [
  ...filesBelow(join(root, 'native'), endings),
  ...filesBelow(join(root, 'test/native'), endings),
];

const write = process.argv.includes('--write');
const mode = write ? ['-i'] : ['--dry-run', '--Werror'];
const result = spawnSync(clangFormat, [...mode, ...files], { cwd: root, encoding: 'utf8' });
if (result.status !== 0) {
  // One line a file instead of four lines a place.
  const places = [...(result.stderr ?? '').matchAll(/^(\S+?):\d+:\d+: error/gm)].map((match) => match[1]);
  for (const file of new Set(places)) console.error(`${relative(root, file)}: not formatted`);
  if (places.length === 0) console.error(result.error?.message ?? result.stderr);
  console.error('fix: npm run format');
  process.exitCode = 1;
}
